import { group, plural, poolPlural } from "../records/model";
import { gatewayApi, gatewayGroup, isRoute, sourceApis, type SourceKind } from "../records/sources/kinds";
import { objects } from "./names";

/** A rule of a Role. */
interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

/** Name of the Lease that one of the operator's replicas holds. */
export const leaseName = "dns-mesh-records";

/**
 * What the record operator may do where the DnsRecords are that it serves: see all of them, mark them, write their status
 * and tell Events; see DnsPools, write their status, and make the DnsRecord of each one's answer. It reads no Secret. A Role in
 * each of the namespaces that it serves, or a ClusterRole when it serves all.
 */
export const recordRules: readonly Rule[] = [
  { apiGroups: [group], resources: [plural], verbs: ["get", "list", "watch", "create", "patch"] },
  { apiGroups: [group], resources: [poolPlural], verbs: ["list", "watch"] },
  { apiGroups: [group], resources: [`${plural}/status`, `${poolPlural}/status`], verbs: ["patch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
];

/**
 * What it may do there beside, for the kinds of objects that it makes DnsRecords of. In a single namespace it may read that alone,
 * for its labels; where it serves all (`everywhere`) it watches them.
 */
export function sourceRules(kinds: readonly SourceKind[], { everywhere = false } = {}): readonly Rule[] {
  const reading = kinds.map((kind) => ({
    apiGroups: [sourceApis[kind].group],
    resources: [sourceApis[kind].plural],
    verbs: ["list", "watch"],
  }));
  const labels = { apiGroups: [""], resources: ["namespaces"], verbs: everywhere ? ["list", "watch"] : ["get"] };
  const noting = kinds.includes("DNSEndpoint")
    ? [{ apiGroups: [sourceApis.DNSEndpoint.group], resources: ["dnsendpoints/status"], verbs: ["patch"] }]
    : [];
  return [
    ...reading,
    ...(kinds.some(isRoute) ? [...gatewayRules, labels] : []),
    ...noting,
    { apiGroups: [group], resources: [plural], verbs: ["create", "delete"] },
    { apiGroups: [group], resources: [poolPlural], verbs: ["create", "patch", "delete"] },
  ];
}

/** What it may do where the Gateways are that routes lead to. */
export const gatewayRules: readonly Rule[] = [
  { apiGroups: [gatewayGroup], resources: [gatewayApi.plural], verbs: ["list", "watch"] },
];

/** What the record operator may do in its own namespace, whether or not it serves that alone: {@link recordRules}, its Lease, and what the site's stack says. */
export const operatorRules: readonly Rule[] = [
  ...recordRules,
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [objects.config], verbs: ["list", "watch"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [leaseName],
    verbs: ["get", "update"],
  },
  // What is to be created has no name yet that a rule could list.
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
];
