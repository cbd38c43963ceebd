import type { Effect } from "../../src/settings/effects";
import type { Cluster } from "../clusters";

/** Pods by their name: which they are, and how often their containers have been restarted. */
export type Pods = Readonly<Record<string, { readonly uid: string; readonly restarts: number }>>;

/** A site's pods. */
export interface SitePods {
  readonly knot: Pods;
  readonly operator: Pods;
}

/** A site's pods as they are, without those on their way out. */
export async function podsOf(cluster: Cluster): Promise<SitePods> {
  const named = async (name: string): Promise<Pods> => {
    const selected = ["-n", "dns-system", "get", "pods", "-l", `app.kubernetes.io/name=${name}`, "-o", "json"];
    const { items } = JSON.parse(await cluster.kubectl(selected)) as { items: readonly PodObject[] };
    const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return Object.fromEntries(
      staying.map(({ metadata, status }) => {
        const counts = (status.containerStatuses ?? []).map(({ restartCount }) => restartCount);
        return [metadata.name, { uid: metadata.uid, restarts: counts.reduce((sum, count) => sum + count, 0) }];
      }),
    );
  };
  return { knot: await named("knot"), operator: await named("record-operator") };
}

interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

/** What became of Knot's pods, which keep their names: one that came or went at the end of the row was not restarted. */
export function effectOnKnot(before: Pods, after: Pods): Effect {
  const isSame = ([name, { uid, restarts }]: [string, Pods[string]]): boolean => {
    const now = after[name];
    return now === undefined || (now.uid === uid && now.restarts === restarts);
  };
  return Object.entries(before).every(isSame) ? "run on" : "restart";
}

/** What became of the operator's pods, which have other names when they are others. */
export function effectOnOperator(before: Pods, after: Pods): Effect {
  if (Object.keys(before).length > 0 && Object.keys(after).length === 0) return "go";
  const text = (pods: Pods): string => JSON.stringify(Object.entries(pods).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(before) === text(after) ? "run on" : "restart";
}
