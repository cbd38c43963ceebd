import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pb from "@pulumi/pulumi/proto/language_pb";
import { expect } from "chai";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { parse } from "yaml";

import { runnerEnvironment } from "../../../../harness/plugins/language";

const root = join(__dirname, "..", "..", "..", "..");
const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as {
  runtime: { options: { typescript: boolean } };
};

function request(options: Record<string, string | boolean>): pb.RunRequest {
  const info = new pb.ProgramInfo();
  info.setOptions(Struct.fromJavaScript(options));
  const asked = new pb.RunRequest();
  asked.setInfo(info);
  return asked;
}

describe("how the engine starts the program", () => {
  it("gives the runner the options that Pulumi.yaml names, as Pulumi's own language host does", () => {
    const given = runnerEnvironment(request({ tsconfig: "other.json" }));
    expect(given).to.include({ PULUMI_NODEJS_TYPESCRIPT: "true", PULUMI_NODEJS_TSCONFIG_PATH: "other.json" });
    expect(runnerEnvironment(request(project.runtime.options))).not.to.have.any.keys(
      "PULUMI_NODEJS_TYPESCRIPT",
      "PULUMI_NODEJS_TSCONFIG_PATH",
    );
  });
});
