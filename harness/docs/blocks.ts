import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  /** Without the indentation of the list that it stands in. */
  readonly text: string;
  /** Where it stands, for messages: `README.md:12`. */
  readonly place: string;
  /** Why no test runs it: `<!-- not run: … -->` on the line before it, which no reader sees. */
  readonly notRun?: string;
}

/** What stands below one heading of a document, up to the next heading of any level. */
export interface Section {
  /** `README.md#a-mesh-of-your-own`, as a link to it. */
  readonly id: string;
  readonly blocks: readonly Block[];
}

/**
 * Languages of blocks that readers run, type into the lab, or write into files; the others show output, or configuration of other
 * programs.
 */
const languages = ["sh", "bash", "lab", "yaml"];

/** Whether a reader is to run a block, or to write it into a file, and a test does. */
export function isToRun({ language, notRun }: Block): boolean {
  return languages.includes(language) && notRun === undefined;
}

/** What begins a line that somebody is to type into a shell. */
const commandLine = /^\s*(?:\$ |(?:sudo|npm|npx|pulumi|kubectl|mesh|dig|kdig|git|helm|docker|knotc|promtool|curl) [\w@./-])/m;

/** Whether a block has commands and no language that says so: then no test would look for it. */
export function hidesCommands({ language, text, notRun }: Block): boolean {
  return !languages.includes(language) && notRun === undefined && commandLine.test(text);
}

/** The part of a link that leads to a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*]|\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}

/** Why the block below a line is not run, if that says so. */
function reasonIn(line: string): Pick<Block, "notRun"> {
  const [, notRun] = /^ *<!-- not run: (.+) -->$/.exec(line) ?? [];
  return notRun === undefined ? {} : { notRun };
}

/** The sections of a Markdown text with blocks in them, in their order. */
export function sectionsOf(file: string, text: string): Section[] {
  const sections: { id: string; blocks: Block[] }[] = [];
  let current: { id: string; blocks: Block[] } = { id: `${file}#`, blocks: [] };
  let open: { language: string; indent: string; line: number; lines: string[]; notRun?: string } | undefined;
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    const fence = /^( *)```(\w*)\s*$/.exec(line);
    if (open === undefined) {
      const [, heading] = /^#{1,6} (.+)$/.exec(line) ?? [];
      if (heading !== undefined) current = { id: `${file}#${anchor(heading)}`, blocks: [] };
      if (fence !== null)
        open = {
          ...{ language: fence[2] ?? "", indent: fence[1] ?? "", line: index + 1, lines: [] },
          ...reasonIn(all[index - 1] ?? ""),
        };
    } else if (fence !== null && fence[1] === open.indent && fence[2] === "") {
      const { language, indent, lines, line: at, notRun } = open;
      const body = lines.map((one) => (one.startsWith(indent) ? one.slice(indent.length) : one)).join("\n");
      const place = `${file}:${at}`;
      current.blocks.push({ language, text: `${body}\n`, place, ...(notRun !== undefined && { notRun }) });
      if (current.blocks.length === 1) sections.push(current);
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: a block that does not end`);
  return sections;
}

/** The anchors of a Markdown text's headings. */
export function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => anchor(heading));
}

/** Everything that is written for people: the documents at the top, and all below `docs`. */
export function documents(): string[] {
  const below = readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${String(name)}`);
  return ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ...below.filter((file) => file.endsWith(".md")).sort()];
}

/** Every section of every document that has blocks. */
export function allSections(): Section[] {
  return documents().flatMap((file) => sectionsOf(file, readFileSync(join(root, file), "utf8")));
}

/** Every section with blocks to run. */
export function sectionsToRun(): Section[] {
  return allSections().filter(({ blocks }) => blocks.some(isToRun));
}

/** The section that a link such as `README.md#a-mesh-of-your-own` leads to. @throws Error when it has no blocks. */
export function section(id: string): Section {
  const [file = ""] = id.split("#");
  const found = sectionsOf(file, readFileSync(join(root, file), "utf8")).find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no section ${id} with blocks`);
  return found;
}

/** The texts of a section's blocks in one language, "" for those that name none. */
export function blocksOf(id: string, language: string): string[] {
  return section(id).blocks.flatMap((block) => (block.language === language ? [block.text] : []));
}
