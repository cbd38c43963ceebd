import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { messageOf, UserError } from "../src/base/errors";
import { inParallel } from "../src/base/in-parallel";
import { ChaosRuns, type PrintedFigures, revision } from "./chaos/child";
import { type GuardRun, guardTable } from "./chaos/guard-runs";
import { type Guard, guardNamed, guards } from "./chaos/guards";
import { extrasOf, type KeptRun, missingSeeds, parseLines, seedsOf, seriesTables, type Shape } from "./chaos/series";
import { withBlock } from "./support/markdown";
import { fileName, oneOf, type Option, readOptions, wholeNumber } from "./support/options";

const root = join(__dirname, "..");
const script = "npm run chaos:series";
const resultsFile = join(__dirname, "chaos", "results.jsonl");
const guardsFile = join(__dirname, "chaos", "guard-results.jsonl");
const seeds: Option<readonly number[]> = { byDefault: [], read: seedsOf, wanted: "seeds such as 1-100 or 3,7,20-29" };

const options = {
  seeds,
  guards: fileName(),
  minutes: wholeNumber(3, { most: 24 * 60 }),
  sites: wholeNumber(3, { least: 3, most: 26 }),
  replicas: wholeNumber(2, { least: 1, most: 5 }),
  parallel: wholeNumber(1, { most: 64 }),
  results: fileName(),
  logs: fileName(),
  tables: oneOf("no", "yes"),
};

const usage = `npm run chaos:series -- --seeds 1-100 [options]    runs npm run chaos many times, and keeps a line of each run (root)

  --seeds LIST     such as 1-100 or 3,7,20-29; those that were kept before are left out. In turns they have nothing beside
                   the sites, an API server, Vault, and both
  --guards LIST    guards that are broken on purpose, one at a time, or all: ${guards.map(({ name }) => name).join(", ")}
  --minutes N      of each seed (3)
  --sites N        (3)
  --replicas N     pods of each site (2)
  --parallel N     side by side (1)
  --results FILE   where the lines of seeds are kept (bench/chaos/results.jsonl)
  --logs FOLDER    what each run said, and what all sites logged where a rule was broken
  --tables yes     writes the tables of what was kept into docs/reliability.md
  --help           this text

It can be stopped at any time: seeds under way are run anew by the next run.`;

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usage);
    return 0;
  }
  const values = readOptions(options, args);
  const results = values.results ?? resultsFile;
  const runs = new ChaosRuns(values.logs);
  const series = { ...values, results, runs, commit: await revision() };
  const unseen = await breakGuards(guardsOf(values.guards), series);
  const broken = await runSeeds(series);
  if (values.tables === "yes") writeTables(results);
  return unseen + broken > 0 ? 1 : 0;
}

/** What a series of runs works with. */
interface Series extends Shape {
  readonly seeds: readonly number[];
  readonly parallel: number;
  readonly results: string;
  readonly runs: ChaosRuns;
  readonly commit: string;
}

function guardsOf(text: string | undefined): readonly Guard[] {
  if (text === undefined) return [];
  return text === "all" ? guards : text.split(",").map(guardNamed);
}

/** Returns how many seeds broke a rule. */
async function runSeeds({ seeds: wanted, results, runs, commit, parallel, ...rest }: Series): Promise<number> {
  const { minutes, sites, replicas } = rest;
  const shape: Shape = { minutes, sites, replicas };
  const before = linesOf(results) as readonly KeptRun[];
  let broken = 0;
  await inParallel(parallel, missingSeeds(wanted, before, shape), async (seed) => {
    if (runs.isOver) return;
    const extras = extrasOf(seed);
    const given = { ...shape, seed, ...(extras.length > 0 && { with: extras.join() }) };
    const figures = await attempt(runs, () => runs.run(`seed-${seed}`, given));
    if (figures === undefined) return;
    broken += figures.violations.length > 0 ? 1 : 0;
    const kept: KeptRun = { ...figures, ...shape, extras, at: new Date().toISOString(), commit };
    appendFileSync(results, `${JSON.stringify(kept)}\n`);
    console.error(summaryOf(figures));
  });
  return broken;
}

/** Returns how many broken guards were not found, although they should have been. */
async function breakGuards(wanted: readonly Guard[], { runs, commit, parallel }: Series): Promise<number> {
  let unseen = 0;
  await inParallel(parallel, wanted, async (guard) => {
    if (runs.isOver) return;
    const figures = await attempt(runs, () => runs.run(`guard-${guard.name}`, { break: guard.name, seed: 1 }));
    if (figures === undefined) return;
    const { violations } = figures;
    const isFound = violations.some(({ rule }) => guard.rules.includes(rule));
    if (!isFound && guard.unseen === undefined) unseen += 1;
    const { name } = guard;
    const seen: GuardRun = { guard: name, violations, at: new Date().toISOString(), commit };
    appendFileSync(guardsFile, `${JSON.stringify(seen)}\n`);
    const rules = violations.map(({ rule, at, times }) => `${rule} after ${at.toFixed(1)} s (${times})`).join(", ");
    console.error(`guard ${name}: ${isFound ? "found" : "NOT FOUND"}: ${rules === "" ? "no rule was broken" : rules}`);
  });
  return unseen;
}

async function attempt(runs: ChaosRuns, work: () => Promise<PrintedFigures>): Promise<PrintedFigures | undefined> {
  try {
    const figures = await work();
    return runs.isOver ? undefined : figures;
  } catch (error) {
    if (!runs.isOver) console.error(messageOf(error));
    return undefined;
  }
}

function summaryOf({ seed, answers, changes, recoverMs, violations, waited, cpuSeconds }: PrintedFigures): string {
  const broken = violations.map(({ rule, site, detail, times }) => `\n  ${rule} at ${site}, ${times} times: ${detail}`);
  const counts = `${answers.wrong} of ${answers.tried} answers wrong, ${answers.withheld} withheld, ${changes.lost} of ${changes.acknowledged} changes lost`;
  return `seed ${seed}: ${counts}, healed in ${recoverMs?.max ?? "-"} ms at most, waited ${waited.p50} %, ${cpuSeconds} s of CPU${broken.join("")}`;
}

function linesOf(file: string): readonly unknown[] {
  return existsSync(file) ? parseLines(readFileSync(file, "utf8"), file) : [];
}

function writeTables(results: string): void {
  const document = join(root, "docs", "reliability.md");
  const blocks = {
    series: seriesTables(linesOf(results) as readonly KeptRun[]),
    guards: guardTable(linesOf(guardsFile) as readonly GuardRun[]),
  };
  const text = Object.entries(blocks).reduce(
    (before, [name, block]) => withBlock(before, { name, script, text: block }),
    readFileSync(document, "utf8"),
  );
  writeFileSync(document, text);
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = 1;
  },
);
