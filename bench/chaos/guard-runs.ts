import { markdown } from "../support/markdown";
import { guards } from "./guards";
import type { Violation } from "./report";

/** What a run with a broken guard came to, as it is kept: a line of JSON. */
export interface GuardRun {
  readonly guard: string;
  readonly violations: readonly Violation[];
  /** When it ended, ISO 8601. */
  readonly at: string;
  readonly commit: string;
}

/** A row for each guard, with the faults and the rules that showed last that it was broken. */
export function guardTable(runs: readonly GuardRun[]): string {
  const latest = new Map(runs.map((run) => [run.guard, run]));
  const rows = guards.map(({ name, keeps, broken, script, replicas, rules, unseen }) => {
    const run = latest.get(name);
    const shown = run?.violations.filter(({ rule }) => rules.includes(rule)) ?? [];
    const first = Math.min(...shown.map(({ at }) => at));
    const as = [...new Set(shown.map(({ rule }) => `\`${rule}\``))].join(", ");
    const faults = script.split("\n").map((line) => `\`${line}\``);
    const found =
      shown.length > 0
        ? `after ${first.toFixed(1)} s, as ${as}`
        : `not: ${unseen ?? (run === undefined ? "not run yet" : "no rule was broken")}`;
    const pods = replicas === undefined ? "" : ", two pods a site";
    return [`\`${name}\``, keeps, broken, `${faults.join(", ")}${pods}`, found];
  });
  return markdown([["guard", "what it keeps", "broken", "faults", "found"], ...rows]);
}
