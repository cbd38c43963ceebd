import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sectionsToRun, section, sectionsOf } from "../../../../harness/docs/blocks";
import { claims } from "../../../../harness/docs/claims";
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
