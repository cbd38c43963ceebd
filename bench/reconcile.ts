import type { AgentStatus } from "../src/agents/agent/status";
import { eventually } from "../test/support/eventually";
import { Lab, type LabSite } from "../test/support/lab";
import { table } from "../test/support/table";
import { ensureTools } from "../test/support/tools";
import { runBench, wholeNumber } from "./support/options";
import { cpuMs, peakMiB } from "./support/processes";
import { round } from "./support/statistics";

/** What one pass of the agent costs. The agent has no client for Kubernetes' API, so both counts of it are 0. */
interface Cost {
  readonly dnsQueries: number;
  readonly apiReads: 0;
  readonly apiWrites: 0;
  readonly cpuMs: number;
  readonly peakMiB: number;
}

interface Reading {
  readonly status: AgentStatus;
  readonly cpuMs: number;
}

/** Passes over which the idle cost is averaged. */
const idlePasses = 20;

function workerOf(site: LabSite): number {
  const { agent } = site.pids;
  if (agent === undefined) throw new Error(`the agent of ${site.name} does not run`);
  return agent;
}

async function read(site: LabSite): Promise<Reading> {
  return { status: await site.status(), cpuMs: cpuMs(workerOf(site)) };
}

/** Waits until so many passes have gone by since a reading. */
function afterPasses(site: LabSite, since: Reading, passes: number): Promise<Reading> {
  return eventually(passes * 3 + 10, async () => {
    const now = await read(site);
    if (now.status.counters.passes - since.status.counters.passes < passes) throw new Error("passes are still to come");
    return now;
  });
}

function perPass(before: Reading, after: Reading, peak: number): Cost {
  const passes = after.status.counters.passes - before.status.counters.passes;
  return {
    dnsQueries: (after.status.counters.dnsQueries - before.status.counters.dnsQueries) / passes,
    apiReads: 0,
    apiWrites: 0,
    cpuMs: round((after.cpuMs - before.cpuMs) / passes),
    peakMiB: peak,
  };
}

/** What a change costs beyond the idle passes that went by meanwhile, plus the one idle pass that it is part of. */
async function measureChange(lab: Lab, site: LabSite, idle: Cost): Promise<Cost> {
  const before = await read(site);
  const zones = before.status.zones;
  lab.list.at(-1)?.zones.push("one-more.example");
  await lab.up();
  await eventually(30, async () => {
    if ((await site.status()).zones !== zones + 1) throw new Error("the change has not arrived");
  });
  const after = await afterPasses(site, before, 3);
  const passes = after.status.counters.passes - before.status.counters.passes;
  const counted = after.status.counters.dnsQueries - before.status.counters.dnsQueries;
  const transfers = after.status.counters.transfers - before.status.counters.transfers;
  return {
    dnsQueries: counted + transfers - idle.dnsQueries * (passes - 1),
    apiReads: 0,
    apiWrites: 0,
    cpuMs: round(after.cpuMs - before.cpuMs - idle.cpuMs * (passes - 1)),
    peakMiB: peakMiB(workerOf(site)),
  };
}

/** Measures a pass of the agent at the last site of a mesh of real servers on loopback: with no change, and with one. */
async function reconciling({ sites, zones }: { sites: number; zones: number }): Promise<object> {
  await ensureTools(["knot"], (line) => {
    console.error(line);
  });
  await using lab = await Lab.create(sites);
  for (let i = lab.zones().length - 2; i < zones; i++) lab.list[i % sites]?.zones.push(`zone-${i}.example`);
  await lab.upAll();
  await lab.up();
  await lab.converged(120);
  const site = lab.site(lab.list.at(-1)?.name ?? "");
  const start = await afterPasses(site, await read(site), 3);
  const idle = perPass(start, await afterPasses(site, start, idlePasses), peakMiB(workerOf(site)));
  const oneChange = await measureChange(lab, site, idle);
  const row = (name: string, cost: Cost): string[] => [
    name,
    ...[cost.dnsQueries, cost.apiReads, cost.apiWrites, cost.cpuMs, cost.peakMiB].map(String),
  ];
  console.log(`a pass of the agent, ${sites} sites, ${zones} zones`);
  console.log(
    table([
      ["pass", "DNS queries", "API reads", "API writes", "CPU ms", "peak MiB"],
      row("no change", idle),
      row("one change", oneChange),
    ]),
  );
  return { sites, zones, idle, oneChange };
}

void runBench({ sites: wholeNumber(3), zones: wholeNumber(100) }, reconciling);
