import { expect } from "chai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "../../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const folder = "docs/neighbours";
const pages = readdirSync(join(root, folder)).filter((name) => name.endsWith(".md") && name !== "README.md");

describe("the pages on neighbours", () => {
  for (const page of pages)
    it(`say what ${page} is, what it does better, when to take it, how to move, and which version was read`, () => {
      const text = read(`${folder}/${page}`);
      const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = ""]) => heading);
      expect(headings).to.include.members(["What it does better", "Take it instead", "Beside the mesh", "From there, and to there"]);
      const [last = ""] = text.trim().split("\n").slice(-1);
      expect(last).to.match(/^Read: .*\d+\.\d+.*, \d{1,2} [A-Z][a-z]+ 20\d\d \(.+\)/);
    });

  it("are all in their index", () => {
    const index = read(`${folder}/README.md`);
    for (const page of pages) expect(index).to.contain(`](${page})`);
    expect(pages).to.have.length(8);
  });
});

describe("the README's table of what we have", () => {
  const [, section = ""] = read("README.md").split("## What we have, what others have");
  const rows = (section.split(/^## /m)[0] ?? "")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const [head = [], ...body] = rows;

  it("has a cell for each column in each row", () => {
    expect(body).to.have.length.above(10);
    for (const cells of body) expect(cells, cells[0]).to.have.length(head.length);
  });

  it("links a test, by its title, for everything that we have", () => {
    for (const [what = "", proof = ""] of body) {
      if (/^(no$|by )/.test(proof)) continue;
      const links = [...proof.matchAll(/\[([^\]]+)\]\((test\/[^)]+)\)/g)];
      expect(links, what).not.to.deep.equal([]);
      for (const [, title = "", file = ""] of links) {
        expect(existsSync(join(root, file)), file).to.equal(true);
        expect(read(file), `${file} has no test of that name`).to.contain(`it("${title}"`);
      }
    }
  });
});
