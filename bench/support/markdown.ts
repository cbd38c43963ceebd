import { UserError } from "../../src/base/errors";

/** A place in a document whose text a script writes. */
export interface Block {
  readonly name: string;
  /** As it is called: `npm run …`. */
  readonly script: string;
  readonly text: string;
}

/** A document with a text in the place of what stands between two remarks. @throws UserError when it has no such place. */
export function withBlock(document: string, { name, script, text }: Block): string {
  const [begin, end] = [`<!-- ${name}: begin, by ${script} -->`, `<!-- ${name}: end -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from === -1 || to < from) throw new UserError(`the document has no lines "${begin}" and "${end}"`);
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`;
}

/** A table in Markdown, of which the first row is the head. */
export function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
