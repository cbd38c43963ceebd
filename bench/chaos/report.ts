import { table } from "../../src/base/table";
import { median, round } from "../support/statistics";
import { type Extra, type Fault, formatFaults } from "./fault";
import { answerRules } from "./history";
import type { MachineWatch } from "./machine";
import type { AnswerCounts } from "./observer";
import type { Round } from "./plan";

/** Everything that a run checks. */
export const rules = {
  ...answerRules,
  lost: "no acknowledged change is lost",
  forgotten: "no pod forgets a site or a zone that nobody removed",
  late: "the mesh heals within the bound",
  programmed: "`Programmed` is never said while a linked site answers otherwise",
  secret: "no secret is in a log",
} as const;

/** A rule that was broken at a site, the first time with what was seen, and how often. */
export interface Violation {
  readonly rule: keyof typeof rules;
  readonly site: string;
  readonly detail: string;
  /** Seconds from the start. */
  readonly at: number;
  times: number;
}

/** What a round came to. */
export interface RoundResult {
  readonly round: Round;
  /** From the round's beginning until the mesh had healed. */
  readonly answers: AnswerCounts;
  /** Of those that were lost, those at sites without a fault. */
  readonly lostElsewhere: number;
  /** From the end of the last fault until the mesh had healed; undefined when it had not within the bound. */
  readonly recoverMs: number | undefined;
}

/** What a run came to. */
export interface Outcome {
  readonly seed: number;
  readonly minutes: number;
  readonly rounds: readonly RoundResult[];
  readonly answers: AnswerCounts;
  readonly changes: {
    readonly acknowledged: number;
    readonly lost: number;
    /** Those that a lost volume was allowed to take along. */
    readonly excused: number;
  };
  readonly violations: readonly Violation[];
  /** For which share of time, in percent, the pod that had it worst was ready to run and got no CPU. */
  readonly waited: MachineWatch["share"];
}

/** Collects violations: the same rule broken at the same site counts up, and keeps what was seen first. */
export class Violations {
  readonly #found = new Map<string, Violation>();

  /** Returns whether it is the first of its rule and site. */
  add(violation: Omit<Violation, "times">): boolean {
    const key = `${violation.rule} ${violation.site}`;
    const before = this.#found.get(key);
    if (before !== undefined) before.times += 1;
    else this.#found.set(key, { ...violation, times: 1 });
    return before === undefined;
  }

  get all(): readonly Violation[] {
    return [...this.#found.values()];
  }
}

/** The figures, as the last line has them. A run in which no round healed has no times. */
export function figuresOf({ seed, minutes, rounds, answers, changes, waited, violations }: Outcome) {
  const faults = rounds.reduce((sum, each) => sum + each.round.faults.length, 0);
  const { acknowledged, lost } = changes;
  const kinds = Object.fromEntries(byKinds(rounds));
  const recoverMs = recovery(rounds);
  return { seed, minutes, faults, answers, changes: { acknowledged, lost }, recoverMs, waited, violations, kinds };
}

/** What a run prints with `--json`. */
export type ChaosFigures = ReturnType<typeof figuresOf>;

/** What the rounds of one combination of kinds came to. `lostElsewhere` is of sites without a fault. */
export interface KindFigures extends AnswerCounts {
  readonly rounds: number;
  readonly lostElsewhere: number;
  readonly recoverMs: ReturnType<typeof recovery>;
  /** Of each round that healed. */
  readonly healedMs: readonly number[];
}

function byKinds(rounds: readonly RoundResult[]): readonly (readonly [string, KindFigures])[] {
  const results = new Map<string, RoundResult[]>();
  for (const each of rounds) {
    const kinds = kindsOf(each.round.faults);
    results.set(kinds, [...(results.get(kinds) ?? []), each]);
  }
  return [...results]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kinds, of]) => {
      const sum = (value: (result: RoundResult) => number): number =>
        of.reduce((total, result) => total + value(result), 0);
      const figures: KindFigures = {
        rounds: of.length,
        tried: sum(({ answers }) => answers.tried),
        wrong: sum(({ answers }) => answers.wrong),
        lost: sum(({ answers }) => answers.lost),
        withheld: sum(({ answers }) => answers.withheld),
        lostElsewhere: sum(({ lostElsewhere }) => lostElsewhere),
        recoverMs: recovery(of),
        healedMs: timesOf(of).map((ms) => round(ms, 0)),
      };
      return [kinds, figures] as const;
    });
}

/** A row for each combination of kinds: answers from the beginning until healed, those lost at sites without a fault, and times to heal. */
export function roundTable(rounds: readonly RoundResult[]): string {
  const rows = byKinds(rounds).map(([kinds, { rounds, tried, wrong, lost, lostElsewhere, recoverMs }]) => {
    const { p50, max } = recoverMs ?? { p50: "-", max: "-" };
    return [kinds, ...[rounds, tried, wrong, lost, lostElsewhere, p50, max].map(String)];
  });
  return table([["faults", "rounds", "tried", "wrong", "lost", "elsewhere", "p50 ms", "max ms"], ...rows]);
}

/** What was broken, and the script that leads there; empty when nothing was. */
export function violationText(
  outcome: Outcome,
  {
    sites,
    replicas,
    extras = [],
  }: { readonly sites: number; readonly replicas: number; readonly extras?: readonly Extra[] },
): string {
  const { seed, rounds, violations } = outcome;
  if (violations.length === 0) return "";
  const last = Math.max(...violations.map(({ at }) => at));
  const faults = rounds.flatMap(({ round: { faults } }) => faults).filter(({ from }) => from <= last);
  const lines = violations.map(({ rule, site, detail, at, times }) => {
    const often = times === 1 ? "" : `, ${times} times`;
    return `VIOLATED at ${site}, ${at.toFixed(1)} s${often}: ${rules[rule]}: ${detail}`;
  });
  // A mesh that did not come up needs no script.
  if (rounds.length === 0) return lines.join("\n");
  const besides = extras.length === 0 ? "" : ` --with ${extras.join()}`;
  const replay = `# seed ${seed}; save as faults.chaos, and run: npm run chaos -- --sites ${sites} --replicas ${replicas}${besides} --seed ${seed} --script faults.chaos`;
  return [...lines, replay, formatFaults(faults)].join("\n");
}

function kindsOf(faults: readonly Fault[]): string {
  return faults
    .map(({ kind }) => kind)
    .sort()
    .join(" + ");
}

function recovery(rounds: readonly RoundResult[]): { readonly p50: number; readonly max: number } | null {
  const times = timesOf(rounds);
  return times.length === 0 ? null : { p50: round(median(times), 0), max: round(Math.max(...times), 0) };
}

function timesOf(rounds: readonly RoundResult[]): readonly number[] {
  return rounds.flatMap(({ recoverMs }) => (recoverMs === undefined ? [] : [recoverMs]));
}
