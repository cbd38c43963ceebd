import { messageOf, UserError } from "../base/errors";
import { type KubeClient, KubeError, type KubeObject } from "../kube/client";
import { clusterClient } from "../kube/cluster-client";
import { listObjects } from "../kube/watch";
import type { SiteConfig } from "../settings/site-settings";
import { type Claim, claimName, type LiveStorage, storageProblems } from "./storage";

/**
 * Looks whether the volumes of a running site can become what its settings say, before anything is planned. A cluster
 * behind a proxy is not asked: there the API server refuses what cannot be, in the middle of `up`.
 *
 * @throws UserError that names each claim, what is in the way, and the cure.
 */
export async function requireStorage(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace" | "replicas" | "storageSize" | "storageClass">,
): Promise<void> {
  const client = await clusterClient(config);
  if (client === undefined) return;
  const problems = storageProblems(config, await look(client, config));
  if (problems.length > 0) throw new UserError(`${problems.join("\n")}\nNothing was changed.`);
}

interface ClaimObject extends KubeObject {
  readonly spec: {
    readonly storageClassName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

async function look(
  client: KubeClient,
  config: Pick<SiteConfig, "context" | "namespace" | "replicas">,
): Promise<LiveStorage> {
  const names = Array.from({ length: config.replicas }, (_, ordinal) => claimName(ordinal));
  const claims = (await listed(client, `/api/v1/namespaces/${config.namespace}/persistentvolumeclaims`, config)) ?? [];
  const classes = await listed(client, "/apis/storage.k8s.io/v1/storageclasses", config);
  return {
    claims: claims.filter(({ metadata }) => names.includes(metadata?.name ?? "")).map(claimOf),
    expandable:
      classes &&
      new Set(classes.filter((one) => one["allowVolumeExpansion"] === true).map((one) => one.metadata?.name ?? "")),
  };
}

/** Undefined where whoever runs this may not list them: the API server has the last word anyway. */
async function listed(
  client: KubeClient,
  path: string,
  { context }: Pick<SiteConfig, "context">,
): Promise<readonly KubeObject[] | undefined> {
  try {
    return (await listObjects(client, path)).objects;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw new UserError(`${path} of context "${context}" cannot be listed: ${messageOf(error)}`, { cause: error });
  }
}

function claimOf(object: KubeObject): Claim {
  const { spec, metadata } = object as ClaimObject;
  return { name: metadata?.name ?? "", size: spec.resources.requests.storage, storageClass: spec.storageClassName };
}
