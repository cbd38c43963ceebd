import { expect } from "chai";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { exitCodes } from "../../../src/cli/exit-codes";
import { meshProgram } from "../../../src/cli/program";
import { everyCommand } from "../../../src/cli/reference";

const program = join(__dirname, "../../../src/cli/mesh.ts");

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The command as it is called. */
const mesh = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, ["--import=tsx", program, ...args], (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code), out, err });
    });
    child.stdin?.end();
  });

describe("mesh", function () {
  this.timeout(30_000);

  it("lists its commands, and says what its exit codes mean", async () => {
    const { status, out } = await mesh("--help");
    expect(status).to.equal(exitCodes.fine);
    expect(out)
      .to.match(/import .*a zone file as DnsRecords/)
      .and.match(/2 +wrong usage or input/);
    expect(await mesh()).to.deep.equal({ status: 0, out, err: "" });
  });

  for (const [what, args, expected] of [
    ["an unknown command", ["improt"], /unknown command 'improt'.*Did you mean import\?/s],
    ["an unknown option", ["crd", "--all"], /unknown option '--all'/],
    ["an argument too many", ["crd", "x"], /too many arguments/],
    ["an argument that is missing", ["promote"], /missing required argument 'SITE'/],
    ["a shell without completion", ["completion", "csh"], /Allowed choices are bash, zsh, fish/],
    ["a file that is missing", ["import", "/nonexistent.zone"], /^\/nonexistent\.zone cannot be read: /],
    ["a site that is missing", ["restore"], /^the site is missing: --site NAME$/m],
  ] as const) {
    it(`ends with 2 for ${what}, and says so without a stack`, async () => {
      const { status, out, err } = await mesh(...args);
      expect([status, out]).to.deep.equal([exitCodes.usage, ""]);
      expect(err)
        .to.match(expected)
        .and.not.match(/^\s+at /m);
    });
  }

  it("has a summary, an example and an exit code in the help of each command", () => {
    for (const { path, command } of everyCommand(meshProgram())) {
      let help = "";
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(command.summary(), path).to.match(/^\S.*[^.]$/);
      expect(help, path).to.contain(`\n  mesh ${path}`).and.contain("Exit codes:");
    }
  });

  it("prints JSON with each command that prints something of its own", () => {
    const without = everyCommand(meshProgram())
      .filter(({ command }) => command.commands.length === 0)
      .filter(({ command }) => !command.options.some(({ long }) => long === "--json"));
    expect(without.map(({ path }) => path)).to.deep.equal(["completion"]);
  });

  it("prints the definition of DnsRecord as JSON as well", async () => {
    const { out } = await mesh("crd", "--json");
    const { kind, items } = JSON.parse(out) as { kind: string; items: { kind: string }[] };
    expect([kind, items[0]?.kind]).to.deep.equal(["List", "CustomResourceDefinition"]);
  });
});
