import { eventually } from "../../harness/eventually";
import type { LabSite } from "../../lab";
import type { AgentStatus } from "../../src/agents/sidecar/http/status";
import { cpuMs, peakMiB } from "./processes";
import { round } from "./statistics";

/** What one pass of the agent costs. The agent has no client for Kubernetes' API, so both counts of it are 0. */
export interface Cost {
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

/** What a pass without a change costs at a site. */
export async function measureIdle(site: LabSite): Promise<Cost> {
  const start = await afterPasses(site, await read(site), 3);
  return perPass(start, await afterPasses(site, start, idlePasses), peakMiB(workerOf(site)));
}

/**
 * What a zone more costs beyond the idle passes that went by meanwhile, plus the one idle pass that it is part of.
 *
 * @param add - puts the zone into the list and brings the primary up
 */
export async function measureChange(site: LabSite, idle: Cost, add: () => Promise<void>): Promise<Cost> {
  const before = await read(site);
  const zones = before.status.zones;
  await add();
  await eventually(60, async () => {
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
