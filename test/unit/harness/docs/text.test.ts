import { expect } from "chai";
import type { Command } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { documents, headingsOf } from "../../../../harness/docs/blocks";
import { meshProgram } from "../../../../src/cli/program";

const root = join(__dirname, "../../../..");
const program = meshProgram();
const texts = documents().map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
/** A text without its blocks, and without comments. */
const proseOf = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "").replaceAll(/<!--.*?-->/g, "");
const codeOf = (text: string): string[] => [...proseOf(text).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

/** What is wrong with a call of `mesh`, if anything: commands, their subcommands and options are those that there are. */
function problemOf(words: readonly string[]): string | undefined {
  let command: Command = program;
  const options = ["--help", "--version"];
  for (const word of words) {
    if (word.startsWith("--")) options.push(...command.options.map(({ long }) => long ?? ""));
    else if (command.commands.length > 0) {
      if (!/^[a-z-]+$/.test(word)) break;
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) return `there is no ${command.name()} ${word}`;
      command = next;
    }
  }
  const [unknown] = words
    .filter((word) => word.startsWith("--"))
    .map((word) => word.split("=")[0] ?? "")
    .filter((option) => !options.includes(option) && !command.options.some(({ long }) => long === option));
  return unknown === undefined ? undefined : `mesh ${command.name()} has no ${unknown}`;
}

/** Calls of `mesh` in a document, each as its words: in blocks and in code within lines, up to where a shell goes on. */
function callsOf(text: string): string[][] {
  const called = [
    ...text.matchAll(/npm run (?:--silent )?mesh -- ([^`|>&;#\n]*)/g),
    ...codeOf(text).flatMap((code) => [...code.matchAll(/^mesh ([^`|>&;#\n]*)/g)]),
  ];
  return called.map(([, words = ""]) => words.trim().split(/\s+/).filter((word) => word !== "" && word !== "…"));
}

describe("what documents name", () => {
  it("npm's scripts are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    for (const { file, text } of texts)
      for (const [, script = ""] of text.matchAll(/npm run (?:--silent )?([a-z][\w:-]*)/g))
        expect(scripts, `${file}: npm run ${script}`).to.have.property(script);
  });

  it("commands and options of mesh are there", () => {
    const calls = texts.flatMap(({ file, text }) => callsOf(text).map((words) => ({ file, words })));
    expect(calls).to.have.length.above(100);
    const wrong = calls.flatMap(({ file, words }) => {
      const problem = problemOf(words);
      return problem === undefined ? [] : [`${file}: mesh ${words.join(" ")}: ${problem}`];
    });
    expect(wrong).to.deep.equal([]);
    expect(problemOf(["site", "burn"])).to.equal("there is no site burn");
    expect(problemOf(["status", "--what"])).to.equal("mesh status has no --what");
  });

  it("links lead to files and headings that are there", () => {
    const wrong = texts.flatMap(({ file, text }) =>
      [...proseOf(text).replaceAll(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        if (/^[a-z]+:/.test(link)) return [];
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? file : join(dirname(file), path);
        if (!existsSync(join(root, target))) return [`${file}: ${link}`];
        if (anchor === undefined || !target.endsWith(".md")) return [];
        return headingsOf(readFileSync(join(root, target), "utf8")).includes(anchor) ? [] : [`${file}: ${link}`];
      }),
    );
    expect(wrong).to.deep.equal([]);
  });

  it("documents are linked from the README, or from the index of their folder", () => {
    const indexes = texts.filter(({ file }) => file.endsWith("README.md"));
    const linked = indexes.flatMap(({ file, text }) =>
      [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = ""]) => join(dirname(file), link)),
    );
    const lost = documents().filter((file) => file.startsWith("docs/") && !linked.includes(file));
    expect(lost).to.deep.equal([]);
  });

  it("files of this repository are there, tests also without their ending", () => {
    const isPath = /^(?:bench|components|examples|harness|lab|policy|schemas|scripts|src|test)\/[\w./-]+$/;
    const wrong = texts.flatMap(({ file, text }) =>
      // The changelog speaks of what there was, decisions of what there was then.
      (file === "CHANGELOG.md" || file.startsWith("docs/adr/") ? [] : codeOf(text))
        .filter((code) => isPath.test(code))
        .filter((code) => !["", ".ts", ".test.ts"].some((ending) => existsSync(join(root, `${code}${ending}`))))
        .map((code) => `${file}: ${code}`),
    );
    expect(wrong).to.deep.equal([]);
  });
});
