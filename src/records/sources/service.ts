import { fieldsOf, isOfOthers, listed, ttlOf } from "./annotations";
import { nothing, type Pointing, readingOfPointing, type SourceMetadata, type SourceReading } from "./reading";

/** A Service or an Ingress, as far as it counts here. */
export interface ServiceObject {
  readonly metadata?: SourceMetadata;
  readonly spec?: ServiceSpec & IngressSpec;
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly LoadBalancerIngress[] | null } };
}

interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly externalName?: string;
  readonly externalIPs?: readonly string[];
}

interface IngressSpec {
  readonly rules?: readonly { readonly host?: string }[] | null;
  readonly tls?: readonly { readonly hosts?: readonly string[] | null }[] | null;
}

interface LoadBalancerIngress {
  readonly ip?: string;
  readonly hostname?: string;
}

/**
 * Reads a Service or an Ingress as external-dns does, by its annotations: `hostname`, `internal-hostname`, `target`, `ttl`,
 * `controller`, `ingress-hostname-source`. Not what takes other objects too: headless Services and node ports.
 */
export function readService(kind: "Service" | "Ingress", object: ServiceObject): SourceReading {
  const fields = fieldsOf(object.metadata);
  if (isOfOthers(fields)) return nothing;
  const pointing = kind === "Service" ? pointingOfService(object) : pointingOfIngress(object);
  return readingOfPointing(pointing, ttlOf(fields));
}

function pointingOfService({ metadata, spec = {}, status }: ServiceObject): readonly Pointing[] {
  const fields = fieldsOf(metadata);
  const given = listed(fields["target"]);
  const inside = spec.clusterIP === undefined || spec.clusterIP === "None" ? [] : [spec.clusterIP];
  const isInCluster = spec.type === "LoadBalancer" || spec.type === "ClusterIP";
  const outside = {
    LoadBalancer: spec.externalIPs?.length ? spec.externalIPs : balanced(status),
    ExternalName: spec.externalIPs?.length ? spec.externalIPs : listed(spec.externalName),
  }[spec.type ?? ""];
  const or = (targets: readonly string[] = []) => (given.length > 0 ? given : targets);
  return [
    ...listed(fields["hostname"]).map((host) => ({ host, targets: or(outside) })),
    ...listed(fields["internal-hostname"]).map((host) => ({ host, targets: or(isInCluster ? inside : outside) })),
  ];
}

function pointingOfIngress({ metadata, spec = {}, status }: ServiceObject): readonly Pointing[] {
  const fields = fieldsOf(metadata);
  const given = listed(fields["target"]);
  const targets = given.length > 0 ? given : balanced(status);
  const from = fields["ingress-hostname-source"]?.toLowerCase();
  const defined = [
    ...(spec.rules ?? []).map(({ host }) => host),
    ...(spec.tls ?? []).flatMap(({ hosts }) => hosts ?? []),
  ];
  const hosts = [
    ...(from === "annotation-only" ? [] : defined),
    ...(from === "defined-hosts-only" ? [] : listed(fields["hostname"])),
  ];
  return [...new Set(hosts)].flatMap((host) => (host === undefined || host === "" ? [] : [{ host, targets }]));
}

function balanced(status: ServiceObject["status"]): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) =>
    [ip, hostname].filter((target) => target !== undefined && target !== ""),
  ) as string[];
}
