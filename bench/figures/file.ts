import { median, round } from "../support/statistics";
import { type Aim, aims } from "./aims";
import { commandOf, type Job, jobs, moreIsBetter } from "./jobs";
import { type Values, valuesOf } from "./values";

/** The file of all figures, relative to the repository. */
export const figuresFile = "docs/figures.json";

/** The middle of some runs, and how far they lie apart. */
export interface Middle {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A figure, with what it is compared with. */
export interface Figure extends Middle {
  readonly rival?: Middle & {
    readonly name: string;
    readonly figure: string;
    /** How many times better ours is, in each run. */
    readonly times: Middle;
  };
  readonly aim?: readonly Bound[];
}

/** What a figure, or its `times`, is to be. */
export type Bound = { readonly of?: "times" } & ({ readonly atMost: number } | { readonly atLeast: number });

/** The machine that runs were made on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Processes that wanted to run in the minute before a run began, where it was worst: next to none is a quiet machine. */
  readonly load?: number;
}

/** Where figures come from. */
export interface Provenance {
  /** The last commit before the runs that changed more than documents, or "unknown". */
  readonly commit: string;
  /** Of the last run, as 2026-11-30, or "unknown". */
  readonly date: string;
  readonly runs: number;
  /** Where no commit is known: the release. */
  readonly release?: string;
  /** What else has to be known of the runs. */
  readonly note?: string;
}

/** What the runs of a job came to. */
export interface Measurement extends Provenance {
  readonly command: string;
  readonly machine?: Machine;
  readonly versions?: Readonly<Record<string, string>>;
  readonly figures: Readonly<Record<string, Figure>>;
}

/** All figures, by the job that measured them. */
export type Figures = Readonly<Record<string, Measurement>>;

/** One run of a job, as it is kept until it is merged. */
export interface Run {
  readonly command: string;
  /** When it ended, ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** What the bench printed. */
  readonly result: unknown;
}

/** What some runs of a job on one commit come to. */
export function measurementOf(name: string, runs: readonly Run[], commit: string): Measurement {
  const job = jobNamed(name);
  const last = runs.at(-1);
  if (last === undefined) throw new RangeError(`no runs of ${name}`);
  const values = runs.map(({ result }) => valuesOf(result, job.quotients));
  const figures = [...(values[0] ?? new Map<string, number>()).keys()].flatMap((figure) => {
    const middle = middleOf(values.map((run) => run.get(figure)));
    return middle === undefined ? [] : [[figure, { ...middle, ...rivalOf(job, figure, values) }] as const];
  });
  const load = Math.max(...runs.map(({ machine }) => machine.load ?? 0));
  return withAims(name, {
    command: commandOf(job),
    commit,
    date: last.at.slice(0, 10),
    runs: runs.length,
    machine: { ...last.machine, load },
    versions: last.versions,
    figures: Object.fromEntries(figures),
  });
}

function jobNamed(name: string): Job {
  const job = jobs[name];
  if (job === undefined) throw new RangeError(`there is no job ${name}`);
  return job;
}

/** Undefined when a run lacks the figure. */
function middleOf(values: readonly (number | undefined)[]): Middle | undefined {
  const all = values.filter((value) => value !== undefined);
  if (all.length < values.length || all.length === 0) return undefined;
  return { median: median(all), min: Math.min(...all), max: Math.max(...all) };
}

function rivalOf(job: Job, figure: string, runs: readonly Values[]): Pick<Figure, "rival"> {
  const rival = job.rivals?.[figure];
  if (rival === undefined) return {};
  const theirs = middleOf(runs.map((run) => run.get(rival.figure)));
  const times = middleOf(
    runs.map((run) => {
      const [our, their] = [run.get(figure), run.get(rival.figure)];
      if (our === undefined || their === undefined) return undefined;
      const [better, worse] = moreIsBetter(figure) ? [our, their] : [their, our];
      return worse === 0 ? undefined : round(better / worse, 2);
    }),
  );
  return theirs === undefined || times === undefined ? {} : { rival: { ...rival, ...theirs, times } };
}

/** With today's aims at their figures, and at no others. */
function withAims(name: string, measurement: Measurement): Measurement {
  const figures = Object.entries(measurement.figures).map(([figure, { aim: _former, ...rest }]) => {
    const bounds = aims.flatMap((aim) => (aim.of?.[0] === name && aim.of[1] === figure ? [boundOf(aim)] : []));
    return [figure, { ...rest, ...(bounds.length > 0 && { aim: bounds }) }] as const;
  });
  return { ...measurement, figures: Object.fromEntries(figures) };
}

function boundOf({ of, atMost, atLeast }: Aim): Bound {
  const side = of?.[2] === "times" ? ({ of: "times" } as const) : {};
  return atMost === undefined ? { ...side, atLeast: atLeast ?? 0 } : { ...side, atMost };
}

/** The file's figures in the order of the jobs, without those of jobs that are no more, with today's aims. */
export function tidied(figures: Figures): Figures {
  return Object.fromEntries(
    Object.keys(jobs).flatMap((name) => {
      const measurement = figures[name];
      return measurement === undefined ? [] : [[name, withAims(name, measurement)] as const];
    }),
  );
}

/** The file's text: a line for each figure, so that a difference of two states can be read. */
export function figuresText(figures: Figures): string {
  const line = (indent: string, [name, value]: readonly [string, unknown]): string =>
    `${indent}${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  const measurements = Object.entries(figures).map(([name, { figures: all, ...rest }]) => {
    const heads = Object.entries(rest).map((entry) => line("    ", entry));
    const figureLines = Object.entries(all).map((entry) => line("      ", entry));
    return `  ${JSON.stringify(name)}: {\n${heads.join(",\n")},\n    "figures": {\n${figureLines.join(",\n")}\n    }\n  }`;
  });
  return `{\n${measurements.join(",\n")}\n}\n`;
}
