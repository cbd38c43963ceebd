import type { Cluster } from "../clusters";
import { eventually } from "../eventually";

/** Knot's pods of a site as they are now. */
export interface KnotPods {
  /** Unique ids by name: another id is another pod. */
  readonly ids: Readonly<Record<string, string>>;
  /** Restarts of containers in all of them. */
  readonly restarts: number;
}

/** Waits until there are so many pods, all of them ready and none on its way out. */
export function readyPods(cluster: Cluster, count: number, seconds = 180): Promise<KnotPods> {
  return eventually(seconds, async () => {
    const text = await cluster.kubectl([
      "-n",
      "dns-system",
      "get",
      "pods",
      "-l",
      "app.kubernetes.io/name=knot",
      "-o",
      "json",
    ]);
    const { items } = JSON.parse(text) as { items: PodObject[] };
    const ready = items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true,
    );
    if (ready.length !== count || items.length !== count)
      throw new Error(`${ready.length} of ${items.length} pods are ready, ${count} are wanted`);
    const containers = items.flatMap(({ status }) => status.containerStatuses ?? []);
    return {
      ids: Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.uid])),
      restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    };
  });
}

/** What is read of a pod. */
export interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}
