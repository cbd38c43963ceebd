import { group, plural, poolPlural } from "../records/model";
import { sourceApis, type SourceKind } from "../records/sources";
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

/** What it may do there beside, for the kinds of objects that it makes DnsRecords of. */
export function sourceRules(kinds: readonly SourceKind[]): readonly Rule[] {
  const reading = kinds.map((kind) => ({
    apiGroups: [groupOf(sourceApis[kind].apiVersion)],
    resources: [sourceApis[kind].plural],
    verbs: ["list", "watch"],
  }));
  return [...reading, { apiGroups: [group], resources: [plural], verbs: ["create", "delete"] }];
}

function groupOf(version: string): string {
  return version.includes("/") ? (version.split("/")[0] ?? "") : "";
}

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
