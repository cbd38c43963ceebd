import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "../../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** What stands below a heading of the second level, up to the next one. */
function below(text: string, heading: RegExp): string {
  const [, section = ""] = text.split(heading);
  expect(section, String(heading)).not.to.equal("");
  return section.split(/^## /m)[0] ?? "";
}

/** The entries of a release in the changelog, by the kind of their heading. */
function entriesOf(release: string): { readonly kind: string; readonly text: string }[] {
  return below(read("CHANGELOG.md"), new RegExp(`^## ${release}.*$`, "m"))
    .split(/^### /m)
    .flatMap((part) => {
      const [kind = "", ...lines] = part.split("\n");
      return lines.flatMap((line) => (line.startsWith("- ") ? [{ kind, text: line.slice(2) }] : []));
    });
}

/** The rows of the first table below a heading of the notes: entry, what happens by itself, what to do. */
function rowsOf(heading: string): string[][] {
  return below(read("docs/upgrading.md"), new RegExp(`^## ${heading}$`, "m"))
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

describe("the notes on upgrading", () => {
  for (const [heading, release] of [
    ["From 0\\.2\\.0 to what is unreleased", "Unreleased"],
    ["From 0\\.1\\.0 to 0\\.2\\.0", "0\\.2\\.0"],
  ] as const)
    it(`say of each change what is to be done: ${heading.replaceAll("\\", "")}`, () => {
      const rows = rowsOf(heading);
      const entries = entriesOf(release);
      const changes = entries.filter(({ kind }) => /^(Changed|Removed|Deprecated|Breaking)/.test(kind));
      expect(changes).not.to.deep.equal([]);
      const unnamed = changes.filter(({ text }) => rows.filter(([entry = ""]) => text.startsWith(entry)).length !== 1);
      expect(unnamed.map(({ text }) => text.slice(0, 80)), "a row in docs/upgrading.md that begins as the entry does").to.deep.equal([]);
      for (const [entry = "", , action = ""] of rows) {
        expect(entries.some(({ text }) => text.startsWith(entry)), `an entry that begins with: ${entry}`).to.equal(true);
        expect(entry.length, entry).to.be.above(15);
        expect(action, entry).not.to.equal("");
      }
    });

  it("are there for the release that this is", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(read("docs/upgrading.md")).to.match(new RegExp(`^## From .* to ${version.replaceAll(".", "\\.")}$`, "m"));
  });
});
