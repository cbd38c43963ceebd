import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { completionScript, shells } from "../../../src/cli/completion";
import { meshProgram } from "../../../src/cli/program";
import { everyCommand } from "../../../src/cli/reference";

describe("completion", () => {
  /** What bash offers for a command line; its last word is the one that is being typed. */
  function offered(...words: string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `${completionScript("bash", meshProgram())}
      COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _mesh; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split("\n");
  }

  it("offers commands, the commands of a group, options and known values in bash", () => {
    expect(offered("mesh", "")).to.include.members(["import", "keys", "completion"]);
    expect(offered("mesh", "k")).to.deep.equal(["keys"]);
    expect(offered("mesh", "keys", "")).to.have.members(["show", "rotate", "revoke", "help"]);
    expect(offered("mesh", "keys", "revoke", "--s")).to.deep.equal(["--site"]);
    expect(offered("mesh", "restore", "--site", "keys", "--a")).to.deep.equal(["--at"]);
    expect(offered("mesh", "completion", "z")).to.deep.equal(["zsh"]);
  });

  it("offers files where it knows nothing better", () => {
    expect(offered("mesh", "import", "")).to.deep.equal([""]);
    expect(completionScript("bash", meshProgram())).to.match(/^complete -o default -F _mesh mesh$/m);
  });

  for (const shell of shells)
    it(`names each command and each long option in ${shell}`, () => {
      const script = completionScript(shell, meshProgram());
      for (const { path, command } of everyCommand(meshProgram())) {
        expect(script).to.contain(` ${path}`);
        for (const { long } of command.options) expect(script).to.contain(long?.replace("--", ""));
      }
    });
});
