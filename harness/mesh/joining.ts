import { askEveryPod, askPod } from "../../src/agents/pods";
import { formatPodId } from "../../src/mesh/pod-id";
import type { Cluster } from "../clusters";
import { eventually } from "../eventually";
import type { RunningMesh } from "./running-mesh";

/** When a pod first answered, in milliseconds since 1970. */
export interface PodServed {
  readonly site: string;
  /** As it names itself, such as `site-b/0/2`. */
  readonly pod: string;
  readonly at: number;
}

/**
 * When each pod of each of the sites first answered a zone. Asks five times a second.
 *
 * @param pods - How many each site must have.
 * @throws Error when a pod does not answer within three minutes, or a site has another number of them.
 */
export async function servedAt(
  mesh: Pick<RunningMesh, "dns" | "server">,
  { sites, zone, pods }: { readonly sites: readonly string[]; readonly zone: string; readonly pods: number },
): Promise<readonly PodServed[]> {
  const served = await Promise.all(
    sites.map(async (site) => {
      const first = new Map<string, number>();
      const ask = async () => {
        const answer = await askPod({ dns: mesh.dns, server: mesh.server(site), zone });
        const pod = answer.pod === undefined ? site : formatPodId(answer.pod);
        if (!first.has(pod)) first.set(pod, Date.now());
        return answer;
      };
      await eventually(180, async () => {
        const { missing } = await askEveryPod(ask);
        if (missing.length > 0) throw new Error(`${zone}: no answer of ${site}'s pods ${missing.join(", ")}`);
      });
      if (first.size !== pods) throw new Error(`${site} has ${[...first.keys()].join(", ")}, not ${pods} pods`);
      return [...first].sort().map(([pod, at]) => ({ site, pod, at }));
    }),
  );
  return served.flat();
}

/** When the site's first Knot pod became ready, as its cluster says; whole seconds, in milliseconds since 1970. */
export async function readyAt(cluster: Cluster): Promise<number> {
  const path = '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}';
  return Date.parse(await cluster.kubectl(["-n", "dns-system", "get", "pod", "knot-0", "-o", `jsonpath=${path}`]));
}
