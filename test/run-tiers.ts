import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTools, toolsFor } from "../harness/tools";
import { keepCompiled, sparing } from "../harness/tools/cache";

/** What a tier counted. A command without counts of its own counts as one. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** The tests that failed, each with the first line of its error. */
  failures?: readonly { readonly test: string; readonly message: string }[];
  /** How long each file took. */
  seconds?: Readonly<Record<string, number>>;
  /** What it said that nobody has seen yet. */
  said?: string;
}

interface Tier {
  readonly name: string;
  /** Tiers of one group that follow each other run beside each other, as far as there is room. */
  readonly group?: "checks" | "servers";
  /** Tiers of one group that share a lane run one after the other, in their order. @default a lane of its own */
  readonly lane?: string;
  /** What it says comes in one piece, at its end. */
  readonly inOnePiece?: true;
  readonly run: () => Promise<Counts> | Counts;
}

/** Runs a program whose output is kept, or shown as it comes. */
async function run(
  command: readonly [string, ...string[]],
  options: { readonly keep: boolean; readonly env?: NodeJS.ProcessEnv },
): Promise<{ readonly status: number | null; readonly said: string }> {
  const [program, ...args] = command;
  const output = options.keep ? "pipe" : "inherit";
  const child = spawn(program, args, { stdio: ["ignore", output, output], env: options.env ?? process.env });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, said: said.trimEnd() };
}

/** Runs one of the project's scripts; passing is one passed, anything else one failed. */
async function script(name: string): Promise<Counts> {
  const { status, said } = await run(["npm", "run", "--silent", name], { keep: true });
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0, said };
}

/** Runs mocha and reads its counts. A run that died before it could count is a failure, and so is one without a test. */
async function mocha(specs: readonly string[], keep = false, without: readonly string[] = []): Promise<Counts> {
  const scratch = mkdtempSync(join(tmpdir(), "dns-mesh-tier-"));
  const file = join(scratch, "counts.json");
  const reporter = join(__dirname, "counting-reporter.cjs");
  const files = specs.map((spec) => `${spec}.test.ts`);
  try {
    const ignored = without.flatMap((spec) => ["--ignore", `${spec}.test.ts`]);
    const { status, said } = await run(
      ["mocha", "--config", "test/mocharc.json", "--reporter", reporter, ...ignored, ...files],
      { keep, env: { ...sparing(), ...process.env, TIER_COUNTS: file } },
    );
    return { ...withStatus(readCounts(file), status), said };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readCounts(file: string): Counts | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    return undefined;
  }
}

