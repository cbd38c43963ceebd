import { UserError } from "../../src/base/errors";
import { markdown } from "../support/markdown";
import { median } from "../support/statistics";
import type { Extra } from "./fault";
import type { ChaosFigures } from "./report";

/** What every seed of a series has in common. */
export interface Shape {
  readonly minutes: number;
  readonly sites: number;
  readonly replicas: number;
}

/** One seed's run, as it is kept: a line of JSON. */
export interface KeptRun extends Shape, Omit<ChaosFigures, "minutes"> {
  readonly extras: readonly Extra[];
  /** When it ended, ISO 8601. */
  readonly at: string;
  /** The revision that ran. */
  readonly commit: string;
  /** Of the whole run, with its lab. */
  readonly cpuSeconds: number;
}

/** What is there beside the sites in a seed's run: nothing, an API server, Vault, both, in turns. */
export function extrasOf(seed: number): readonly Extra[] {
  const turns: readonly (readonly Extra[])[] = [[], ["api"], ["vault"], ["api", "vault"]];
  return turns[seed % turns.length] ?? [];
}

/** The seeds that a text such as `1-40,101` names. Undefined for any other text. */
export function seedsOf(text: string): readonly number[] | undefined {
  const seeds: number[] = [];
  for (const part of text.split(",")) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) - Number(first) > 10_000) return undefined;
    for (let seed = Number(first); seed <= Number(last); seed++) seeds.push(seed);
  }
  return [...new Set(seeds)];
}

/** Reads what was kept, a JSON object a line. @throws UserError with the line that is none. */
export function parseLines(text: string, file: string): readonly unknown[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch (cause) {
      throw new UserError(`${file}:${i + 1} is no run; take the line out`, { cause });
    }
  });
}

/** Seeds of which no run of this shape was kept. */
export function missingSeeds(seeds: readonly number[], runs: readonly KeptRun[], shape: Shape): readonly number[] {
  const isLike = (run: KeptRun): boolean =>
    run.minutes === shape.minutes && run.sites === shape.sites && run.replicas === shape.replicas;
  const kept = new Set(runs.filter(isLike).map(({ seed }) => seed));
  return seeds.filter((seed) => !kept.has(seed));
}

/** What runs came to: a row for each revision, for each kind of surroundings, and for each kind of fault that was on by itself. */
export function seriesTables(runs: readonly KeptRun[]): string {
  return [commitTable(runs), runTable(runs), kindTable(runs)].join("\n\n");
}

/** Which seeds ran on which revision, and in which a rule was broken. */
function commitTable(runs: readonly KeptRun[]): string {
  const days = (of: readonly KeptRun[]): string => [...new Set(of.map(({ at }) => at.slice(0, 10)))].join(", ");
  const broken = (of: readonly KeptRun[]): string =>
    of
      .filter(({ violations }) => violations.length > 0)
      .map(({ seed, violations }) => `${seed}: ${[...new Set(violations.map(({ rule }) => `\`${rule}\``))].join(", ")}`)
      .join("; ");
  const row = (name: string, of: readonly KeptRun[]): readonly string[] => [
    name,
    days(of),
    String(of.length),
    seedText(of.map(({ seed }) => seed)),
    broken(of) || "none",
  ];
  const groups = [...groupedBy(runs, ({ commit }) => `\`${commit}\``)].sort(([, [a]], [, [b]]) =>
    (a?.at ?? "").localeCompare(b?.at ?? ""),
  );
  return markdown([
    ["revision", "day", "runs", "seeds", "broken rules, by seed"],
    ...groups.map(([name, of]) => row(name, of)),
  ]);
}

/** Seeds as {@link seedsOf} reads them. */
export function seedText(seeds: readonly number[]): string {
  const parts: [first: number, last: number][] = [];
  for (const seed of [...new Set(seeds)].sort((a, b) => a - b)) {
    const part = parts.at(-1);
    if (part?.[1] === seed - 1) part[1] = seed;
    else parts.push([seed, seed]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}

function runTable(runs: readonly KeptRun[]): string {
  const groups = groupedBy(runs, ({ extras }) => (extras.length === 0 ? "sites alone" : `with ${extras.join(", ")}`));
  const rows = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, of]) => runRow(name, of));
  const all = groups.size > 1 ? [runRow("**all**", runs)] : [];
  return markdown([
    ["", "seeds", "minutes", "faults", "answers tried", "wrong", "withheld", "lost", "elsewhere"].concat(
      "changes acknowledged",
      "lost",
      "healed p50, max",
      "CPU a seed",
    ),
    ...rows,
    ...all,
  ]);
}

function runRow(name: string, runs: readonly KeptRun[]): readonly string[] {
  const sum = (value: (run: KeptRun) => number): string =>
    runs.reduce((total, run) => total + value(run), 0).toLocaleString("en");
  const kinds = runs.flatMap((run) => Object.values(run.kinds));
  const elsewhere = kinds.reduce((total, { lostElsewhere }) => total + lostElsewhere, 0).toLocaleString("en");
  return [
    name,
    String(runs.length),
    sum(({ minutes }) => minutes),
    sum(({ faults }) => faults),
    sum(({ answers }) => answers.tried),
    sum(({ answers }) => answers.wrong),
    sum(({ answers }) => answers.withheld),
    sum(({ answers }) => answers.lost),
    elsewhere,
    sum(({ changes }) => changes.acknowledged),
    sum(({ changes }) => changes.lost),
    healed(kinds.flatMap(({ healedMs }) => healedMs)),
    `${Math.round(runs.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0) / runs.length)} s`,
  ];
}

function kindTable(runs: readonly KeptRun[]): string {
  const all = runs.flatMap((run) => Object.entries(run.kinds));
  const together = (count: number): string => `${count} at a time`;
  const nameOf = (kinds: string): string => {
    const names = kinds.split(" + ");
    return names.length === 1 ? `\`${kinds}\`` : together(names.length);
  };
  const groups = groupedBy(all, ([kinds]) => nameOf(kinds));
  const rows = [...groups]
    .sort(([a], [b]) => order(a).localeCompare(order(b)))
    .map(([name, entries]) => {
      const of = entries.map(([, figures]) => figures);
      const sum = (value: (figures: (typeof of)[number]) => number): string =>
        of.reduce((total, each) => total + value(each), 0).toLocaleString("en");
      return [
        name,
        sum(({ rounds }) => rounds),
        sum(({ tried }) => tried),
        sum(({ wrong }) => wrong),
        sum(({ lost }) => lost),
        sum(({ lostElsewhere }) => lostElsewhere),
        healed(of.flatMap(({ healedMs }) => healedMs)),
      ];
    });
  return markdown([["fault", "rounds", "answers tried", "wrong", "lost", "elsewhere", "healed p50, max"], ...rows]);
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Single kinds first. */
function order(name: string): string {
  return name.startsWith("`") ? `0${name}` : `1${name}`;
}

function healed(times: readonly number[]): string {
  if (times.length === 0) return "-";
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return `${seconds(median(times))}, ${seconds(Math.max(...times))}`;
}
