import { randomInt } from "node:crypto";

import { createClusters } from "../harness/clusters";
import { readyPods } from "../harness/mesh/ready-pods";
import { listedSite, RunningMesh } from "../harness/mesh/running-mesh";
import { ensureTools } from "../harness/tools";
import { planClusterRounds } from "./chaos/cluster-faults";
import { ClusterMesh } from "./chaos/cluster-mesh";
import { ClusterRun } from "./chaos/cluster-run";
import { Random } from "./chaos/random";
import { rules } from "./chaos/report";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";
import { median, round } from "./support/statistics";

const options = {
  seed: wholeNumber(randomInt(1, 2 ** 31)),
  rounds: wholeNumber(6, { most: 1000 }),
  sites: wholeNumber(3, { least: 2, most: 5 }),
};
const replicas = 2;

function log(line: string): void {
  console.error(line);
}

/** Hurts a mesh in real clusters: its pods' processes, its API servers, the links between them. */
async function hurtClusters({ seed, rounds, sites }: Values<typeof options>): Promise<object> {
  await ensureTools(["kubernetes", "pulumi", "provider", "knot"], log);
  await using set = await createClusters({ count: sites, log });
  const siteConfig = { "dns-mesh:rateLimit": false, "dns-mesh:replicas": String(replicas) };
  await using mesh = new RunningMesh({ clusters: set.clusters, siteConfig });
  await mesh.list(set.clusters.map(listedSite));
  for (const cluster of set.clusters) await mesh.configureSite(cluster, { "dns-mesh:replicas": String(replicas) });
  for (const stack of ["shared", ...mesh.sites.map(({ name }) => name)]) {
    log(`pulumi up -s ${stack}`);
    await mesh.up(stack);
  }
  for (const cluster of set.clusters) await readyPods(cluster, replicas);
  await mesh.converged(60);
  log(`seed ${seed}: ${rounds} rounds`);
  const names = mesh.sites.map(({ name }) => name);
  const run = new ClusterRun(new ClusterMesh(mesh, replicas), new Random(seed), log);
  const outcome = await run.run(planClusterRounds(seed, { rounds, sites: names }));
  for (const { rule, site, detail, times } of outcome.violations)
    console.log(`VIOLATED at ${site}, ${times} times: ${rules[rule]}: ${detail}`);
  if (outcome.violations.length > 0) process.exitCode = 1;
  const times = outcome.rounds.flatMap(({ recoverMs }) => recoverMs ?? []);
  const recoverMs = times.length === 0 ? null : { p50: round(median(times), 0), max: round(Math.max(...times), 0) };
  const { answers, changes, violations } = outcome;
  const faults = outcome.rounds.flatMap((each) => each.faults.map(({ kind }) => kind));
  const { tried, wrong, lost } = answers;
  console.log(
    `${faults.join(", ")}: ${wrong} of ${tried} answers wrong, ${lost} lost; ${changes.lost} of ${changes.acknowledged} changes lost`,
  );
  return { seed, sites, faults, answers, changes, recoverMs, violations };
}

export const bench = defineBench(module, {
  about: `Hurts a mesh in real clusters, round by round: its pods' processes, its API servers, the links between them; and checks that
it keeps what it promises.`,
  options,
  seconds: ({ sites, rounds }) => 100 + 80 * sites + 50 * rounds,
  smallest: ["--sites", "2", "--rounds", "1"],
  run: hurtClusters,
});
