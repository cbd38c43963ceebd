import { messageOf } from "../../base/errors";
import { fields } from "../../base/json";
import { compareText } from "../../base/text";
import { commonLabels } from "../../contract/names";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { listObjects } from "../../kube/watch";
import { type LogPlace, type LogSource, quietMs, type ReadOptions } from "./gather";

type Fields = Readonly<Record<string, unknown>>;

/** What {@link clusterLogs} works with. */
export interface ClusterLogParts {
  readonly site: string;
  readonly namespace: string;
  readonly kube: Pick<KubeClient, "get" | "stream">;
  /** Containers of these names alone. @default all */
  readonly containers?: readonly string[];
  /** What containers wrote before they were started the last time. @default false */
  readonly previous?: boolean;
}

/** Milliseconds without a line after which a log that is not followed is given up. */
const silenceMs = 30_000;
const partOf = `app.kubernetes.io/part-of=${commonLabels["app.kubernetes.io/part-of"]}`;

/** The logs of a site's pods in its cluster: of each CronJob those of its last run. */
export function clusterLogs(parts: ClusterLogParts): LogPlace {
  const { site, namespace, kube } = parts;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return {
    site,
    look: async () => {
      const { objects } = await listObjects(kube, `${path}?labelSelector=${encodeURIComponent(partOf)}`);
      if (objects.length === 0) return { sources: [], failures: [`${site}: ${namespace} has no pod of the mesh`] };
      const containers = lastRuns(objects).flatMap((pod) => containersOf(pod));
      const asked = containers.filter(({ name }) => parts.containers?.includes(name) ?? true);
      const failures = asked.flatMap(({ pod, name, waits }) =>
        waits === undefined || parts.previous === true
          ? []
          : [`${site}/${pod} ${name}: has written nothing yet: ${waits}`],
      );
      return { sources: asked.flatMap((container) => sourceOf(parts, container)), failures };
    },
  };
}

/** A container of a pod. */
interface Container {
  readonly pod: string;
  readonly uid: string;
  readonly name: string;
  readonly restarts: number;
  readonly isOver: boolean;
  /** Why it was never started; missing when it was. */
  readonly waits?: string;
}

/** Pods without the earlier runs of their jobs: a job is called as its CronJob and by the minute. */
function lastRuns(pods: readonly KubeObject[]): readonly KubeObject[] {
  const runs = new Map<string, KubeObject>();
  for (const pod of [...pods].sort((a, b) => compareText(madeAt(a), madeAt(b)))) {
    const { name = "", labels = {} } = pod.metadata ?? {};
    const job = labels["batch.kubernetes.io/job-name"] ?? labels["job-name"];
    runs.set(job === undefined ? `pod ${name}` : `job ${job.replace(/-\d+$/, "")}`, pod);
  }
  return [...runs.values()];
}

function madeAt({ metadata }: KubeObject): string {
  return metadata?.creationTimestamp ?? "";
}

function containersOf({ metadata, spec, status }: KubeObject): readonly Container[] {
  const { name: pod = "", uid = "" } = metadata ?? {};
  return [
    ["initContainers", "initContainerStatuses"],
    ["containers", "containerStatuses"],
  ].flatMap(([named = "", told = ""]) => {
    const states = listOf(fields(status)[told]);
    return listOf(fields(spec)[named]).map(({ name }) => {
      const state = states.find((each) => each["name"] === name) ?? {};
      return { pod, uid, name: String(name), ...standingOf(state) };
    });
  });
}

function standingOf(status: Fields): Pick<Container, "restarts" | "isOver" | "waits"> {
  const { restartCount = 0, containerID, state } = status;
  const { waiting, terminated } = fields(state);
  const { reason } = fields(waiting);
  const wasStarted = typeof containerID === "string" && containerID !== "";
  return {
    restarts: Number(restartCount),
    isOver: terminated !== undefined,
    ...(!wasStarted && { waits: typeof reason === "string" ? reason : "it was not started" }),
  };
}

function sourceOf(
  { site, namespace, kube, previous = false }: ClusterLogParts,
  { pod, uid, name, restarts, isOver, waits }: Container,
): readonly LogSource[] {
  if (previous ? restarts === 0 : waits !== undefined) return [];
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
  return [
    {
      origin: { site, pod, container: name },
      key: `${site} ${uid} ${name} ${restarts}`,
      isOver: isOver || previous,
      read: async ({ signal, onLine, ...options }) => {
        const query = queryOf({ name, previous, ...options });
        const patience = options.follow ? quietMs : silenceMs;
        await kube.stream(`${path}?${query}`, { signal, onLine, withRest: true, silenceMs: patience });
      },
    },
  ];
}

function queryOf(
  options: Pick<ReadOptions, "sinceMs" | "tail" | "follow"> & { readonly name: string; readonly previous: boolean },
): string {
  const { name, previous, follow, sinceMs, tail } = options;
  return new URLSearchParams({
    container: name,
    timestamps: "true",
    ...(follow && { follow: "true" }),
    ...(previous && { previous: "true" }),
    ...(sinceMs !== undefined && { sinceTime: `${new Date(sinceMs).toISOString().slice(0, 19)}Z` }),
    ...(tail !== undefined && { tailLines: String(tail) }),
  }).toString();
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

/** A place that cannot be asked at all. */
export function silentPlace(site: string, error: unknown): LogPlace {
  return { site, look: () => Promise.reject(new Error(messageOf(error))) };
}
