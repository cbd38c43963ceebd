import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { documentedRows, quoted } from "../doc-table";
import { type Catalogue, ofShared, ofSite } from ".";
import type { Outcome } from "./matrix";

const file = "docs/changing-settings.md";

/** Writes what was found into `docs/changing-settings.md`; rows that nothing was found of keep their figures. */
export function writeTables(outcomes: readonly Outcome[]): void {
  const path = join(__dirname, "..", "..", file);
  const text = [ofSite, ofShared].reduce(
    (sofar, catalogue) => {
      const known = new Map<string | undefined, readonly string[]>(
        documentedRows(file, catalogue.heading).map((row) => [quoted(row[0])[0], row.slice(3, 6)]),
      );
      for (const outcome of outcomes) known.set(outcome.name, figures(outcome));
      return withTable(sofar, catalogue, known);
    },
    readFileSync(path, "utf8"),
  );
  writeFileSync(path, text);
}

/** Figures of a change by its name: lost over UDP, over TCP, and what a second `up` changed. */
type Figures = ReadonlyMap<string | undefined, readonly string[]>;

/**
 * A text with the table of a catalogue made anew.
 *
 * @throws Error when it has no place for it.
 */
export function withTable(text: string, catalogue: Catalogue, known: Figures): string {
  const begin = `<!-- matrix: ${catalogue.heading} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf("<!-- end of matrix -->", from);
  if (from < 0 || to < 0) throw new Error(`${file} has no place for the table "${catalogue.heading}"`);
  return `${text.slice(0, from + begin.length)}\n\n${tableOf(catalogue, known).join("\n")}\n\n${text.slice(to)}`;
}

function tableOf({ changes, refused, unchanged }: Catalogue, known: Figures): readonly string[] {
  const rows = [
    ...changes.map(({ name, knot, operator, note = "" }) => {
      return [`\`${name}\``, knot, operator, ...(known.get(name) ?? ["", "", ""]), note];
    }),
    ...refused.map(({ name, note }) => [`\`${name}\``, "refused", "refused", "", "", "", note]),
    ...unchanged.map(({ name, note }) => [`\`${name}\``, "not changed", "not changed", "", "", "", note]),
  ];
  const head = ["setting", "Knot's pods", "the record operator's", "lost over UDP", "over TCP", "second `up`", ""];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`.replace(/ {2,}/g, " "));
}

function figures({ udp, tcp, settled, together }: Outcome): readonly string[] {
  const shared = together > 1 ? ` (with ${together - 1} more)` : "";
  const lost = ({ lost: missing, tried }: Outcome["udp"]): string => `${missing} of ${tried.toLocaleString("en")}`;
  return [`${lost(udp)}${shared}`, lost(tcp), settled ? "changes nothing" : "changes more"];
}
