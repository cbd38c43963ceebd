import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Catalogue, ofShared, ofSite } from ".";
import type { Outcome } from "./matrix";

const file = join(__dirname, "..", "..", "docs", "changing-settings.md");

/** Marks where a table begins and ends. */
function marks(heading: string): readonly [string, string] {
  return [`<!-- matrix: ${heading} -->`, `<!-- end of matrix -->`];
}

/** Writes what was found into `docs/changing-settings.md`. */
export function writeTables(outcomes: ReadonlyMap<string, readonly Outcome[]>): void {
  const before = readFileSync(file, "utf8");
  writeFileSync(file, withTables(before, outcomes));
}

/**
 * A text with its tables made anew.
 *
 * @throws Error when it has no place for one.
 */
export function withTables(text: string, outcomes: ReadonlyMap<string, readonly Outcome[]>): string {
  return [ofSite, ofShared].reduce((sofar, catalogue) => {
    const [begin, end] = marks(catalogue.heading);
    const from = sofar.indexOf(begin);
    const to = sofar.indexOf(end, from);
    if (from < 0 || to < 0) throw new Error(`no place for the table "${catalogue.heading}"`);
    const lines = tableOf(catalogue, outcomes.get(catalogue.heading) ?? []);
    return `${sofar.slice(0, from + begin.length)}\n\n${lines.join("\n")}\n\n${sofar.slice(to)}`;
  }, text);
}

function tableOf({ changes, refused, unchanged }: Catalogue, outcomes: readonly Outcome[]): readonly string[] {
  const measured = changes.map(({ name, knot, operator, note = "" }) => {
    const found = outcomes.find((outcome) => outcome.name === name);
    return [`\`${name}\``, found?.knot ?? knot, found?.operator ?? operator, ...figures(found), note];
  });
  const others = [
    ...refused.map(({ name, note }) => [`\`${name}\``, "refused", "refused", "", "", "", note]),
    ...unchanged.map(({ name, note }) => [`\`${name}\``, "not changed", "not changed", "", "", "", note]),
  ];
  const head = ["setting", "Knot's pods", "the record operator's", "lost, UDP", "lost, TCP", "second `up`", ""];
  return [head, head.map(() => "---"), ...measured, ...others].map((cells) =>
    `| ${cells.join(" | ")} |`.replace(/ {2,}/g, " "),
  );
}

function figures(found: Outcome | undefined): readonly [string, string, string] {
  if (found === undefined) return ["", "", ""];
  const { udp, tcp, settled, together } = found;
  const share = together > 1 ? " *" : "";
  const lost = ({ lost: missing, tried }: Outcome["udp"]): string =>
    `${missing} of ${tried.toLocaleString("en")}${share}`;
  return [lost(udp), lost(tcp), settled ? "changes nothing" : "changes more"];
}
