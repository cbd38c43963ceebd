import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import type { Cluster } from "../clusters";
import { eventually } from "../eventually";
import { ensureImages } from "../images";
import { dnsperf, type Load } from "../load/dnsperf";
import { badRollouts, stuckAndBack } from "./bad-rollouts";
import { type KnotPods, readyPods } from "./ready-pods";
import type { RunningMesh } from "./running-mesh";

/** What became of questions that were asked while something happened. */
export interface Asked {
  readonly tried: number;
  /** Without an answer, or with another than NOERROR. */
  readonly lost: number;
  /** How many answers had which code: what is lost and has none had no answer. */
  readonly codes: Readonly<Record<string, number>>;
}

/**
 * How a site is asked. UDP clients keep their ten source ports, which proxies pin to a pod. A TCP connection takes a few
 * questions, as a resolver's does; those that are kept open and in use end with their pod, whatever it does, and what is
 * under way then is for the client to ask again (RFC 7766 section 6.2.4).
 */
const ways = {
  udp: { transport: "udp" },
  tcp: { transport: "tcp", perConnection: 20 },
  keptOpen: { transport: "tcp" },
} satisfies Record<string, Pick<Load, "transport" | "perConnection">>;

/** How questions were asked. */
export type Way = keyof typeof ways;

/** The ways that lose no question when a pod leaves. */
export const lossless = ["udp", "tcp"] as const;

/** Questions a second, each way. */
const rate = 500;
/** Asking begins so long before, and ends so long after, what happens. */
const marginMs = 3000;

/**
 * Asks a site at its address from outside, at 500 questions a second each way, while something is done.
 *
 * @param probe.work - Returns when the disruption is over.
 * @param probe.leastSeconds - Asking goes on for so long at the least.
 * @param probe.ways - How to ask.
 * @param probe.address - Where, if not at the site's first address.
 */
export async function askWhile<W extends Way>(
  mesh: RunningMesh,
  probe: {
    readonly site: string;
    readonly work: () => Promise<unknown>;
    readonly leastSeconds?: number;
    readonly ways: readonly W[];
    readonly address?: string;
  },
): Promise<Readonly<Record<W, Asked>>> {
  const cluster = mesh.cluster(probe.site);
  const address = probe.address ?? cluster.siteAddress;
  const questions = join(mesh.workDir, `questions-${address}`);
  await writeFile(
    questions,
    mesh
      .zones()
      .map((zone) => `${zone} SOA\n`)
      .join(""),
  );
  const server = { address, port: 53 };
  const ending = new AbortController();
  const ask = async (way: Way): Promise<Asked> => {
    const load = { server, questions, rate, ...ways[way], seconds: 600, until: ending.signal };
    const { sent, interrupted, codes } = await dnsperf(load);
    const lost = sent - interrupted - (codes.get("NOERROR") ?? 0);
    return { tried: sent - interrupted, lost, codes: Object.fromEntries(codes) };
  };
  const asking = Promise.all(probe.ways.map(async (way) => [way, await ask(way)] as const));
  // Who asks may give up while the work goes on, which a running `up` would take for a fault of its program.
  asking.catch(() => undefined);
  const least = wait((probe.leastSeconds ?? 0) * 1000);
  try {
    await wait(marginMs);
    await probe.work();
    await Promise.all([wait(marginMs), least]);
  } finally {
    ending.abort();
  }
  return Object.fromEntries(await asking) as Record<W, Asked>;
}

/** Something that happens to a site of two pods. */
export interface Disruption {
  readonly kind: string;
  /** Whether somebody wanted it, so that no answer may be lost. */
  readonly voluntary: boolean;
  readonly work: (mesh: RunningMesh, site: string) => Promise<unknown>;
}

