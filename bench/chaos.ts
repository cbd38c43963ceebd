import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";

import { ensureTools } from "../harness/tools";
import { onPath } from "../harness/tools/install";
import { Lab } from "../lab";
import { isInPrivateNetwork, rerunInPrivateNetwork } from "../lab/namespaces";
import { LabPlan } from "../lab/plan";
import { defaultStorage, gatherFacts, labProblems } from "../lab/preflight";
import { messageOf, UserError } from "../src/base/errors";
import { randomKey } from "../src/keyring/fresh-key";
import { backgroundWorkers } from "../src/knot/config/knot-conf";
import { breaksAgain } from "./chaos/again";
import {
  type Extra,
  extras as allExtras,
  type Fault,
  formatFaults,
  kindNames,
  kindsWith,
  neededFor,
  parseFaults,
} from "./chaos/fault";
import { brokenProgram, type Guard, guardNamed, guards } from "./chaos/guards";
import { KeptLogs } from "./chaos/kept-logs";
import { planFaults } from "./chaos/plan";
import { figuresOf, type Outcome, roundTable, type Violation, violationText } from "./chaos/report";
import { gapSeconds, runChaos } from "./chaos/run";
import { shrink } from "./chaos/shrink";
import { Surroundings } from "./chaos/surroundings";
import { fileName, oneOf, readOptions, someOf, type Values, wholeNumber } from "./support/options";

const options = {
  minutes: wholeNumber(10, { most: 24 * 60 }),
  seed: wholeNumber(randomInt(1, 2 ** 31)),
  sites: wholeNumber(5, { least: 3, most: 26 }),
  replicas: wholeNumber(1, { least: 1, most: 5 }),
  with: someOf(...allExtras),
  break: fileName(),
  script: fileName(),
  logs: fileName(),
  shrink: oneOf("yes", "no"),
  patience: wholeNumber(1, { most: 60 }),
};

/** Of each pod's volume. */
const volumeOctets = 24 * 2 ** 20;

/** Without a fault at the end. */
const tailSeconds = 5;

/** What was asked for, and what follows from it. */
type ChaosRun = ReturnType<typeof readOptions<typeof options>> & {
  readonly storage: string;
  readonly faults: readonly Fault[];
  readonly seconds: number;
  /** What there is beside the sites. */
  readonly extras: readonly Extra[];
  /** What is broken on purpose. */
  readonly guard: Guard | undefined;
};

/** What builds an extra. */
const toolOf = { api: "kubernetes", vault: "vault" } as const satisfies Record<Extra, string>;

const guardNames = guards.map(({ name }) => name).join(", ");

const usage = `npm run chaos -- [options]    hurts a mesh of real servers on this machine, and checks that it keeps what it promises (root)

  --minutes N    how long (10)
  --seed N       what the faults follow from (a random one)
  --sites N      how many, 3 to 26 (5)
  --replicas N   pods of each site, each asked by itself (1)
  --with LIST    what there is beside the sites: api (an API server at the second site, with operator, reconciler and
                 DnsRecords that change), vault (from which sites have their keys, and a rotator). None
  --script FILE  the faults in FILE instead, which also says how long the run is
  --break GUARD  runs with a guard that is broken on purpose, and by default with the faults and the pods that show it:
                 ${guardNames}
  --logs FILE    what all sites had logged when the first rule was broken, if one was
  --patience N   bounds for healing and for old answers, so many times as long (1)
  --shrink no    does not look for a shorter script when a rule was broken
  --json         figures as one JSON object on the last line
  --help         this text

A script has a fault a line, FROM TO KIND SITE in seconds from the start, for example "3 7.5 cut site-b". Kinds:
${kindNames.join(", ")}.
The status is 1 when a rule was broken; then the seed and the script that leads there are printed.`;

function log(line: string): void {
  console.error(line);
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usage);
    return 0;
  }
  const values = readOptions(options, args);
  const guard = values.break === undefined ? undefined : guardNamed(values.break);
  const { sites } = values;
  const replicas = Math.max(values.replicas, guard?.replicas ?? 1);
  const script = readScript({ ...values, replicas }, guard);
  const storage = defaultStorage(sites);
  const needed = [...(guard?.extras ?? []), ...(script ?? []).flatMap(({ kind }) => neededFor(kind) ?? [])];
  const extras = allExtras.filter((extra) => values.with.includes(extra) || needed.includes(extra));
  await ensureTools(["knot", ...extras.map((extra) => toolOf[extra])], log);
  const wanted = { sites, replicas, zones: sites, network: "namespaces", storage } as const;
  const problems = [...labProblems(wanted, gatherFacts(wanted)), ...missingFor(extras)];
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  if (!isInPrivateNetwork()) return rerunInPrivateNetwork();
  const faults =
    script ??
    planFaults({
      ...values,
      seconds: 60 * values.minutes - tailSeconds,
      pods: podNames({ sites, replicas }),
      quietSeconds: gapSeconds,
      kinds: kindsWith(extras),
    });
  const seconds = script === undefined ? 60 * values.minutes : Math.max(...script.map(({ to }) => to)) + tailSeconds;
  return hurt({ ...values, replicas, storage, faults, seconds, extras, guard });
}

