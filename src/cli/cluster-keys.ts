import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { fields } from "../base/json";
import type { TsigKey } from "../dns/tsig-key";
import { briefly, clusterClient } from "../kube/cluster-client";
import type { Mesh } from "../mesh/model";
import { liveLocalKey, type LivePlace } from "../preflight/live-site";
import { sitesWithClusters } from "./agent-reports";
import type { MeshAccess } from "./mesh-access";
import { placeOf } from "./place";
import { requireSiteOf } from "./site-of-mesh";

/** What the clusters gave: a site's own key, which may transfer from it and do nothing else, and the mesh's authorities. */
export interface ClusterKeys {
  readonly access: MeshAccess;
  /** Sites whose key could not be read, and why. */
  readonly failures: readonly string[];
}

/** Adds the keys that can be read in the clusters that the stack files beside the list name, for sites that there is no key for. */
export async function withClusterKeys(access: MeshAccess): Promise<ClusterKeys> {
  const keys = new Map<string, TsigKey>();
  const failures: string[] = [];
  let { ca } = access;
  const lacking = access.isLab
    ? []
    : sitesWithClusters(access).known.filter((site) => access.keyOf(site) === undefined);
  await inParallel(8, lacking, async (site) => {
    try {
      const { namespace, ...choice } = placeOf(site, {}, access.folder);
      const read = await readSite(access.mesh, { kube: await clusterClient(choice, briefly), namespace }, site);
      keys.set(site, read.key);
      ca ??= read.ca;
    } catch (error) {
      failures.push(`${site}: ${messageOf(error)}`);
    }
  });
  return { access: { ...access, ca, keyOf: (site) => access.keyOf(site) ?? keys.get(site) }, failures };
}

/** @throws UserError when the cluster is not this site's, or has no key. */
export async function readSite(
  mesh: Pick<Mesh, "directoryZone">,
  place: LivePlace,
  site: string,
): Promise<{ readonly key: TsigKey; readonly ca: string | undefined }> {
  const { ca } = fields(await requireSiteOf(mesh, place, site));
  return { key: await liveLocalKey(place), ca: typeof ca === "string" ? ca : undefined };
}
