import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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

  /** What a program exports, as JSON, that is loaded by the compiler that Pulumi has in it. */
  function loaded(program: string, options: { readonly tsconfig: string }): unknown {
    const load = `
      const file = ${JSON.stringify(options.tsconfig)};
      const { noCheck } = require("@pulumi/pulumi/tsutils").loadTypeScriptCompilerOptions(file);
      const options = { transpileOnly: noCheck, compiler: "typescript", project: file };
      require("@pulumi/pulumi/vendor/ts-node@7.0.1").register(options);
      const exported = require(${JSON.stringify(program)});
      const text = JSON.stringify(typeof exported === "function" ? "a function" : exported);
      process.stdout.write(text, () => process.exit(0));
    `;
    const said = execFileSync(process.execPath, ["-e", load], {
      cwd: root,
      encoding: "utf8",
      timeout: 60_000,
      stdio: "pipe",
    });
    return JSON.parse(said);
  }

  it("loads it", () => {
    expect(loaded(join(root, "index.ts"), project.runtime.options)).to.equal("a function");
  }).timeout(60_000);

  it("does not check its types at each up", () => {
    const folder = mkdtempSync(join(tmpdir(), "dns-mesh-program-"));
    try {
      const program = join(folder, "program.ts");
      writeFileSync(program, `const count: number = "a text";\nexport = count;\n`);
      expect(loaded(program, project.runtime.options)).to.equal("a text");
      expect(() => loaded(program, { tsconfig: "tsconfig.json" })).to.throw("Unable to compile TypeScript");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }).timeout(60_000);
});
