import { expect } from "chai";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { openEngine } from "../../../../src/cli/stacks/engine";

/** A `pulumi` that notes what it is asked for, and refuses previews where a file says so. */
const pulumi = `#!/usr/bin/env node
const { appendFileSync, existsSync } = require("node:fs");
const { join } = require("node:path");
const [command, ...args] = process.argv.slice(2);
if (command === "version") console.log("v3.259.0");
else appendFileSync(join(__dirname, "asked"), JSON.stringify([command, ...args]) + "\\n");
if (command === "preview" && existsSync(join(__dirname, "refuses"))) {
  console.error("error: preview failed: a policy refuses it");
  process.exit(1);
}
`;

describe("an engine that brings a stack up", function () {
  this.timeout(180_000);
  const path = process.env["PATH"];
  let folder: string;
  let pack: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-engine-"));
    writeFileSync(join(folder, "pulumi"), pulumi, { mode: 0o755 });
    writeFileSync(join(folder, "Pulumi.yaml"), "name: dns-mesh\nruntime: nodejs\n");
    pack = join(folder, "policy");
    mkdirSync(pack);
    writeFileSync(join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\n");
    process.env["PATH"] = [folder, path].join(delimiter);
  });
  afterEach(() => {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true, force: true });
  });

  /** The operations that were asked for, in order, and whether the pack was to judge them. */
  function operations(): readonly (readonly [name: string | undefined, isJudged: boolean])[] {
    const lines = readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as string[])
      .filter(([name = ""]) => ["preview", "up"].includes(name))
      .map((args) => [args[0], args[args.indexOf("--policy-pack") + 1] === pack]);
  }

  it("previews it by the same policies first", async () => {
    const engine = await openEngine(folder, { policyPacks: [pack] });
    await engine.up("site-a");
    expect(operations()).to.deep.equal([
      ["preview", true],
      ["up", true],
    ]);
  });

  it("changes nothing when they refuse the preview", async () => {
    writeFileSync(join(folder, "refuses"), "");
    const engine = await openEngine(folder, { policyPacks: [pack] });
    const refused: unknown = await engine.up("site-a").catch((error: unknown) => error);
    expect(String(refused)).to.match(/a policy refuses it/);
    expect(operations()).to.deep.equal([["preview", true]]);
  });

  it("previews nothing where there are no policies", async () => {
    const engine = await openEngine(folder);
    await engine.up("site-a");
    expect(operations()).to.deep.equal([["up", false]]);
  });
});
