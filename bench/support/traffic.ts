import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { knotBinaries } from "../../harness/knot";
import { run } from "../../harness/tools/run";
import type { Lab, LabSite } from "../../lab";
import { catalogZone, directoryZone } from "../../lab/plan";
import { inParallel } from "../../src/base/in-parallel";
import { centralTimers, memberTimers } from "../../src/knot/config/timers";
import type { Topology } from "../../src/mesh/model";
import { startMesh } from "./mesh";
import { median, round } from "./statistics";

/** What goes between the sites of a mesh. */
export interface Traffic {
  readonly sites: number;
  readonly zones: number;
  readonly topology: Topology;
  /** From Knot's looks at its zones, which are all that there is when nothing changes. */
  readonly packetsPerSecondAtRest: number;
  /** DNS requests and their answers that follow a change of one record, the looks whether all have it included. */
  readonly messagesPerChange: number;
  /** Those of them that the owner's server sends or receives. */
  readonly ownersMessages: number;
}

/** In which what a change leads to is over: a look at each peer comes a second after it. */
const settleMs = 4000;
const changes = 5;

/**
 * Runs a whole mesh and counts. Looks come every five to eight minutes, so that one of every site at every zone is asked
 * for, its packets are counted, and the rate follows from the interval. The agents' questions to their own Knot, which
 * cross no network, are not counted.
 */
export async function measureTraffic(shape: { sites: number; zones: number; topology: Topology }): Promise<Traffic> {
  await using lab = await startMesh({ ...shape, storage: "/dev/shm" });
  await delay(10_000);
  const sites = [...lab.sites.values()];
  const atRest = await restRate(lab, sites);
  const counts = [];
  for (let i = 0; i < changes; i++) counts.push(await countChange(lab, sites, i));
  return {
    ...shape,
    packetsPerSecondAtRest: round(atRest, 1),
    messagesPerChange: round(median(counts.map(({ all }) => all)), 0),
    ownersMessages: round(median(counts.map(({ owners }) => owners)), 0),
  };
}

/** Packets a second, from one look at each kind of zone. */
async function restRate(lab: Lab, sites: readonly LabSite[]): Promise<number> {
  const { sites: listed } = lab.mesh;
  const sources = listed.filter(({ role }) => role !== "standard").length + 1;
  const zones = listed.reduce((sum, site) => sum + site.zones.length, 0);
  const central = [directoryZone, catalogZone];
  const members = await packetsOf(sites, (zone) => !central.includes(zone));
  const both = await packetsOf(sites, (zone) => central.includes(zone));
  const mean = (seconds: number): number => seconds * 1.25;
  const least = { member: atLeast(memberTimers, { sites: sites.length, zones, sources }), central: 0 };
  least.central = atLeast(centralTimers, { sites: sites.length, zones, sources });
  return members / mean(least.member) + both / mean(least.central);
}

type Timers = typeof memberTimers;

/** The interval without its spread, which makes it longer by a quarter on average. */
function atLeast(timers: Timers, shape: { sites: number; zones: number; sources: number }): number {
  const all = Array.from({ length: 200 }, (_, i) => timers({ ...shape, spread: String(i) }).refresh);
  return Math.min(...all);
}

/** Seconds over which packets are counted at a time, and after which looks that do not end are given up. */
const windowSeconds = 3;
const longestLooksSeconds = 300;

/** Packets on loopback while every site looks once at its zones, without those that there are anyway. */
async function packetsOf(sites: readonly LabSite[], matters: (zone: string) => boolean): Promise<number> {
  const count = (): Promise<number> => packetsDuring(() => delay(windowSeconds * 1000));
  const idle = await count();
  const asked = performance.now();
  let surplus = await packetsDuring(() =>
    inParallel(8, sites, async ({ control }) => {
      const zones = (await control.zoneStatus()).filter(({ role, zone }) => role === "slave" && matters(zone));
      await control.zoneRefresh(zones.map(({ zone }) => zone));
    }),
  );
  surplus -= (idle * (performance.now() - asked)) / 1000 / windowSeconds;
  for (const end = performance.now() + longestLooksSeconds * 1000; ;) {
    const packets = await count();
    surplus += packets - idle;
    if (packets < 1.5 * idle) return Math.max(0, surplus);
    if (performance.now() > end) throw new Error(`looks at zones did not end within ${longestLooksSeconds} s`);
  }
}

async function packetsDuring(work: () => Promise<unknown>): Promise<number> {
  const packets = (): number => Number(readFileSync("/sys/class/net/lo/statistics/rx_packets", "utf8"));
  const before = packets();
  await work();
  return packets() - before;
}

/** Requests that came to Knot over each protocol since it started. */
async function requestsAt(site: LabSite): Promise<number> {
  const text = await run(knotBinaries().knotc, [
    "-s",
    site.path("run", "knot.sock"),
    "stats",
    "mod-stats.request-protocol",
  ]);
  return [...text.matchAll(/= (\d+)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
}

async function countChange(
  lab: Lab,
  sites: readonly LabSite[],
  index: number,
): Promise<{ all: number; owners: number }> {
  const zone = lab.zones()[2 + ((index * 7 + 2) % sites.length)] ?? "";
  const owner = lab.site(lab.plan.owner(zone) ?? "");
  const idle = await requestsDuring(sites, () => delay(settleMs));
  const busy = await requestsDuring(sites, async () => {
    await owner.control.zoneReplace(zone, { owner: `c.${zone}`, ttl: 1, type: "TXT", data: `"${index}"` });
    await owner.http("POST", "/announce");
    await delay(settleMs);
  });
  const scale = busy.seconds / idle.seconds;
  const extra = sites.map((site) => (busy.by.get(site.podName) ?? 0) - (idle.by.get(site.podName) ?? 0) * scale);
  const all = extra.reduce((sum, each) => sum + each, 0);
  // Whom the owner asks or tells shows at them; whoever asks the owner, at the owner.
  return { all: 2 * all, owners: 2 * (extra[sites.indexOf(owner)] ?? 0) };
}

/** Requests that came to each of these Knots, by pod, while something was done. */
export async function requestsDuring(sites: readonly LabSite[], work: () => Promise<unknown>) {
  const read = async (): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    await inParallel(4, sites, async (site) => {
      counts.set(site.podName, await requestsAt(site));
    });
    return counts;
  };
  const before = await read();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const after = await read();
  return { seconds, by: new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)])) };
}
