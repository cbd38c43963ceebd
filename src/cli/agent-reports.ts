import { AgentClient } from "../agents/sidecar/http/agent-client";
import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { fields } from "../base/json";
import { type Condition, readStatus } from "../contract/mesh-status";
import { knotLabels, objects, podPorts } from "../contract/names";
import type { KubeClient } from "../kube/client";
import { briefly, clusterClient } from "../kube/cluster-client";
import { type AgentFacts, readConditions, readFacts } from "./agent-facts";
import type { MeshAccess, PodAddress } from "./mesh-access";
import { hasPlace, placeOf } from "./place";
import { requireSiteOf } from "./site-of-mesh";

/** What is known of a pod, or why nothing is. */
export interface PodReport {
  readonly name: string;
  readonly site: string;
  readonly facts?: AgentFacts;
  /** Whether Kubernetes sends it traffic, in a cluster. */
  readonly ready?: boolean;
  /** When its last backup was pushed and its last drill found no difference, ISO 8601; missing without backups. */
  readonly backups?: { readonly lastBackup?: string; readonly lastDrill?: string };
  /** Why its agent did not say anything. */
  readonly failure?: string;
  /** Whether the site's reconciler, which asks the same agent each minute, says what is wrong with it. */
  readonly isReconciled?: boolean;
}

/** How a site's reconciler runs. Times are ISO 8601. */
export interface ReconcilerRun {
  /** When it was to run last, and when it was done last. */
  readonly due?: string;
  readonly done?: string;
  /** The five fields by which it runs, where its CronJob could be read. */
  readonly schedule?: string;
  /** Whether somebody stopped it. */
  readonly suspended?: true;
}

/** What a site's cluster says. */
export interface ClusterReport {
  readonly site: string;
  readonly pods: readonly PodReport[];
  /** What the reconciler found. */
  readonly conditions?: readonly Condition[];
  readonly reconciler?: ReconcilerRun;
  /** What could not be read. */
  readonly failures: readonly string[];
}

const agentMs = 3000;
const width = 32;

/** Asks the agents of pods that can be reached directly. */
export async function askAgents(pods: readonly PodAddress[]): Promise<readonly PodReport[]> {
  const client = new AgentClient(agentMs);
  const reports: PodReport[] = [];
  await inParallel(width, pods, async ({ name, site, address, http }) => {
    if (http === undefined) return;
    try {
      reports.push({ name, site, facts: readFacts(await client.status({ address, port: http })) });
    } catch (error) {
      reports.push({ name, site, failure: messageOf(error) });
    }
  });
  return reports;
}

/** Which sites have a cluster that the stack files beside the list name, and which have none. */
export function sitesWithClusters({ mesh, folder }: Pick<MeshAccess, "mesh" | "folder">): {
  readonly known: readonly string[];
  readonly unknown: readonly string[];
} {
  const names = mesh.sites.map(({ name }) => name);
  const known = names.filter((name) => hasPlace(name, folder));
  return { known, unknown: names.filter((name) => !known.includes(name)) };
}

/** Asks a site's cluster; what cannot be read is said, and keeps nothing else from being read. */
export async function askCluster({ mesh, folder }: MeshAccess, site: string): Promise<ClusterReport> {
  try {
    const { namespace, ...choice } = placeOf(site, {}, folder);
    const kube = await clusterClient(choice, briefly);
    await requireSiteOf(mesh, { kube, namespace }, site);
    return await readCluster({ site, namespace, kube });
  } catch (error) {
    return { site, pods: [], failures: [messageOf(error)] };
  }
}

/** What {@link readCluster} works with. */
interface ClusterParts {
  readonly site: string;
  readonly namespace: string;
  readonly kube: Pick<KubeClient, "get" | "stream">;
}

