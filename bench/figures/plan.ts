import { UserError } from "../../src/base/errors";
import { type Job, jobs, withoutFigures } from "./jobs";

/** A call of a bench that is to be made. */
export interface Planned {
  readonly name: string;
  readonly job: Job;
  /** How many runs are missing. */
  readonly runs: number;
}

/** The jobs of some names, each a job's or a bench's, in the order of all jobs. @throws UserError for a name that is neither. */
export function jobsNamed(names: readonly string[]): Readonly<Record<string, Job>> {
  const unknown = names.find(
    (name) => !Object.entries(jobs).some(([job, { bench }]) => name === job || name === bench),
  );
  if (unknown !== undefined)
    throw new UserError(`there is no "${unknown}" to measure; there are ${Object.keys(jobs).join(", ")}`);
  if (names.length === 0) return jobs;
  return Object.fromEntries(
    Object.entries(jobs).filter(([name, { bench }]) => names.includes(name) || names.includes(bench)),
  );
}

/** What is missing of so many runs of each. */
export function missingRuns(
  wanted: Readonly<Record<string, Job>>,
  runs: number,
  kept: (name: string, job: Job) => number,
): readonly Planned[] {
  return Object.entries(wanted).flatMap(([name, job]) => {
    const missing = runs - kept(name, job);
    return missing > 0 ? [{ name, job, runs: missing }] : [];
  });
}

/** A call in the smallest form, and the jobs that it stands for. */
export interface SmallRun {
  readonly bench: string;
  readonly args: readonly string[];
  readonly of: readonly string[];
}

/** Every bench in its smallest form once, or more often where jobs have one of their own. */
export function smallRuns(
  names: readonly string[],
  smallest: (bench: string) => readonly string[],
): readonly SmallRun[] {
  const others = Object.keys(withoutFigures).map((bench): [string, Job] => [bench, { bench, args: [] }]);
  const withFigures = names.filter((name) => !(name in withoutFigures));
  const wanted = [
    ...(names.length > 0 && withFigures.length === 0 ? [] : Object.entries(jobsNamed(withFigures))),
    ...others.filter(([bench]) => names.length === 0 || names.includes(bench)),
  ];
  const found = new Map<string, SmallRun>();
  for (const [name, job] of wanted) {
    const args = job.smallest ?? smallest(job.bench);
    const key = [job.bench, ...args].join(" ");
    found.set(key, { bench: job.bench, args, of: [...(found.get(key)?.of ?? []), name] });
  }
  return [...found.values()];
}