function withStatus(counts: Counts | undefined, status: number | null): Counts {
  if (counts === undefined || counts.passed + counts.failed === 0) return { passed: 0, failed: 1, skipped: 0 };
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** A mesh that is hurt for a minute. */
const chaosSpec = "bench/test/chaos";

/**
 * What takes long and seldom breaks: `npm run test:long`. Of each the suite has a short form, which is said beside it.
 */
const longSpecs = [
  // Ten minutes of faults under a Prometheus, most of them waiting for alerts: the rules' own cases.
  "test/lab/monitoring/alerts",
  // `mesh up` of whole sites, and what guides do with them: up to the shared stack and a preview.
  "test/lab/pulumi/bringing-up",
  // Input that the engine's run refuses, in clusters: the same before the settings' own parsers.
  "test/cluster/mesh/bad-input",
  // An engine that is killed at each step of an `up`: once.
  "test/lab/pulumi/interrupted",
  // States that were lost, with the engine: their commands and their guards.
  "test/lab/pulumi/lost-states",
  // Zones that are removed, the definition that sites of a cluster share, and the policy pack, with the engine: zones with DnsRecords in
  // them with the engine, the others by their plans, and each rule of the pack.
  ...["test/lab/pulumi/zone-removal", "test/lab/pulumi/record-definition", "test/lab/pulumi/policy-pack"],
  // A new root certificate at all sites of a lab: the trust of single agents.
  "test/lab/vault/ca-rollover",
  // Manifests before validators that others wrote: the golden plans.
  "test/lab/manifests/**/*",
  // The clusters that tests run in, by themselves: whatever runs in them.
  "test/cluster/clusters",
  // A site's certificate from a real cert-manager, and an ACME certificate by DNS UPDATE: what it is asked for, and updates as any client
  // sends them.
  ...["test/cluster/cert-manager", "test/cluster/records/cert-manager"],
  // external-dns by its guide, and what it makes of sources: the same cases in our own program, and updates as any client sends them.
  ...["test/cluster/records/external-dns", "test/cluster/records/sources-in-external-dns"],
  // Sites whose keys come from a Vault, in clusters: the pods' login there, and secrets with the engine.
  "test/cluster/vault-site",
  // Sites whose addresses come from load balancers, with the engine and in clusters: without either, and their plan.
  ...["test/lab/pulumi/load-balancer-addresses", "test/cluster/mesh/changing-address"],
  // `mesh status`, `verify` and `logs` before clusters: before a lab.
  "test/cluster/mesh/mesh-command",
  // The examples' pipelines with a real mesh: their commands, jobs and comments without one.
  "test/cluster/pipelines",
  // Guides of what follows once a mesh is there, in clusters: the README and the first guides.
  "test/cluster/guides",
  // The resolver, CoreDNS before it, and addresses of both families, in clusters: the resolver before a lab, plans, and Corefiles that are
  // edited.
  "test/cluster/clients/*",
  // All that may happen to a site that is asked: settings, a deleted pod, one more pod.
  "test/cluster/every-disruption",
];

/**
 * What needs no mesh comes while an API server of the mesh is away for minutes, and what has clusters of its own when the mesh is gone. A
 * file that more than one of these finds runs once, where the first does.
 */
const clusterSpecs = [
  ...meshSpecs(["fresh-mesh", "joining", "records", "moving-and-leaving", "broken-central-zones"]),
  "test/cluster/vault-login",
  // A cluster whose API server is back takes a minute or two to start pods again.
  ...meshSpecs(["credentials-and-volumes", "api-server-returns", "primary-away", "storage"]),
  ...meshSpecs(["secrets-and-rights", "*"]),
  "test/cluster/*",
];

/** Files on the mesh that they share. Each runs alone as well; in this order the mesh is brought into another state least often. */
function meshSpecs(names: readonly string[]): string[] {
  return names.map((name) => `test/cluster/mesh/${name}`);
}

/** Follow the README, guides and runbooks word by word. */
const readmeSpecs = ["test/cluster/readme", "test/lab/pulumi/mesh-command"];

/** Single parts before real servers. */
const peersSpecs = ["test/lab/{ci,cli,dns,interop,knot,plugins,records,vault}/**/*"];

/** The program before the real engine. */
const pulumiSpecs = ["test/lab/pulumi/*"];

/** Network policies that a real program enforces, in clusters of their own. */
const policySpecs = ["test/cluster/network-policies"];

/** Two sites that are asked all the time, in clusters of their own. */
const featureSpecs = ["test/cluster/disruption"];

const tiers: readonly Tier[] = [
  {
    name: "tools",
    run: async () => {
      await ensureTools(toolsFor(process.argv.includes("long") ? "all" : "usual"), (line) => {
        console.log(line);
      });
      return { passed: 0, failed: 0, skipped: 0 };
    },
  },
  { name: "lint", group: "checks", lane: "texts", inOnePiece: true, run: () => script("lint") },
  { name: "types", group: "checks", lane: "texts", inOnePiece: true, run: () => script("types") },
  { name: "format", group: "checks", lane: "units", inOnePiece: true, run: () => script("format:check") },
  { name: "unused", group: "checks", lane: "units", inOnePiece: true, run: () => script("unused") },
  { name: "unit", group: "checks", lane: "units", run: () => mocha(["test/unit/**/*", "bench/test/unit/**/*"]) },
  // A few beside each other; which is long comes first, so that none of them is left alone at the end.
  {
    name: "cluster",
    group: "servers",
    run: () => mocha(clusterSpecs, false, [...readmeSpecs, ...policySpecs, ...featureSpecs, ...longSpecs]),
  },
  {
    name: "peers",
    group: "servers",
    inOnePiece: true,
    run: () => mocha(peersSpecs, true, longSpecs),
  },
  // Whole meshes of real servers and agents.
  {
    name: "agent",
    group: "servers",
    inOnePiece: true,
    run: () => mocha(["test/lab/agent/**/*"], true, longSpecs),
  },
  { name: "readme", group: "servers", inOnePiece: true, run: () => mocha(readmeSpecs, true) },
  // API servers without a cluster, and the mesh that is hurt.
  {
    name: "records",
    group: "servers",
    inOnePiece: true,
    run: () => mocha(["test/cluster/records/*", chaosSpec], true, longSpecs),
  },
  {
    name: "lab",
    group: "servers",
    inOnePiece: true,
    run: () => mocha(["test/lab/{lab,monitoring}/**/*", "bench/test/*"], true, [chaosSpec, ...longSpecs]),
  },
  {
    name: "pulumi",
    group: "servers",
    inOnePiece: true,
    run: () => mocha(pulumiSpecs, true, [...readmeSpecs, ...longSpecs]),
  },
  // Clusters of their own.
  { name: "features", group: "servers", inOnePiece: true, run: () => mocha(featureSpecs, true) },
  { name: "policies", group: "servers", inOnePiece: true, run: () => mocha(policySpecs, true) },
];

/** Not among those that run when none is named. */
const longTier: Tier = { name: "long", run: () => mocha(longSpecs) };

/** What a tier came to, and the line of the table that tells how long it took. */
interface Finished {
  readonly name: string;
  readonly counts: Counts;
  readonly line: string;
}

/** Runs one tier and prints what it took; a tier that throws is a failure with its reason. */
async function runTier(tier: Tier): Promise<Finished> {
  const header = `\n== ${tier.name}`;
  if (tier.inOnePiece !== true) console.log(header);
  const started = Date.now();
  let counts: Counts;
  try {
    counts = await tier.run();
  } catch (error) {
    counts = { passed: 0, failed: 1, skipped: 0, said: error instanceof Error ? error.message : String(error) };
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const result = `== ${tier.name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds} s`;
  const said = counts.said === undefined || counts.said === "" ? [] : [counts.said];
  console.log([...(tier.inOnePiece === true ? [header] : []), ...said, result].join("\n"));
  return { counts, name: tier.name, line: `${tier.name.padEnd(8)} ${seconds.padStart(7)} s` };
}

/** How many of the slowest files the table names. */
const slowestShown = 24;

/** The files that took longest, a line each. */
function slowest(finished: readonly Finished[]): string[] {
  const files = finished.flatMap(({ counts }) => Object.entries(counts.seconds ?? {}));
  const inOrder = files.sort(([, a], [, b]) => b - a).slice(0, slowestShown);
  return inOrder.map(([file, seconds]) => `${seconds.toFixed(1).padStart(7)} s  ${file}`);
}

/** What failed, once more at the end: what a long log leaves of a run is often only that. */
function failures(finished: readonly Finished[]): string[] {
  return finished.flatMap(({ counts, name }) => {
    const named = (counts.failures ?? []).map(({ test, message }) => `failed: ${name}: ${test}: ${message}`);
    return counts.failed > 0 && named.length === 0 ? [`failed: ${name}`] : named;
  });
}

/** How many lanes of a group run at the same time: on two cores, what waits leaves room for what does not. */
const lanesAtOnce = 4;

/** Runs the tiers of a group, a few lanes beside each other. */
async function runGroup(group: readonly Tier[]): Promise<readonly Finished[]> {
  const laneOf = ({ lane, name }: Tier): string => lane ?? name;
  const lanes = [...new Set(group.map(laneOf))].map((lane) => group.filter((tier) => laneOf(tier) === lane));
  const waiting = lanes.values();
  const finished: Finished[] = [];
  const work = async (): Promise<void> => {
    for (const lane of waiting) for (const tier of lane) finished.push(await runTier(tier));
  };
  await Promise.all(Array.from({ length: lanesAtOnce }, work));
  return finished;
}

/** Tiers in their order, those of a group as one. */
function inGroups(chosen: readonly Tier[]): Tier[][] {
  const groups: Tier[][] = [];
  for (const tier of chosen) {
    const last = groups.at(-1);
    if (tier.group !== undefined && last?.[0]?.group === tier.group) last.push(tier);
    else groups.push([tier]);
  }
  return groups;
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const all = [...tiers, longTier];
  const unknown = wanted.filter((name) => !all.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`no such tier: ${unknown.join(", ")}; there are ${all.map((tier) => tier.name).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  // It is kept by path, and most paths are of folders that a test made: what earlier runs left serves nobody.
  rmSync(keepCompiled().NODE_COMPILE_CACHE, { recursive: true, force: true });
  const chosen = wanted.length === 0 ? tiers : all.filter((tier) => wanted.includes(tier.name));
  const finished: Finished[] = [];
  for (const group of inGroups(chosen)) finished.push(...(await runGroup(group)));
  const sum = (of: "passed" | "failed" | "skipped"): number =>
    finished.reduce((total, { counts }) => total + counts[of], 0);
  const tables = [finished.map(({ line }) => line), slowest(finished), failures(finished)];
  console.log(
    `\n${tables
      .filter((lines) => lines.length > 0)
      .map((lines) => `${lines.join("\n")}\n`)
      .join("\n")}`,
  );
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
  process.exitCode = sum("failed") > 0 || sum("skipped") > 0 ? 1 : 0;
}

void main();
