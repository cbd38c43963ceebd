import type { IpFamily } from "../../src/settings/ip-families";

/** As much of a Service as a load balancer looks at. */
export interface ServiceObject {
  metadata: { namespace: string; name: string };
  spec: { type?: string; loadBalancerIP?: string; ipFamilies?: readonly IpFamily[] };
  status?: { loadBalancer?: { ingress?: { ip?: string }[] } };
}

/** As much of a claim as a provisioner looks at. */
export interface ClaimObject {
  metadata: { namespace: string; name: string; uid: string };
  spec: {
    storageClassName?: string;
    volumeName?: string;
    accessModes: string[];
    resources: { requests: { storage: string } };
  };
  status?: { phase?: string; capacity?: { storage?: string } };
}

/** As much of a volume as a provisioner looks at. */
interface VolumeObject {
  metadata: { name: string };
  spec: { storageClassName?: string; persistentVolumeReclaimPolicy?: string };
  status?: { phase?: string };
}

/** What a cloud has to do for a cluster now. */
export interface CloudPlan {
  readonly addresses: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly addresses: readonly string[];
  }[];
  readonly provision: readonly ClaimObject[];
  /** Claims that ask for more than they have got. */
  readonly grow: readonly ClaimObject[];
  readonly remove: readonly string[];
}

/** What is there, and the addresses that the cluster's load balancer has in each family, the usual one first. */
export interface CloudView {
  readonly siteAddresses: Readonly<Partial<Record<IpFamily, readonly string[]>>>;
  readonly services: readonly ServiceObject[];
  readonly claims: readonly ClaimObject[];
  readonly volumes: readonly VolumeObject[];
}

/** The storage class that the harness serves. */
const storageClassName = "local";

/** Name of the volume made for a claim: by its UID, so a claim made anew gets a new volume. */
export function volumeName(claim: ClaimObject): string {
  return `pvc-${claim.metadata.uid}`;
}

/**
 * What a cloud would do: give LoadBalancer Services the address they ask for, or the usual one; make volumes for claims, and let them grow;
 * drop released volumes. A Service that asks for an address that is not the cluster's stays pending, as it would in a cloud.
 */
export function planCloud(view: CloudView): CloudPlan {
  const addresses = view.services.flatMap(({ metadata: { namespace, name }, spec, status }) => {
    const wanted = wantedAddresses(view.siteAddresses, spec);
    const has = (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
    if (spec.type !== "LoadBalancer" || wanted.length === 0 || has.join() === wanted.join()) return [];
    return [{ namespace, name, addresses: wanted }];
  });
  const existing = new Set(view.volumes.map(({ metadata }) => metadata.name));
  const provision = view.claims.filter(
    (claim) =>
      claim.spec.storageClassName === storageClassName &&
      (claim.spec.volumeName ?? "") === "" &&
      !existing.has(volumeName(claim)),
  );
  const grow = view.claims.filter(
    ({ spec, status }) =>
      spec.storageClassName === storageClassName &&
      status?.phase === "Bound" &&
      status.capacity?.storage !== spec.resources.requests.storage,
  );
  const remove = view.volumes
    .filter(
      ({ spec, status }) =>
        spec.storageClassName === storageClassName &&
        spec.persistentVolumeReclaimPolicy === "Delete" &&
        (status?.phase === "Released" || status?.phase === "Failed"),
    )
    .map(({ metadata }) => metadata.name);
  return { addresses, provision, grow, remove };
}

/** One in each family of the Service; none where it asks for one that the load balancer does not have. */
function wantedAddresses(has: CloudView["siteAddresses"], spec: ServiceObject["spec"]): readonly string[] {
  const { loadBalancerIP: asked = "", ipFamilies = ["IPv4"] } = spec;
  const wanted = ipFamilies.map((family) => {
    const here = has[family] ?? [];
    return here.includes(asked) ? asked : here[0];
  });
  const isKnown = asked === "" || wanted.includes(asked);
  return isKnown ? wanted.filter((address) => address !== undefined) : [];
}

/** The `local` volume for a claim: unlike `hostPath`, fsGroup applies to it. */
export function volumeFor(claim: ClaimObject, node: string, path: string): unknown {
  const { namespace, name, uid } = claim.metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volumeName(claim) },
    spec: {
      capacity: { storage: claim.spec.resources.requests.storage },
      accessModes: claim.spec.accessModes,
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName,
      local: { path },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] },
          ],
        },
      },
    },
  };
}
