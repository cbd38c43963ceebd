import { parse, stringify } from "yaml";

import { table } from "../../src/base/table";
import type { DnsRecord } from "../../src/records/model";
import type { Cluster } from "../clusters";
import { kdigEveryPod } from "../kdig";
import { readyAt, servedAt } from "../mesh/joining";
import { type ListedSite, listedSite, RunningMesh, zoneNames } from "../mesh/running-mesh";
import { seedExample } from "../records/good-specs";
import { toolPath } from "../tools";
import { type Coming, say, workDir } from "./clusters";
import { poolZone, probesOf, Shop } from "./shop";

/** Pods of each site. */
const replicas = 2;

async function bringUp(mesh: RunningMesh, stack: string): Promise<void> {
  const { changes } = await mesh.up(stack);
  const counts = Object.entries(changes).map(([operation, count]) => `${operation} ${count}`);
  say(`pulumi up -s ${stack}: ${counts.join(", ")}`);
}

/** Waits until every pod of every site, asked by itself, answers each zone alike, and prints with which serial. */
async function printSerials(mesh: RunningMesh): Promise<void> {
  const sites = mesh.sites.map(({ name }) => `${name}, ${replicas} pods`);
  const serials = await mesh.converged(60);
  const rows = [...serials].map(([zone, serial]) => [zone, ...sites.map(() => String(serial))]);
  console.log(`\n${table([["zone", ...sites], ...rows])}\n`);
}

/** Asks each pod of each site by itself, as the user could, and prints who answers what. */
async function printAnswers(mesh: RunningMesh, name: string, type: string): Promise<void> {
  const asked = mesh.sites.map(async (site) => {
    const server = mesh.server(site.name);
    const answers = await kdigEveryPod(server, name, type);
    if (answers.length !== replicas) throw new Error(`${site.name}: ${answers.length} of ${replicas} pods answer`);
    return answers.map(({ pod, answer }) => [pod, `kdig @${server.address} ${name} ${type} +nsid`, answer]);
  });
  console.log(`\n${table([["pod", "asked", "answer"], ...(await Promise.all(asked)).flat()])}\n`);
}

/** Adds the fourth site and tells how long each pod of the others took from the moment that its pod was ready. */
async function joinOneMore(mesh: RunningMesh, newcomer: Cluster): Promise<void> {
  const existing = mesh.sites.map((site) => site.name);
  const primary = existing[0] ?? "";
  const site = demoSite(newcomer, 3);
  const zone = zoneNames(site)[0] ?? "";
  await mesh.list([...mesh.sites, site]);
  say(`${newcomer.name} joins with ${zone}; nobody touches ${existing.join(", ")}'s stacks but the primary's`);
  await bringUp(mesh, "shared");
  await bringUp(mesh, primary);
  const served = servedAt(mesh, { sites: existing, zone, pods: replicas });
  await bringUp(mesh, newcomer.name);
  const ready = await readyAt(newcomer);
  const rows = (await served).map(({ pod, at }) => [pod, `${(Math.max(0, at - ready) / 1000).toFixed(1)} s`]);
  console.log(`\n${table([["pod", `serves ${zone} after`], ...rows])}\n`);
}

/** Applies the seed's example of a DnsRecord in the cluster of the site that owns its zone, and prints what every pod of every site answers. */
async function applyExample(mesh: RunningMesh): Promise<void> {
  const { zone, name, type } = (parse(seedExample) as DnsRecord).spec;
  const owner = mesh.sites.find((site) => zoneNames(site).includes(zone));
  if (owner === undefined) throw new Error(`no site owns ${zone}`);
  const inside = ["-n", "dns-system"];
  const cluster = mesh.cluster(owner.name);
  say(`kubectl apply -f - (${owner.name}):\n\n${seedExample}`);
  const applied = Date.now();
  await cluster.kubectl([...inside, "apply", "-f", "-"], seedExample);
  await cluster.kubectl([...inside, "wait", "--for=condition=Programmed", "dnsrecords", "--all", "--timeout=60s"]);
  say(
    `programmed, which is live at every pod of every site, ${((Date.now() - applied) / 1000).toFixed(1)} s after kubectl began`,
  );
  console.log(`\n${await cluster.kubectl([...inside, "get", "dnsrecords"])}`);
  await printAnswers(mesh, `${name}.${zone}`, type);
}