/** What an API server needs beside what is built for it. */
function missingFor(extras: readonly Extra[]): readonly string[] {
  const programs = extras.includes("api") ? ["etcd", "openssl"] : [];
  return programs
    .filter((name) => onPath(name) === undefined)
    .map((name) => `${name} is not on PATH; scripts/setup installs it on Debian`);
}

/** The faults of a script. @throws UserError with every line that is wrong. */
function readScript(
  { script, ...mesh }: Values<typeof options>,
  guard: Guard | undefined,
): readonly Fault[] | undefined {
  if (script === undefined) return guard === undefined ? undefined : parseFaults(guard.script, podNames(mesh));
  let text: string;
  try {
    text = readFileSync(script, "utf8");
  } catch (error) {
    throw new UserError(`--script ${script} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return parseFaults(text, podNames(mesh));
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${script}:\n${error.message}`) : error;
  }
}

/** The first pod of each site is called as the site. */
function podNames({ sites, replicas }: { readonly sites: number; readonly replicas: number }): readonly string[] {
  const further = Array.from({ length: replicas - 1 }, (_, i) => `/${i + 1}`);
  return new LabPlan({ sites, prefix: "192.0" }).names().flatMap((site) => [site, ...further.map((end) => site + end)]);
}

/** Starts the mesh, hurts it and prints what came of it. Returns the exit status. */
async function hurt(run: ChaosRun): Promise<number> {
  // Whatever the lab started ends with this process.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
  log(`seed ${run.seed}: ${run.faults.length} faults in ${Math.round(run.seconds)} s, ${run.sites} sites`);
  const outcome = await runInLab(run);
  console.log(roundTable(outcome.rounds));
  const [first] = outcome.violations;
  if (first !== undefined) {
    console.log(violationText(outcome, run));
    if (run.shrink === "yes" && outcome.rounds.length > 0) console.log(await shorterScript(run, first));
  }
  if (run.json) console.log(JSON.stringify({ ...figuresOf(outcome), cpuSeconds: cpuSeconds() }));
  return first === undefined ? 0 : 1;
}

/** What this process used, and all that it started and that ended. */
function cpuSeconds(): number {
  const [, ticks = ""] = /\) (?:\S+ ){11}(\d+ \d+ \d+ \d+) /.exec(readFileSync("/proc/self/stat", "utf8")) ?? [];
  return Math.round(ticks.split(" ").reduce((sum, each) => sum + Number(each), 0) / 100);
}

async function runInLab({
  sites,
  replicas,
  seed,
  faults,
  storage,
  seconds,
  logs,
  patience,
  extras,
  guard,
}: ChaosRun): Promise<Outcome> {
  const keys = { transfer: randomKey("observer"), update: randomKey("records") };
  const access = { readers: [keys.transfer], recordsKey: keys.update };
  const program: Partial<Record<Guard["program"], string>> =
    guard === undefined ? {} : { [guard.program]: await brokenProgram(guard) };
  await using around = await Surroundings.prepare(extras);
  await using lab = await Lab.create({
    ...(around.hasVault && { vault: around.vault.vault }),
    ...(program.agent !== undefined && { agentProgram: program.agent }),
    sites,
    replicas,
    storage,
    network: "namespaces",
    ...access,
    clocks: true,
    volumeOctets,
    backgroundWorkers,
  });
  // There was an epoch before, of which a directory may come back.
  lab.plan.epoch = { number: 2, primary: lab.plan.primary };
  await lab.upAll();
  await around.complete(lab, extras, program);
  const programs = (): string[] => around.logs().map(([name, text]) => `--- ${name}\n${text}`);
  using kept = new KeptLogs(logs, () => [lab.logs(), ...programs()].join("\n"));
  const onBroken = (): void => {
    kept.take();
  };
  return await runChaos({ lab, around, keys, seed, faults, seconds, patience, say: log, onBroken });
}

/** Tries shorter scripts in labs of their own. Returns what to print. */
async function shorterScript(
  { sites, replicas, seed, patience, faults, extras }: ChaosRun,
  { rule, at }: Violation,
): Promise<string> {
  log("looking for a shorter script");
  const found = await shrink({ faults, at, quietSeconds: gapSeconds }, async (tried) => {
    const isBroken = await breaksAgain(tried, { rule, mesh: { sites, replicas, seed, patience }, extras });
    log(`${isBroken ? "breaks" : "does not break"} it:\n${formatFaults(tried)}`);
    return isBroken;
  });
  return found === undefined ? "# no shorter script was found" : `# this is enough:\n${formatFaults(found)}`;
}

main()
  .then(
    (status) => (process.exitCode = status),
    (error: unknown) => {
      console.error(error instanceof UserError ? error.message : error);
      process.exitCode = 1;
    },
  )
  .finally(() => {
    // Whatever is still under way belongs to a lab that is gone.
    process.exit();
  });
