import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { fields, parseJson } from "../base/json";
import { objects } from "../contract/names";
import type { TsigKey } from "../dns/tsig-key";
import { parseTsigKey } from "../keyring/tsig-key";
import type { KubeClient } from "../kube/client";
import { clusterClient } from "../kube/cluster-client";
import { sitesWithClusters } from "./agent-reports";
import type { MeshAccess } from "./mesh-access";
import { placeOf } from "./place";

/** What the clusters gave: a site's own key, which may transfer from it and do nothing else, and the mesh's authorities. */
export interface ClusterKeys {
  readonly access: MeshAccess;
  /** Sites whose key could not be read, and why. */
  readonly failures: readonly string[];
}

/** Adds the keys that can be read in the clusters that this folder's stack files name, for sites that there is no key for. */
export async function withClusterKeys(access: MeshAccess): Promise<ClusterKeys> {
  const keys = new Map<string, TsigKey>();
  const failures: string[] = [];
  let { ca } = access;
  const lacking = access.isLab
    ? []
    : sitesWithClusters(access).known.filter((site) => access.keyOf(site) === undefined);
  await inParallel(8, lacking, async (site) => {
    try {
      const place = placeOf(site, {});
      const read = await readSite(await clusterClient(place), place.namespace);
      keys.set(site, read.key);
      ca ??= read.ca;
    } catch (error) {
      failures.push(`${site}: ${messageOf(error)}`);
    }
  });
  return { access: { ...access, ca, keyOf: (site) => access.keyOf(site) ?? keys.get(site) }, failures };
}

async function readSite(
  kube: Pick<KubeClient, "get">,
  namespace: string,
): Promise<{ readonly key: TsigKey; readonly ca: string | undefined }> {
  const core = `/api/v1/namespaces/${namespace}`;
  const secret = await kube.get(`${core}/secrets/${objects.localKey}`);
  const text = fields(secret?.["data"])["key.json"];
  if (typeof text !== "string") throw new Error(`${namespace} has no Secret ${objects.localKey} with a key`);
  const key = parseTsigKey(parseJson(Buffer.from(text, "base64").toString("utf8"), objects.localKey), objects.localKey);
  const config = await kube.get(`${core}/configmaps/${objects.config}`);
  const packet = fields(config?.["data"])["welcome.json"];
  const ca = typeof packet === "string" ? fields(parseJson(packet, "the welcome packet"))["ca"] : undefined;
  return { key, ca: typeof ca === "string" ? ca : undefined };
}