/** A pool of two web servers, whose name is in the zone of a third site. */
function shopOf(mesh: RunningMesh, clusters: readonly Cluster[]): Shop {
  const [first, second, owner] = clusters as readonly [Cluster, Cluster, Cluster];
  const zone = mesh.sites.filter(({ name }) => name === owner.name).flatMap(zoneNames)[0] ?? "";
  return new Shop(mesh, { zone, owner, targets: [first, second] });
}

/** Makes the pool: its targets are probed from now on. */
async function openShop(shop: Shop): Promise<void> {
  say(`kubectl apply -f - (${shop.owner}):\n\n${stringify(shop.manifest)}`);
  await shop.open();
}

/** Kills the web server that the pool's name leads to, and tells how long every pod of every site took to lead to another. */
async function killTarget(mesh: RunningMesh, shop: Shop): Promise<void> {
  const [first, second] = shop.addresses;
  await shop.isOpen();
  say(`${shop.name}: every pod of every site leads to ${first}, whose web server is killed now`);
  const took = await shop.killFirst();
  say(`every pod of every site leads to ${second}, ${(took / 1000).toFixed(1)} s later`);
  await printAnswers(mesh, shop.name, "A");
}

/** A site of the list, with the zone in which it tells what it sees of pools' targets. */
function demoSite(cluster: Cluster, index: number): ListedSite {
  const site = listedSite(cluster, index);
  return { ...site, zones: [...site.zones, poolZone(site)] };
}

/** The flags that lead kubectl to a cluster. */
function insideOf(cluster: Cluster | undefined): string {
  const file = cluster === undefined || cluster.kubeconfig === "" ? "" : `--kubeconfig ${cluster.kubeconfig} `;
  return `${file}--context ${cluster?.context ?? ""}`;
}

/** The first zone of the site that stands last in the list. */
function lastZone({ sites }: RunningMesh): string {
  return sites.slice(-1).flatMap(zoneNames)[0] ?? "";
}

/** Gives each site's stack its settings, one after the other; each of these settles once that is done and the cluster is there. */
function prepareSites(mesh: RunningMesh, { clusters, ready }: Coming): readonly Promise<void>[] {
  const settings = {
    "dns-mesh:protect": "false",
    "dns-mesh:replicas": String(replicas),
    ...probesOf(clusters),
  };
  let configured = Promise.resolve();
  const prepared = clusters.map(async (cluster) => {
    configured = configured.then(() => mesh.configureSite(cluster, settings));
    await Promise.all([configured, ready(cluster.name)]);
  });
  // One that failed is told where it is waited for.
  for (const one of prepared) one.catch(() => undefined);
  return prepared;
}

/** Brings the shared stack, the primary and the other sites of the list up, each as soon as its cluster is there. */
async function bringListUp(mesh: RunningMesh, prepared: readonly Promise<void>[]): Promise<void> {
  await Promise.all([bringUp(mesh, "shared"), prepared[0]]);
  const [primary = "", ...others] = mesh.sites.map(({ name }) => name);
  await bringUp(mesh, primary);
  await Promise.all(
    others.map(async (name, at) => {
      await prepared[at + 1];
      await bringUp(mesh, name);
    }),
  );
}

/**
 * Shows a mesh of three sites, a fourth that joins, a record, and a name that leaves a web server which is killed.
 *
 * @param writes - When the engine writes its state.
 */
export async function show(coming: Coming, writes: "each step" | "at the end"): Promise<void> {
  const { clusters } = coming;
  const mesh = new RunningMesh({ clusters, workDir: workDir(), writes });
  await mesh.list(clusters.slice(0, 3).map(demoSite));
  const prepared = prepareSites(mesh, coming);
  await bringListUp(mesh, prepared);
  const shop = shopOf(mesh, clusters);
  const serving = shop.start();
  serving.catch(() => undefined);
  await printSerials(mesh);
  await printAnswers(mesh, lastZone(mesh), "SOA");
  await prepared[3];
  await joinOneMore(mesh, clusters[3] as Cluster);
  await printSerials(mesh);
  await serving;
  await openShop(shop);
  await applyExample(mesh);
  await killTarget(mesh, shop);
  const [first] = mesh.sites;
  say("the mesh is running");
  console.log(`\nTalk to it:  ${toolPath("kdig")} @${first?.addresses[0] ?? ""} standard-2.internal.dns SOA`);
  console.log(`Look inside: ${toolPath("kubectl")} ${insideOf(clusters[0])} -n dns-system get all`);
  console.log("Take it away: npm run demo -- --down");
}
