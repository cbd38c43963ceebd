import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pb from "@pulumi/pulumi/proto/language_pb";
import { expect } from "chai";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { parse } from "yaml";

import { runnerEnvironment } from "../../../../harness/plugins/language";

const root = join(__dirname, "..", "..", "..", "..");
const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as {
  runtime: { options: { tsconfig: string } };
};

function request(options: Record<string, string>): pb.RunRequest {
  const info = new pb.ProgramInfo();
  info.setOptions(Struct.fromJavaScript(options));
  const asked = new pb.RunRequest();
  asked.setInfo(info);
  return asked;
}

describe("how the engine starts the program", () => {
  it("gives the runner the compiler options that Pulumi.yaml names, as Pulumi's own language host does", () => {
    const given = runnerEnvironment(request(project.runtime.options));
    expect(given["PULUMI_NODEJS_TSCONFIG_PATH"]).to.equal(project.runtime.options.tsconfig);
    expect(runnerEnvironment(request({}))).not.to.have.property("PULUMI_NODEJS_TSCONFIG_PATH");
  });

  it("loads it by the compiler that Pulumi has in it, without checking its types at each up", () => {
    const load = `
      const file = ${JSON.stringify(project.runtime.options.tsconfig)};
      const { noCheck } = require("@pulumi/pulumi/tsutils").loadTypeScriptCompilerOptions(file);
      const options = { transpileOnly: noCheck, compiler: "typescript", project: file };
      require("@pulumi/pulumi/vendor/ts-node@7.0.1").register(options);
      process.stdout.write(JSON.stringify({ noCheck, program: typeof require("./index.ts") }), () => process.exit(0));
    `;
    const said = execFileSync(process.execPath, ["-e", load], { cwd: root, encoding: "utf8", timeout: 60_000 });
    expect(JSON.parse(said)).to.deep.equal({ noCheck: true, program: "function" });
  }).timeout(60_000);
});
