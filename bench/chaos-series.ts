import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { run } from "../harness/tools/run";
import { UserError } from "../src/base/errors";
import { inParallel } from "../src/base/in-parallel";
import type { ChaosFigures } from "./chaos/report";
import { extrasOf, type KeptRun, missingSeeds, parseRuns, seedsOf, type Shape, withTables } from "./chaos/series";
import { fileName, oneOf, type Option, readOptions, wholeNumber } from "./support/options";

const root = join(__dirname, "..");
const kept = join(__dirname, "chaos", "results.jsonl");
const seeds: Option<readonly number[]> = { byDefault: [], read: seedsOf, wanted: "seeds such as 1-100 or 3,7,20-29" };

const options = {
  seeds,
  minutes: wholeNumber(3, { most: 24 * 60 }),
  sites: wholeNumber(3, { least: 3, most: 26 }),
  replicas: wholeNumber(2, { least: 1, most: 5 }),
  parallel: wholeNumber(1, { most: 64 }),
  results: fileName(),
  logs: fileName(),
  tables: oneOf("no", "yes"),
};

const usage = `npm run chaos:series -- --seeds 1-100 [options]    runs many seeds of npm run chaos, and keeps a line of each (root)

  --seeds LIST     such as 1-100 or 3,7,20-29; those that were kept before are left out. In turns they have nothing beside
                   the sites, an API server, Vault, and both
  --minutes N      of each (3)
  --sites N        (3)
  --replicas N     pods of each site (2)
  --parallel N     side by side (1)
  --results FILE   where the lines are kept (bench/chaos/results.jsonl)
  --logs FOLDER    what all sites of a seed logged, where a rule was broken
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
  const results = values.results ?? kept;
  const before = existsSync(results) ? parseRuns(readFileSync(results, "utf8"), results) : [];
  const children = new Set<ChildProcess>();
  let isOver = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      isOver = true;
      for (const child of children) child.kill("SIGTERM");
    });
  const commit = (await run("git", ["-C", root, "describe", "--always", "--dirty"])).trim();
  let broken = 0;
  await inParallel(values.parallel, missingSeeds(values.seeds, before, values), async (seed) => {
    if (isOver) return;
    const figures = await runSeed(seed, values, children);
    if (isOver || figures === undefined) return;
    broken += figures.violations.length > 0 ? 1 : 0;
    keep(results, { ...figures, ...shapeOf(values), commit });
    console.error(summaryOf(figures));
  });
  if (values.tables === "yes") writeTables(results);
  return broken > 0 ? 1 : 0;
}

function shapeOf({ minutes, sites, replicas }: Shape): Shape {
  return { minutes, sites, replicas };
}

/** What a run of one seed came to; undefined when it ended without figures. */
async function runSeed(
  seed: number,
  { logs, ...values }: Shape & { readonly logs: string | undefined },
  children: Set<ChildProcess>,
): Promise<(ChaosFigures & Pick<KeptRun, "extras" | "at" | "cpuSeconds">) | undefined> {
  const extras = extrasOf(seed);
  if (logs !== undefined) mkdirSync(logs, { recursive: true });
  const given = { ...shapeOf(values), seed, shrink: "no", ...(extras.length > 0 && { with: extras.join() }) };
  const all = { ...given, ...(logs !== undefined && { logs: join(logs, `seed-${seed}.log`) }) };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = [...process.execArgv, join(__dirname, "chaos.ts"), ...args, "--json"];
  const child = spawn(process.execPath, program, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let [printed, said] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  children.delete(child);
  if (logs !== undefined) writeFileSync(join(logs, `seed-${seed}.txt`), `${said}\n${printed}`);
  const last = printed.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) {
    console.error(`seed ${seed} ended without figures: ${said.trimEnd().split("\n").slice(-3).join(" / ")}`);
    return undefined;
  }
  const figures = JSON.parse(last) as ChaosFigures & { readonly cpuSeconds: number };
  return { ...figures, extras, at: new Date().toISOString() };
}

function keep(file: string, result: KeptRun): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}

function summaryOf({ seed, answers, changes, recoverMs, violations, waited, cpuSeconds }: ChaosFigures & { cpuSeconds: number }): string {
  const broken = violations.map(({ rule, site, detail, times }) => `\n  ${rule} at ${site}, ${times} times: ${detail}`);
  const counts = `${answers.wrong} of ${answers.tried} answers wrong, ${answers.withheld} withheld, ${changes.lost} of ${changes.acknowledged} changes lost`;
  return `seed ${seed}: ${counts}, healed in ${recoverMs?.max ?? "-"} ms at most, waited ${waited.p50} %, ${cpuSeconds} s of CPU${broken.join("")}`;
}

function writeTables(results: string): void {
  const document = join(root, "docs", "reliability.md");
  const runs = parseRuns(readFileSync(results, "utf8"), results);
  writeFileSync(document, withTables(readFileSync(document, "utf8"), runs));
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = 1;
  },
);
