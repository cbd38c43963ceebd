import { createClusters } from "../harness/clusters";
import { readyAt, servedAt } from "../harness/mesh/joining";
import { listedSite, RunningMesh, zoneNames } from "../harness/mesh/running-mesh";
import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = { replicas: wholeNumber(2, { most: 5 }) };

/** Seconds of the seed's way: its reconciler is a CronJob of five minutes, and this is its best case. */
const seedSeconds = 300;

/** One pod of an existing site, and seconds until it served the new zone. */
interface Joined {
  readonly pod: string;
  readonly seconds: number;
}

/** Measures how long each pod of existing sites takes to serve a new site's zone, from the moment that its writer is ready. */
async function joining({ replicas }: Values<typeof options>): Promise<object> {
  const log = (line: string): void => {
    console.error(line);
  };
  await ensureTools(["kubernetes", "pulumi", "provider", "knot"], log);
  await using clusters = await createClusters({ names: ["site-a", "site-b", "site-c", "site-d"], log });
  await using mesh = new RunningMesh({ clusters: clusters.clusters });
  await mesh.list(clusters.clusters.slice(0, 3).map(listedSite));
  for (const cluster of clusters.clusters) await mesh.configureSite(cluster, { "dns-mesh:replicas": String(replicas) });
  for (const stack of ["shared", "site-a", "site-b", "site-c"]) {
    log(`pulumi up -s ${stack}`);
    await mesh.up(stack);
  }
  await mesh.converged(60);
  const newcomer = listedSite(clusters.get("site-d"), 3);
  await mesh.list([...mesh.sites, newcomer]);
  for (const stack of ["shared", "site-a"]) await mesh.up(stack);
  const sites = ["site-a", "site-b", "site-c"];
  const served = servedAt(mesh, { sites, zone: zoneNames(newcomer)[0] ?? "", pods: replicas });
  await mesh.up("site-d");
  const ready = await readyAt(clusters.get("site-d"));
  const pods = (await served).map(({ pod, at }) => ({ pod, seconds: Math.max(0, at - ready) / 1000 }));
  const maxSeconds = Math.max(...pods.map(({ seconds }) => seconds));
  print(pods, maxSeconds);
  return { replicas, pods, minSeconds: Math.min(...pods.map(({ seconds }) => seconds)), maxSeconds, seedSeconds };
}

function print(pods: readonly Joined[], maxSeconds: number): void {
  console.log(table([["pod", "seconds"], ...pods.map(({ pod, seconds }) => [pod, seconds.toFixed(1)])]));
  console.log(
    `slowest ${maxSeconds.toFixed(1)} s; the seed's way takes ${seedSeconds} s at best, ${(seedSeconds / Math.max(maxSeconds, 0.1)).toFixed(0)} times as long`,
  );
}

export const bench = defineBench(module, {
  about: `Seconds from the moment that a new site's writer is ready until each pod of three existing sites serves its zone, in four
real clusters.`,
  options,
  seconds: ({ replicas }) => 240 + 40 * replicas,
  smallest: ["--replicas", "1"],
  run: joining,
});
