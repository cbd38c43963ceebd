import { join } from "node:path";

import { cacheDir } from "../harness/tools/cache";
import { messageOf, UserError } from "../src/base/errors";
import { table } from "../src/base/table";
import { readFigures, writeFigures } from "./figures/documents";
import { figuresFile, measurementOf } from "./figures/file";
import { commandOf, type Job, jobs } from "./figures/jobs";
import { jobsNamed, missingRuns, type Planned, smallRuns } from "./figures/plan";
import { BenchRunner } from "./figures/runner";
import { shownFigures } from "./figures/shown";
import { machine, measuredCommit, versions } from "./figures/state";
import { RunStore } from "./figures/store";
import { missingFigures } from "./figures/values";
import { durationText, type NamedBench } from "./support/bench";
import { flag, type Option, readOptions, wholeNumber, wordsTogether } from "./support/options";

const names: Option<readonly string[]> = {
  byDefault: [],
  read: (text) => text.split(",").filter((name) => name !== ""),
  wanted: "names of measurements or benches",
};
const options = { only: names, runs: wholeNumber(3, { most: 100 }), quick: flag(), list: flag() };

const usage = `npm run bench -- [options]    measures this commit, and writes ${figuresFile} with all tables and plots that follow from it

  --only NAME…   these alone: names of --list, or of benches (converge has all of its own)
  --runs N       of each (3); a figure is their median
  --list         what there is to measure, how long it takes, and what is kept of it for this commit; with --quick what that runs
  --quick        every bench once in its smallest form, to see that all of them work; nothing is kept or written
  --json         one JSON object on the last line: what was measured, and what failed
  --help         this text

It can be stopped at any time. What it has measured is kept under ${join(cacheDir(), "figures")} by commit, and the next
call goes on from there. A measurement goes into the file when all of its runs are there; what was not measured on this commit
keeps the figures of the commit that it was measured on, and tables say of which. It wants a machine that does nothing else.`;

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usage);
    return 0;
  }
  const values = readOptions(options, wordsTogether(args, "only"));
  const done = values.quick ? await checkAll(values) : await measure(values);
  if (values.json) console.log(JSON.stringify(done));
  return done.failed.length > 0 || done.isStopped ? 1 : 0;
}

/** What a call came to. */
interface Done {
  readonly measured: readonly string[];
  readonly failed: readonly string[];
  /** Somebody wanted it to end before all was done. */
  readonly isStopped: boolean;
}

async function benchNamed(name: string): Promise<NamedBench> {
  return ((await import(join(__dirname, `${name}.ts`))) as { readonly bench: NamedBench }).bench;
}

async function measure({ only, runs, list }: { only: readonly string[]; runs: number; list: boolean }): Promise<Done> {
  const wanted = jobsNamed(only);
  const commit = await measuredCommit();
  const store = new RunStore(join(cacheDir(), "figures"), commit);
  const kept = (name: string, job: Job): number => store.runs(name, job).length;
  if (list) {
    await print(wanted, kept);
    return { measured: [], failed: [], isStopped: false };
  }
  const planned = missingRuns(wanted, runs, kept);
  await announce(commit, planned);
  const runner = new BenchRunner();
  const failed: string[] = [];
  for (const each of planned) {
    if (runner.isOver()) break;
    if (!(await runMissing(each, { runner, store, commit })) && !runner.isOver()) failed.push(each.name);
  }
  const measured = Object.entries(wanted).flatMap(([name, job]) => {
    const found = store.runs(name, job);
    return found.length >= runs ? [[name, measurementOf(name, found, commit)] as const] : [];
  });
  for (const name of writeFigures({ ...readFigures(), ...Object.fromEntries(measured) })) say(`${name} is written`);
  if (failed.length > 0) say(`failed: ${failed.join(", ")}`);
  if (runner.isOver()) say("stopped; the next call goes on from here");
  return { measured: measured.map(([name]) => name), failed, isStopped: runner.isOver() };
}

