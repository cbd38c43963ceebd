import { setTimeout as wait } from "node:timers/promises";

import { after } from "mocha";

import { type Cluster, type ClusterSet, createClusters, useContexts } from "../clusters";
import type { Changes } from "../pulumi/driver";
import { listedSite, RunningMesh } from "./running-mesh";

/** Four clusters: the seed's three sites, and one that joins later. */
const names = ["site-a", "site-b", "site-c", "site-d"];

let running: Promise<{ clusters: ClusterSet; mesh: RunningMesh }> | undefined;

/** What a file needs of the mesh that the files of `test/cluster/mesh` share. */
export interface Needed {
  /** The seed's sites and no others, or a fourth beside them, each with its one zone. @default whatever there is */
  readonly sites?: 3 | 4;
  /** Goes without the API server that another file stopped. @default false: it is started once it was away for long enough */
  readonly withoutApiServer?: boolean;
}

/**
 * The mesh that the files of `test/cluster/mesh` share, brought up by the first that asks: three sites running, a fourth cluster idle.
 * A file that finds it in another state than it needs brings it there, so that each runs alone and they run in any order.
 */
export async function sharedMesh({ sites, withoutApiServer = false }: Needed = {}): Promise<RunningMesh> {
  running ??= start();
  const { mesh, clusters } = await running;
  if (!withoutApiServer) await startApiServers(mesh);
  if (sites !== undefined) await haveSites(mesh, clusters.clusters.slice(0, sites));
  return mesh;
}

/** Lets a mesh consist of the sites of these clusters, each as it is listed at first. */
async function haveSites(mesh: RunningMesh, clusters: readonly Cluster[]): Promise<void> {
  const wanted = clusters.map(listedSite);
  const before = new Map(mesh.sites.map((site) => [site.name, JSON.stringify(site)]));
  const changed = wanted.filter((site) => before.get(site.name) !== JSON.stringify(site)).map(({ name }) => name);
  if (changed.length === 0 && before.size === wanted.length) return;
  await mesh.list(wanted);
  for (const cluster of clusters) if (!before.has(cluster.name)) await mesh.configureSite(cluster);
  for (const stack of new Set(["shared", "site-a", ...changed])) await mesh.up(stack);
  await mesh.converged(60);
}

async function start(): Promise<{ clusters: ClusterSet; mesh: RunningMesh }> {
  const given = process.env["DNS_MESH_CONTEXTS"]?.split(",");
  const clusters = given
    ? await useContexts({ contexts: given })
    : await createClusters({ names, log: () => undefined });
  const mesh = new RunningMesh({ clusters: clusters.clusters, writes: "at the end" });
  await mesh.list(clusters.clusters.slice(0, 3).map(listedSite));
  await mesh.up("shared");
  for (const cluster of clusters.clusters) await mesh.configureSite(cluster);
  for (const site of mesh.sites) await mesh.up(site.name);
  return { clusters, mesh };
}

/** Takes the mesh down, for files after which nobody needs it: what comes then has the machine for itself. */
export async function endSharedMesh(): Promise<void> {
  const ending = running;
  running = undefined;
  const { clusters, mesh } = (await ending?.catch(() => undefined)) ?? {};
  await mesh?.[Symbol.asyncDispose]();
  await clusters?.[Symbol.asyncDispose]();
}

after(async function () {
  this.timeout(300_000);
  await endSharedMesh();
});

interface KubeObject {
  kind: string;
  metadata: { name: string; uid: string; generation?: number };
  data?: unknown;
  binaryData?: unknown;
}

/** Each object of the mesh's namespace with its generation, and the data of ConfigMaps and Secrets. What runs by itself (Jobs, their pods, the reconciler's status) is left out. */
export async function snapshot(cluster: Cluster): Promise<Record<string, unknown>> {
  const kinds =
    "namespaces,deployments,statefulsets,services,configmaps,secrets,cronjobs,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets,persistentvolumeclaims";
  const text = await cluster.kubectl(["-n", "dns-system", "get", kinds, "-o", "json"]);
  const { items } = JSON.parse(text) as { items: KubeObject[] };
  const own = items.filter((item) => item.metadata.name !== "mesh-status" && item.kind !== "Namespace");
  return Object.fromEntries(
    own.map(({ kind, metadata, data, binaryData }) => [
      `${kind}/${metadata.name}`,
      { uid: metadata.uid, generation: metadata.generation, data, binaryData },
    ]),
  );
}

/** Names of the objects that two snapshots show differently. */
export function differences(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/** What a preview announced, and what differed in the cluster (or, for the shared stack, in the state) after it. */
export interface Previewed {
  readonly changes: Changes;
  readonly differing: string[];
}

/** Previews a stack and compares what it could have touched before and after. */
export async function previewed(mesh: RunningMesh, stack: string): Promise<Previewed> {
  const look = async (): Promise<Record<string, unknown>> =>
    stack === "shared"
      ? { state: (await mesh.driver.exportState(stack)).deployment as unknown }
      : snapshot(mesh.cluster(stack));
  const before = await look();
  const { changes } = await mesh.driver.preview(stack);
  return { changes, differing: differences(before, await look()) };
}

/** UID and restart count of each container of a site's Knot pods, or of those that another selector finds. */
export async function podIdentity(
  cluster: Cluster,
  selector = "app.kubernetes.io/name=knot",
): Promise<Record<string, unknown>> {
  const text = await cluster.kubectl(["-n", "dns-system", "get", "pods", "-l", selector, "-o", "json"]);
  const { items } = JSON.parse(text) as {
    items: {
      metadata: { name: string; uid: string };
      status: { containerStatuses?: { name: string; restartCount: number }[] };
    }[];
  };
  return Object.fromEntries(
    items.map((pod) => [
      pod.metadata.name,
      {
        uid: pod.metadata.uid,
        restarts: pod.status.containerStatuses?.map((one) => `${one.name}=${one.restartCount}`),
      },
    ]),
  );
}

/** Name and UID of each volume and claim. */
export async function volumes(cluster: Cluster): Promise<Record<string, string>> {
  const text = await cluster.kubectl(["get", "pvc", "-A", "-o", "json"]);
  const { items } = JSON.parse(text) as { items: KubeObject[] };
  return Object.fromEntries(items.map((item) => [item.metadata.name, item.metadata.uid]));
}

/** Sites whose API server is stopped, until when it stays away, in milliseconds since 1970. */
const awayUntil = new Map<string, number>();
const identities = new Map<string, Record<string, unknown>>();

/** The pods that a site had when its API server was stopped; undefined when it never was. */
export function identityBefore(site: string): Record<string, unknown> | undefined {
  return identities.get(site);
}

/** Stops a site's API server for so many seconds at the least: the next file that needs every API server waits for that. */
export async function stopApiServerFor(mesh: RunningMesh, site: string, seconds: number): Promise<void> {
  identities.set(site, await podIdentity(mesh.cluster(site)));
  await mesh.cluster(site).stopApiServer();
  awayUntil.set(site, Date.now() + seconds * 1000);
}

async function startApiServers(mesh: RunningMesh): Promise<void> {
  for (const [site, until] of awayUntil) {
    await wait(Math.max(0, until - Date.now()));
    await mesh.cluster(site).startApiServer();
    awayUntil.delete(site);
  }
}
