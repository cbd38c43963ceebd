/** Gateway API's kinds of routes. */
export const routeKinds = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"] as const;
export type RouteKind = (typeof routeKinds)[number];

/** Kinds of objects that DnsRecords are made of. */
export const sourceKinds = ["Service", "Ingress", ...routeKinds, "DNSEndpoint"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** Those that every cluster knows, which are looked at unless the settings say otherwise. */
export const defaultSourceKinds = ["Service", "Ingress"] as const satisfies readonly SourceKind[];

/** Where an API server has a kind. */
export interface SourceApi {
  /** Empty for that of Kubernetes' own first kinds. */
  readonly group: string;
  /** Versions that can be read here, the one that is taken first where a cluster has several. */
  readonly versions: readonly [string, ...string[]];
  readonly plural: string;
  /** Whether its definition is installed by somebody: a cluster may be without. */
  readonly isDefined: boolean;
}

export const gatewayGroup = "gateway.networking.k8s.io";

const route = (of: string, ...versions: [string, ...string[]]): SourceApi => ({
  group: gatewayGroup,
  versions,
  plural: of,
  isDefined: true,
});

export const sourceApis: Readonly<Record<SourceKind, SourceApi>> = {
  Service: { group: "", versions: ["v1"], plural: "services", isDefined: false },
  Ingress: { group: "networking.k8s.io", versions: ["v1"], plural: "ingresses", isDefined: false },
  HTTPRoute: route("httproutes", "v1", "v1beta1"),
  GRPCRoute: route("grpcroutes", "v1"),
  TLSRoute: route("tlsroutes", "v1", "v1alpha3", "v1alpha2"),
  TCPRoute: route("tcproutes", "v1", "v1alpha2"),
  UDPRoute: route("udproutes", "v1", "v1alpha2"),
  DNSEndpoint: { group: "externaldns.k8s.io", versions: ["v1alpha1"], plural: "dnsendpoints", isDefined: true },
};

/** Where Gateways are, which routes lead to. */
export const gatewayApi: SourceApi = route("gateways", "v1", "v1beta1");

/** Group and version as an object has them. */
export function apiVersionOf({ group }: Pick<SourceApi, "group">, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** Path of a version of a group at an API server. */
export function apiPath({ group }: Pick<SourceApi, "group">, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

export function isRoute(kind: SourceKind): kind is RouteKind {
  return (routeKinds as readonly SourceKind[]).includes(kind);
}

/** What the site's settings say of sources. */
export interface SourceSettings {
  readonly kinds: readonly SourceKind[];
  /** Zones of the site that records are made in. */
  readonly zones: readonly string[];
  /** Labels of the objects that count; none for all. */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds, where an object does not say. */
  readonly ttl: number;
  /** Namespaces whose Gateways count, beside those that are served; `*` for all. */
  readonly gatewayNamespaces?: readonly string[];
}

/** Label of a DnsRecord that was made of another object: the object's kind. */
export const sourceLabel = "dns.mesh.io/source";
