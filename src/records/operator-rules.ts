import { group, plural } from "./model";

/** Name of the Lease that one of the operator's replicas holds. */
export const leaseName = "dns-mesh-records";

/** What the record operator may do in its namespace: see all DnsRecords, mark them and write their status. It reads no Secret and makes no DnsRecord. */
export const operatorRules: readonly {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}[] = [
  { apiGroups: [group], resources: [plural], verbs: ["list", "watch", "patch"] },
  { apiGroups: [group], resources: [`${plural}/status`], verbs: ["patch"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [leaseName],
    verbs: ["get", "update"],
  },
  // What is to be created has no name yet that a rule could list.
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
];
