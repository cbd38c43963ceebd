import { createClusters } from "../harness/clusters";
import { readyAt, servedAt } from "../harness/mesh/joining";
import { listedSite, RunningMesh, zoneNames } from "../harness/mesh/running-mesh";
import { table } from "../harness/table";
import { ensureTools } from "../harness/tools";
import { runBench } from "./support/options";

/** Seconds of the seed's way: its reconciler is a CronJob of five minutes, and this is its best case. */
const seedSeconds = 300;

/** An existing site, and seconds until it served the new zone. */
interface Joined {
  readonly name: string;
  readonly seconds: number;
}

/** Measures how long existing sites take to serve a new site's zone, from the moment that its pod is ready. */
async function joining(): Promise<{ sites: Joined[]; maxSeconds: number }> {
  const log = (line: string): void => {
    console.error(line);
  };
  await ensureTools(["kubernetes", "pulumi", "provider", "knot"], log);
  await using clusters = await createClusters({ names: ["site-a", "site-b", "site-c", "site-d"], log });
  await using mesh = new RunningMesh({ clusters: clusters.clusters });
  await mesh.list(clusters.clusters.slice(0, 3).map(listedSite));
  for (const cluster of clusters.clusters) await mesh.configureSite(cluster);
  for (const stack of ["shared", "site-a", "site-b", "site-c"]) {
    log(`pulumi up -s ${stack}`);
    await mesh.up(stack);
  }
  await mesh.converged(60);
  const newcomer = listedSite(clusters.get("site-d"), 3);
  await mesh.list([...mesh.sites, newcomer]);
  for (const stack of ["shared", "site-a"]) await mesh.up(stack);
  const served = servedAt(mesh, ["site-a", "site-b", "site-c"], zoneNames(newcomer)[0] ?? "");
  await mesh.up("site-d");
  const ready = await readyAt(clusters.get("site-d"));
  const sites = (await served).map(({ site, at }) => ({ name: site, seconds: Math.max(0, at - ready) / 1000 }));
  const maxSeconds = Math.max(...sites.map((site) => site.seconds));
  print(sites, maxSeconds);
  return { sites, maxSeconds };
}

function print(sites: Joined[], maxSeconds: number): void {
  console.log(table([["site", "seconds"], ...sites.map(({ name, seconds }) => [name, seconds.toFixed(1)])]));
  console.log(
    `slowest ${maxSeconds.toFixed(1)} s; the seed's way takes ${seedSeconds} s at best, ${(seedSeconds / Math.max(maxSeconds, 0.1)).toFixed(0)} times as long`,
  );
}

void runBench({}, joining);
