import type { Cluster } from "../clusters";
import { eventually } from "../eventually";
import type { RunningMesh } from "./running-mesh";

/** When each of the sites first answered a zone, in milliseconds since 1970. Asks each five times a second. */
export function servedAt(
  mesh: RunningMesh,
  sites: readonly string[],
  zone: string,
): Promise<{ site: string; at: number }[]> {
  return Promise.all(
    sites.map(async (site) => {
      await eventually(180, () => mesh.soa(site, zone));
      return { site, at: Date.now() };
    }),
  );
}

/** When the site's first Knot pod became ready, as its cluster says; whole seconds, in milliseconds since 1970. */
export async function readyAt(cluster: Cluster): Promise<number> {
  const path = '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}';
  return Date.parse(await cluster.kubectl(["-n", "dns-system", "get", "pod", "knot-0", "-o", `jsonpath=${path}`]));
}
