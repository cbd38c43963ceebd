import type { Preview } from "./gather";
import { headlineOf, type Section, sectionsOf } from "./text";

/** By which a workflow finds its former comment, to replace it. */
export const commentMark = "<!-- dns-mesh preview -->";

/** GitHub takes 65,536 characters, GitLab more. */
export const mostCharacters = 60_000;

/** Options of {@link previewMarkdown}. */
export interface MarkdownOptions {
  /** Most characters of the comment. @default 60000 */
  readonly most?: number;
}

/** A preview as a comment on a pull request. What is too long is cut, and says so. */
export function previewMarkdown(preview: Preview, { most = mostCharacters }: MarkdownOptions = {}): string {
  const sections = sectionsOf(preview, { isPublic: true });
  const longest = Math.max(0, ...sections.map(({ lines }) => lines.length));
  for (let kept = longest; ; kept = Math.floor(kept / 2)) {
    const text = [
      commentMark,
      `### dns-mesh: ${headlineOf(preview)}`,
      ...sections.map((each) => partOf(each, kept)),
      "",
    ].join("\n\n");
    if (text.length <= most || kept === 0) return text.slice(0, most);
  }
}

function partOf({ title, open, lines }: Section, kept: number): string {
  const shown = lines.slice(0, kept).map(cut);
  const rest = lines.length - shown.length;
  const body = [...shown, ...(rest > 0 ? [`… and ${rest} more lines: mesh preview prints them`] : [])].join("\n");
  const fence = fenceFor(body);
  return `<details${open ? " open" : ""}><summary>${title} (${lines.length})</summary>\n\n${fence}diff\n${body}\n${fence}\n\n</details>`;
}

function cut(line: string): string {
  const longest = 500;
  const plain = line.trimStart().match(/^[-+~] /) === null ? line : line.replace(/^\s+/, "");
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}

/** One more back-quote than any run of them within. */
function fenceFor(text: string): string {
  const runs = [...text.matchAll(/`+/g)].map(([run]) => run.length);
  return "`".repeat(Math.max(2, ...runs) + 1);
}
