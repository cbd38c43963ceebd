import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labUsage } from "../../../lab/lab-options";
import { UserError } from "../../../src/base/errors";
import { labProgram } from "../../../src/cli/lab-program";
import { everyCommand } from "../../../src/cli/reference";
import { meshProgram } from "../../../src/cli/program";

const root = join(__dirname, "../../..");

describe("mesh lab", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-lab-program-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("runs the file beside it where both were installed", () => {
    writeFileSync(join(folder, "lab.js"), "");
    expect(labProgram(folder)).to.deep.equal({ program: [join(folder, "lab.js")] });
  });

  it("runs what npm run lab runs in a clone", () => {
    const { setup, program } = labProgram(join(root, "src/cli"));
    expect(setup).to.deep.equal(["bash", join(root, "scripts/setup"), "lab"]);
    expect(program[1]).to.equal(join(root, "lab/main.ts"));
  });

  it("says where it is to be had where it is not", () => {
    expect(() => labProgram(folder)).to.throw(UserError, /^the lab is not beside this file: .*clone/);
  });

  it("has the lab's options, and no others", () => {
    const command = everyCommand(meshProgram()).find(({ path }) => path === "lab")?.command;
    const own = (command?.options ?? []).map(({ long }) => long ?? "");
    const labs = [...labUsage().matchAll(/^ {2}(--[a-z]+)/gm)].map(([, name = ""]) => name);
    expect([...own, "--help"]).to.have.members([...new Set(labs)]);
  });
});
