import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const root = join(__dirname, "../../../..");

describe("a run of pulumi that only reads", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-pulumi-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** A `pulumi` that goes on until it is interrupted, and says so in a file. */
  const endless = `#!/usr/bin/env node
process.once("SIGINT", () => { require("node:fs").writeFileSync("interrupted", ""); process.exit(); });
setInterval(() => {}, 1000);
console.log("runs");
`;

  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    it(`ends with the process that began it, by ${name}`, async () => {
      writeFileSync(join(folder, "pulumi"), endless, { mode: 0o755 });
      const script = join(folder, "run.cjs");
      const module = JSON.stringify(join(root, "src/cli/stacks/pulumi-process.ts"));
      writeFileSync(
        script,
        `require(${module}).runPulumi([], { cwd: ${JSON.stringify(folder)}, onOutput: (text) => process.stdout.write(text) });`,
      );
      const child = spawn(process.execPath, ["--import=tsx", script], {
        cwd: root,
        env: { ...process.env, PATH: [folder, process.env["PATH"]].join(delimiter) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      child.kill(name);
      expect(await once(child, "close")).to.deep.equal([130, null]);
      while (!existsSync(join(folder, "interrupted"))) await new Promise((resolve) => setTimeout(resolve, 20));
    });
});