async function announce(commit: string, planned: readonly Planned[]): Promise<void> {
  let seconds = 0;
  for (const { job, runs } of planned) seconds += runs * (await benchNamed(job.bench)).secondsOf(job.args);
  const runs = planned.reduce((all, each) => all + each.runs, 0);
  say(
    runs === 0
      ? `everything is measured on commit ${commit}`
      : `${runs} runs on commit ${commit}, which take ${durationText(seconds)} on two cores with nothing beside it`,
  );
  const { load = 0 } = await machine();
  if (load > 0.7) say(`${load} cores are busy: something else has this machine too, and tables will say so`);
}

/** Returns whether all missing runs were made. Each is kept as it comes. */
async function runMissing(
  { name, job, runs }: Planned,
  { runner, store, commit }: { readonly runner: BenchRunner; readonly store: RunStore; readonly commit: string },
): Promise<boolean> {
  for (let i = 1; i <= runs && !runner.isOver(); i++) {
    say(`${name}, ${i} of ${runs}: ${commandOf(job)}`);
    try {
      const before = await machine();
      const began = performance.now();
      const result = await runner.run(job.bench, job.args);
      const seconds = Math.round((performance.now() - began) / 1000);
      // A run reads what the files say at its beginning and later.
      if ((await measuredCommit()) !== commit)
        throw new UserError(`another commit than ${commit} is here now: this run is not kept`);
      const at = new Date().toISOString();
      store.add(name, { command: commandOf(job), at, seconds, machine: before, versions: await versions(), result });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`${name}: ${messageOf(error)}`);
      return false;
    }
  }
  return !runner.isOver();
}

async function print(wanted: Readonly<Record<string, Job>>, kept: (name: string, job: Job) => number): Promise<void> {
  const rows: string[][] = [];
  for (const [name, job] of Object.entries(wanted)) {
    const seconds = (await benchNamed(job.bench)).secondsOf(job.args);
    rows.push([name, durationText(seconds), String(kept(name, job)), commandOf(job)]);
  }
  console.log(table([["name", "one run takes", "runs kept", "command"], ...rows]));
}

/** Whether every bench still runs, and prints the figures that tables, plots and aims have a place for. */
async function checkAll({ only, list }: { readonly only: readonly string[]; readonly list: boolean }): Promise<Done> {
  const benches = new Map<string, NamedBench>();
  const files = smallRuns(only, () => []).map(({ bench }) => bench);
  for (const name of files) benches.set(name, await benchNamed(name));
  const small = smallRuns(only, (bench) => benches.get(bench)?.smallest ?? []);
  const secondsOf = ({ bench, args }: (typeof small)[number]): number => benches.get(bench)?.secondsOf(args) ?? 0;
  const seconds = small.reduce((all, each) => all + secondsOf(each), 0);
  say(`${small.length} benches in their smallest form, which take ${durationText(seconds)}`);
  if (list) {
    console.log(
      table([["one run takes", "command"], ...small.map((each) => [durationText(secondsOf(each)), commandOf(each)])]),
    );
    return { measured: [], failed: [], isStopped: false };
  }
  const named = shownFigures();
  const runner = new BenchRunner();
  const [measured, failed]: [string[], string[]] = [[], []];
  for (const { bench, args, of } of small) {
    if (runner.isOver()) break;
    const command = commandOf({ bench, args });
    say(command);
    const problem = await runner.run(bench, args).then(
      (result) =>
        missingFigures(
          named,
          of.map((name) => ({ name, ...jobs[name] })),
          result,
        ),
      (error: unknown) => messageOf(error),
    );
    if (problem !== undefined) say(`${command}: ${problem}`);
    (problem === undefined ? measured : failed).push(command);
  }
  return { measured, failed, isStopped: runner.isOver() };
}

function say(line: string): void {
  console.error(line);
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = 1;
  },
);
