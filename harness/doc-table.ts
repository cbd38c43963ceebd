import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The rows of the first table after a heading of a Markdown file of this repository, without its head. A document that a
 * test reads cannot go stale.
 */
export function documentedRows(file: string, heading: string): string[][] {
  const lines = readFileSync(join(__dirname, "..", file), "utf8").split("\n");
  const at = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (at === -1) throw new Error(`${file} has no heading "${heading}"`);
  const start = lines.findIndex((line, index) => index > at && line.startsWith("|"));
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  const table = lines.slice(start, length === -1 ? undefined : start + length);
  return table.slice(2).map((row) =>
    row
      .replace(/^\||\|\s*$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backquotes in a cell. */
export function quoted(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
}