/** Everything that a site of two pods must take. Each ends with two pods that are ready. */
export const disruptions: readonly Disruption[] = [
  { kind: "delete pod 1", voluntary: true, work: (mesh, site) => deletePod(mesh.cluster(site), 1) },
  { kind: "delete pod 0", voluntary: true, work: (mesh, site) => deletePod(mesh.cluster(site), 0) },
  { kind: "rollout restart", voluntary: true, work: (mesh, site) => rollout(mesh.cluster(site)) },
  { kind: "drain", voluntary: true, work: (mesh, site) => drain(mesh.cluster(site)) },
  { kind: "up: new image", voluntary: true, work: anotherImage },
  { kind: "up: new agent", voluntary: true, work: anotherAgent },
  { kind: "up: three pods", voluntary: true, work: (mesh, site) => resize(mesh, site, 3) },
  { kind: "up: two pods", voluntary: true, work: (mesh, site) => resize(mesh, site, 2) },
  ...badRollouts.map((bad) => ({
    kind: `up: ${bad.what}, and back`,
    voluntary: true,
    work: (mesh: RunningMesh, site: string) => stuckAndBack(mesh, site, bad),
  })),
  { kind: "SIGKILL of knotd", voluntary: false, work: (mesh, site) => kill(mesh.cluster(site), "knot") },
  { kind: "SIGKILL of the agent", voluntary: false, work: (mesh, site) => kill(mesh.cluster(site), "agent") },
];

async function deletePod(cluster: Cluster, ordinal: number): Promise<void> {
  await cluster.kubectl(["-n", "dns-system", "delete", "pod", `knot-${ordinal}`]);
  await readyPods(cluster, 2);
}

async function rollout(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["-n", "dns-system", "rollout", "restart", "statefulset/knot"]);
  await cluster.kubectl(["-n", "dns-system", "rollout", "status", "statefulset/knot", "--timeout=300s"]);
  await readyPods(cluster, 2);
}

/**
 * Evicts both pods as a node's drain does. There is one node, so that it takes pods again as soon as the first has gone;
 * the second leaves when the first is back, since the disruption budget lets one go at a time.
 */
async function drain(cluster: Cluster): Promise<void> {
  const before = await readyPods(cluster, 2);
  const args = ["--pod-selector=app.kubernetes.io/name=knot", "--delete-emptydir-data", "--ignore-daemonsets"];
  const draining = cluster.kubectl(["drain", cluster.name, ...args, "--timeout=300s"]);
  draining.catch(() => undefined);
  const uncordon = (): Promise<string> => cluster.kubectl(["uncordon", cluster.name]);
  try {
    await eventually(120, async () => {
      const text = await cluster.kubectl([
        "-n",
        "dns-system",
        "get",
        "pods",
        "-o",
        "jsonpath={.items[*].metadata.uid}",
      ]);
      const remaining = Object.values(before.ids).filter((id) => text.includes(id));
      if (remaining.length === 2) throw new Error("no pod has gone yet");
    });
    await uncordon();
    await draining;
  } finally {
    await uncordon();
  }
  await readyPods(cluster, 2);
}

async function anotherImage(mesh: RunningMesh, site: string): Promise<void> {
  const cluster = mesh.cluster(site);
  const { knot, node } = await ensureImages();
  const other = `${knot.name}-again`;
  await cluster.ctr(["images", "tag", "--force", knot.name, other]);
  await mesh.configureSite(cluster, { ...mesh.settings(site), "dns-mesh:images": { knot: other, node: node.name } });
  await mesh.up(site);
  await readyPods(cluster, 2);
}

async function anotherAgent(mesh: RunningMesh, site: string): Promise<void> {
  mesh.agentComments.set(site, "another agent");
  await mesh.up(site);
  await readyPods(mesh.cluster(site), 2);
}

/** Changes the number of pods by `up`. */
export async function resize(mesh: RunningMesh, site: string, replicas: number): Promise<KnotPods> {
  const cluster = mesh.cluster(site);
  await mesh.configureSite(cluster, { ...mesh.settings(site), "dns-mesh:replicas": String(replicas) });
  await mesh.up(site);
  return readyPods(cluster, replicas);
}

/** Kills what runs in a container of pod 1, and waits until it is back. */
async function kill(cluster: Cluster, container: "knot" | "agent"): Promise<void> {
  await cluster.kill({ namespace: "dns-system", pod: "knot-1", container });
  await wait(marginMs);
  await readyPods(cluster, 2);
}
