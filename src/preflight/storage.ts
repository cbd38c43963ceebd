import { messageOf, UserError } from "../base/errors";
import { KubeError, type KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { sharedClient } from "../kube/cluster-client";
import { listObjects } from "../kube/watch";
import type { SiteConfig } from "../settings/site-settings";

/** As much of a PersistentVolumeClaim as counts here. */
export interface VolumeClaim {
  readonly name: string;
  /** What it asks for, as Kubernetes writes it. */
  readonly size: string;
  readonly storageClass: string | undefined;
}

/** What a site's pods have for storage. */
interface LiveStorage {
  /** Claims of the pods that the site is to have. */
  readonly claims: readonly VolumeClaim[];
  /** Names of the StorageClasses that let claims grow; undefined where they cannot be listed. */
  readonly expandable: ReadonlySet<string> | undefined;
}

/** The setting of a site's storage. */
export type WantedStorage = Pick<SiteConfig, "storageSize" | "storageClass" | "context" | "namespace">;

/** Name of a pod's claim. */
export function claimName(ordinal: number): string {
  return `storage-knot-${ordinal}`;
}

const units: Readonly<Record<string, number>> = {
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** Octets of a quantity such as `1Gi`, `1.5G` or `1e9`; NaN for a text that is not a quantity. */
export function quantityOctets(quantity: string): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(quantity);
  const [, number = "", unit = ""] = match ?? [];
  return match === null ? NaN : Number(number) * (unit === "" ? 1 : (units[unit] ?? NaN));
}

/**
 * Holds the storage that a site is to have against what its pods have: a claim can grow where its class lets it, and
 * nothing else of it can be changed.
 *
 * @returns sentences with their cure, one for each claim at fault.
 */
export function storageProblems(wanted: WantedStorage, live: LiveStorage): string[] {
  return live.claims.flatMap((claim) => {
    const problem = problemOf(wanted, claim, live.expandable);
    return problem === undefined ? [] : [`${claim.name} of context "${wanted.context}": ${problem}`];
  });
}

function problemOf(
  { storageSize, storageClass }: WantedStorage,
  claim: VolumeClaim,
  expandable: LiveStorage["expandable"],
): string | undefined {
  if (storageClass !== undefined && storageClass !== claim.storageClass)
    return (
      `the volume is of StorageClass "${claim.storageClass ?? ""}", which cannot be changed to "${storageClass}"; ` +
      `set dns-mesh:storageClass back${movingHint}`
    );
  const [have, want] = [quantityOctets(claim.size), quantityOctets(storageSize)];
  if (want < have)
    return `the volume has ${claim.size} and cannot shrink to ${storageSize}; set dns-mesh:storageSize to ${claim.size}${movingHint}`;
  if (want > have && expandable !== undefined && !expandable.has(claim.storageClass ?? ""))
    return (
      `the volume has ${claim.size}, and StorageClass "${claim.storageClass ?? ""}" does not let it grow to ${storageSize}; ` +
      `set allowVolumeExpansion of the class if its driver can, or dns-mesh:storageSize to ${claim.size}${movingHint}`
    );
  return undefined;
}

const movingHint = ", or move the zones to a site with other storage (docs/guides/storage.md)";

/**
 * Looks whether the volumes of a running site can become what its settings say, before anything is planned.
 *
 * @throws UserError that names each claim, what is in the way, and the cure.
 */
export async function requireStorage(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace" | "replicas" | "storageSize" | "storageClass">,
): Promise<void> {
  const client = await sharedClient(config);
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
  const [claims = [], classes] = await Promise.all([
    listed(client, `/api/v1/namespaces/${config.namespace}/persistentvolumeclaims`, config),
    listed(client, "/apis/storage.k8s.io/v1/storageclasses", config),
  ]);
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

function claimOf(object: KubeObject): VolumeClaim {
  const { spec, metadata } = object as ClaimObject;
  return { name: metadata?.name ?? "", size: spec.resources.requests.storage, storageClass: spec.storageClassName };
}
