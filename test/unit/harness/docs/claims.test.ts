import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allSections, hidesCommands, isToRun, sectionsToRun, section, sectionsOf } from "../../../../harness/docs/blocks";
import { claims } from "../../../../harness/docs/claims";
import { leftOut } from "../../../../harness/docs/followed";
import { Reader } from "../../../../harness/docs/reader";

describe("blocks that a document's reader is to run", () => {
  it("are each run by a test, or it is said why not", () => {
    expect(Object.keys(claims).sort()).to.deep.equal(
      sectionsToRun()
        .map(({ id }) => id)
        .sort(),
    );
  });

  it("are named in the test that runs them", () => {
    for (const [id, { tests }] of Object.entries(claims))
      for (const test of tests) {
        const text = readFileSync(join(__dirname, "../../../..", test), "utf8");
        expect(text, test).to.contain(`"${id}"`);
      }
  });

  it("are all taken by these tests, unless it is said what is not", () => {
    for (const [id, { tests, reason }] of Object.entries(claims)) {
      if (reason !== undefined) continue;
      const texts = tests.map((test) => readFileSync(join(__dirname, "../../../..", test), "utf8"));
      const left = leftOut(id, section(id).blocks, texts);
      expect(left.map(({ place, language }) => `${place} (${language})`), id).to.deep.equal([]);
    }
  });

  it("say that they are commands, or why none runs them", () => {
    const hidden = allSections().flatMap(({ blocks }) => blocks.filter(hidesCommands).map(({ place }) => place));
    expect(hidden, "name the language (sh), or put <!-- not run: … --> before it").to.deep.equal([]);
  });

  it("are known to be left out by what tests do with them", () => {
    const blocks = ["sh", "sh", "yaml"].map((language, i) => ({ language, text: "", place: `x.md:${i}` }));
    const left = (...tests: string[]) => leftOut("x.md#y", blocks, tests).map(({ place }) => place);
    expect(left("", 'const x = "x.md#z"; reader.open(x)')).to.deep.equal(["x.md:0", "x.md:1", "x.md:2"]);
    expect(left('reader.open("x.md#y")')).to.deep.equal([]);
    expect(left('const guide = "x.md#y";\nreader.open(guide);')).to.deep.equal([]);
    expect(left('  // reader.open("x.md#y")')).to.have.length(3);
    expect(left('const [a = ""] = blocksOf("x.md#y", "sh");')).to.deep.equal(["x.md:1", "x.md:2"]);
    expect(left('const [a = "", b = ""] = blocksOf("x.md#y", "sh");')).to.deep.equal(["x.md:2"]);
    expect(left('blocksOf("x.md#y", "sh")', 'blocksOf("x.md#y", "yaml")[0]')).to.deep.equal([]);
    expect(left('const f = (id) => blocksOf(id, "sh"); f("x.md#y");')).to.deep.equal(["x.md:2"]);
    expect(left('const f = (id) => blocksOf(id, "sh"); blocksOf("x.md#y", "yaml")')).to.deep.equal(["x.md:0", "x.md:1"]);
  });

  it("may say before them why no test runs them", () => {
    const text = "# A\n<!-- not run: it takes a cloud -->\n```sh\nrun\n```\n```\n$ npm test\n```\n```\nnpm\n```\n";
    const blocks = sectionsOf("x.md", text).flatMap((each) => each.blocks);
    expect(blocks[0]).to.deep.equal({ language: "sh", text: "run\n", place: "x.md:3", notRun: "it takes a cloud" });
    expect(blocks.map(isToRun)).to.deep.equal([false, false, false]);
    expect(blocks.map(hidesCommands)).to.deep.equal([false, true, false]);
  });

  it("are found with their heading, in lists too", () => {
    const text = '# A `b` c\n\n1. Do:\n\n   ```sh\n   run\n     it\n   ```\n\n```\nout\n```\n## D, "e"\n```yaml\na: 1\n```\n';
    expect(sectionsOf("x.md", text)).to.deep.equal([
      {
        id: "x.md#a-b-c",
        blocks: [
          { language: "sh", text: "run\n  it\n", place: "x.md:5" },
          { language: "", text: "out\n", place: "x.md:10" },
        ],
      },
      { id: "x.md#d-e", blocks: [{ language: "yaml", text: "a: 1\n", place: "x.md:14" }] },
    ]);
    expect(() => sectionsOf("x.md", "```sh\nrun\n")).to.throw("x.md:1: a block that does not end");
  });

  it("cannot be left out, taken for others, or replaced where nothing is", () => {
    const reader = new Reader({ folder: "/nowhere" });
    reader.open("README.md#a-mesh-of-your-own");
    expect(() => reader.next("yaml")).to.throw("is sh, not yaml");
    expect(() => reader.next("yaml", [["not there", ""]])).to.throw('has no "not there" to replace');
    expect(() => {
      reader.close();
    }).to.throw("was left out");
    expect(() => section("README.md#nowhere")).to.throw("there is no section");
  });
});
