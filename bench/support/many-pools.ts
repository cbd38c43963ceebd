import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../harness/eventually";
import { inParallel } from "../../src/base/in-parallel";
import type { PoolMesh } from "./pool-mesh";
import { cpuMs, peakMiB } from "./processes";
import { round } from "./statistics";

/** What many pools cost a site while nothing happens. */
export interface LoadFigures {
  readonly pools: number;
  readonly targets: number;
  readonly intervalSeconds: number;
  /** From before the first is made until the last is answered at every site. */
  readonly readySeconds: number;
  /** That each site makes. */
  readonly probesPerSecond: number;
  readonly sites: readonly {
    readonly site: string;
    /** Of one core. */
    readonly cpuPercent: number;
    readonly peakMiB: number;
    /** Over the site's link, both ways: probes, and what sites tell one another. */
    readonly packetsPerSecond: number;
    readonly kibPerSecond: number;
  }[];
}

/** No path of two targets is the same, so that no two checks are. */
const intervalSeconds = 10;
const [settleMs, restMs] = [15_000, 60_000];
const width = 8;

/** Makes so many pools, each with three targets of its own checks, and measures what they cost once all are answered. */
export async function measureMany(mesh: PoolMesh, count: number, log: (line: string) => void): Promise<LoadFigures> {
  log(`making ${count} pools`);
  const began = performance.now();
  await inParallel(
    width,
    Array.from({ length: count }, (_, i) => i),
    (i) =>
      mesh.make(`many-${i}`, {
        ttl: 30,
        targets: mesh.targets.map(({ address, port }, priority) => ({
          value: address,
          priority,
          check: { type: "HTTP", port, path: `/${i}`, intervalSeconds },
        })),
      }),
  );
  await eventually(
    900,
    async () => {
      const found = [...(await mesh.statuses())].filter(([name]) => name.startsWith("many-"));
      const open = found.filter(
        ([, { conditions = [], targets = [] }]) =>
          !conditions.some(({ type, status }) => type === "Ready" && status === "True") ||
          targets.some(({ up = [] }) => up.length < mesh.sites.length),
      );
      if (open.length > 0) throw new Error(`${open.length} of ${found.length} pools wait`);
    },
    1000,
  );
  const readySeconds = round((performance.now() - began) / 1000);
  log(`all are answered after ${readySeconds} s; at rest for a minute`);
  await delay(settleMs);
  const look = () =>
    Promise.all(
      [...mesh.operators].map(async ([site, { pid }]) => ({
        site,
        pid,
        cpuMs: cpuMs(pid),
        carried: await mesh.carried(site),
      })),
    );
  const requests = (): number => mesh.targets.reduce((sum, { asked }) => sum + asked, 0);
  const [before, askedBefore, from] = [await look(), requests(), performance.now()];
  await delay(restMs);
  const [after, asked, seconds] = [await look(), requests() - askedBefore, (performance.now() - from) / 1000];
  return {
    pools: count,
    targets: count * mesh.targets.length,
    intervalSeconds,
    readySeconds,
    probesPerSecond: round(asked / seconds / before.length, 0),
    sites: before.flatMap((earlier, i) => {
      const later = after[i];
      if (later === undefined) return [];
      const packets = later.carried.packets - earlier.carried.packets;
      const octets = later.carried.octets - earlier.carried.octets;
      return [
        {
          site: earlier.site,
          cpuPercent: round((later.cpuMs - earlier.cpuMs) / seconds / 10),
          peakMiB: peakMiB(earlier.pid),
          packetsPerSecond: round(packets / seconds, 0),
          kibPerSecond: round(octets / seconds / 1024),
        },
      ];
    }),
  };
}