/** Reads what the reconciler reported, and asks each pod's agent through the API server. */
export async function readCluster({ site, namespace, kube }: ClusterParts): Promise<ClusterReport> {
  const core = `/api/v1/namespaces/${namespace}`;
  const failures: string[] = [];
  const read = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      failures.push(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  };
  const status = await read(`ConfigMap ${objects.status}`, async () => {
    const object = await kube.get(`${core}/configmaps/${objects.status}`);
    if (object === undefined) throw new Error(`${namespace} has none`);
    const { report } = readStatus(object);
    if (report === undefined) throw new Error("it has no report");
    if (report.site !== site) throw new Error(`it is that of ${report.site}: check the context of ${site}`);
    return readConditions(report.conditions);
  });
  const selector = encodeURIComponent(`app.kubernetes.io/name=${knotLabels["app.kubernetes.io/name"]}`);
  const found = await read("pods", async () => {
    const list = await kube.get(`${core}/pods?labelSelector=${selector}`);
    if (list === undefined) throw new Error(`${namespace} does not list any`);
    return list;
  });
  const reconciler = await read("CronJob reconciler", async () => {
    const job = await kube.get(`/apis/batch/v1/namespaces/${namespace}/cronjobs/reconciler`);
    if (job === undefined) throw new Error(`${namespace} has none`);
    return runOf(fields(job["spec"]), fields(job["status"]));
  });
  const pods: PodReport[] = [];
  for (const pod of listOf(found?.["items"])) {
    const report = await podReport(pod, { site, core, kube });
    pods.push({ ...report, isReconciled: status !== undefined });
  }
  if (found !== undefined && pods.length === 0) failures.push(`${namespace} has no Knot pod`);
  return {
    site,
    pods,
    failures,
    ...(status && { conditions: status }),
    ...(reconciler && { reconciler }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function runOf(
  { schedule, suspend }: Fields,
  { lastScheduleTime: due, lastSuccessfulTime: done }: Fields,
): ReconcilerRun {
  return {
    ...(typeof due === "string" && { due }),
    ...(typeof done === "string" && { done }),
    ...(typeof schedule === "string" && { schedule }),
    ...(suspend === true && { suspended: true }),
  };
}

async function podReport(
  pod: Readonly<Record<string, unknown>>,
  { site, core, kube }: { readonly site: string; readonly core: string; readonly kube: ClusterParts["kube"] },
): Promise<PodReport> {
  const podName = String(fields(pod["metadata"])["name"]);
  const name = `${site}/${podName}`;
  const ready = listOf(fields(pod["status"])["conditions"]).some(
    (condition) => condition["type"] === "Ready" && condition["status"] === "True",
  );
  const agent = `${core}/pods/${podName}:${podPorts.http}/proxy`;
  try {
    const facts = readFacts(await kube.get(`${agent}/status`));
    const lines: string[] = [];
    await kube.stream(`${agent}/metrics`, {
      onLine: (line) => lines.push(line),
      signal: AbortSignal.timeout(agentMs),
      silenceMs: agentMs,
    });
    const backups = backupTimes(lines);
    return { name, site, ready, facts, ...(backups && { backups }) };
  } catch (error) {
    return { name, site, ready, failure: messageOf(error) };
  }
}

/** When the last backup and drill were, from an agent's metrics; undefined for a site without backups. */
export function backupTimes(lines: readonly string[]): PodReport["backups"] {
  const timeOf = (metric: string): string | undefined => {
    const line = lines.find((each) => each.startsWith(`dns_mesh_agent_${metric} `));
    const seconds = Number(line?.split(" ")[1]);
    return line === undefined || seconds === 0 ? undefined : new Date(seconds * 1000).toISOString();
  };
  if (!lines.some((line) => line.startsWith("dns_mesh_agent_backup_last_success"))) return undefined;
  const [lastBackup, lastDrill] = [
    timeOf("backup_last_success_timestamp_seconds"),
    timeOf("backup_drill_last_success_timestamp_seconds"),
  ];
  return { ...(lastBackup && { lastBackup }), ...(lastDrill && { lastDrill }) };
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(fields) : [];
}
