import type { ResourceRecord } from "../dns/record";

/** API group of the record objects. */
export const group = "dns.mesh.io";
export const version = "v1alpha1";
export const apiVersion = `${group}/${version}`;
export const kind = "DnsRecord";
/** The resource's name in URLs and in RBAC. */
export const plural = "dnsrecords";
/** That of DnsPools, which the same people may change. */
export const poolPlural = "dnspools";

/** Path of our objects of a kind at an API server: those of a namespace, `*` for all. */
export function collectionPath(of: typeof plural | typeof poolPlural, namespace = "*"): string {
  return `/apis/${apiVersion}/${namespace === "*" ? "" : `namespaces/${namespace}/`}${of}`;
}

/** Path of one of our objects at an API server. */
export function objectPath(
  of: typeof plural | typeof poolPlural,
  { namespace = "default", name = "" }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
): string {
  return `${collectionPath(of, namespace)}/${name}`;
}

/** Types that a DnsRecord may have. */
export const recordTypes = [
  ...(["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "CAA", "PTR", "NS"] as const),
  ...(["SVCB", "HTTPS", "TLSA", "NAPTR"] as const),
] as const;

export type RecordType = (typeof recordTypes)[number];

/** TTL of a DnsRecord that has none of its own, in seconds. */
export const defaultTtl = 3600;

/** What a user asks for: one RRset of a zone, or a part of one. Just one of `value` and `values` is there. */
export interface DnsRecordSpec {
  readonly zone: string;
  /** Relative to the zone, `@` for its apex, or absolute with a trailing dot. */
  readonly name: string;
  /** Seconds. @default 3600 */
  readonly ttl?: number;
  readonly type: RecordType;
  readonly value?: string;
  readonly values?: readonly string[];
}

/** `Accepted`: it can be done. `Programmed`: every site of the mesh answers it. `Conflict`: somebody else has the name. */
export type OwnConditionType = "Accepted" | "Programmed" | "Conflict";

/**
 * What tools that know nothing of DNS go by, as kstatus reads it: `Ready` is there always, `Reconciling` while the operator goes on
 * by itself, `Stalled` while somebody has to act. Of the last two at most one is there, and then it is `True`.
 */
export type GenericConditionType = "Ready" | "Reconciling" | "Stalled";

export type ConditionType = OwnConditionType | GenericConditionType;

/** A condition as Kubernetes has them. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: "True" | "False" | "Unknown";
  readonly observedGeneration?: number;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** What was put on the server for an object: name and zone absolute without the trailing dot, values as master files have them. */
export interface AppliedSet {
  readonly zone: string;
  readonly name: string;
  readonly type: RecordType;
  readonly ttl: number;
  readonly values: readonly string[];
}

export interface DnsRecordStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  /** Missing while nothing of it is on the server. */
  readonly applied?: AppliedSet;
}

/** A DnsRecord; what the API server alone sets is missing before it is created. */
export interface DnsRecord {
  readonly apiVersion: typeof apiVersion;
  readonly kind: typeof kind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
  readonly spec: DnsRecordSpec;
  readonly status?: DnsRecordStatus;
}

/** The records that a spec means. Names absolute, lower-case, without the trailing dot. */
export interface RecordSet {
  readonly zone: string;
  readonly name: string;
  readonly type: RecordType;
  readonly ttl: number;
  readonly records: readonly ResourceRecord[];
}

/** Keeps an object from vanishing before its records are off the server. */
export const finalizer = "dns.mesh.io/applied";

/**
 * Whether something of an object is on the server, or may be.
 *
 * @param state.applied - What is known to be there.
 */
export function isHere(state: { readonly object: DnsRecord; readonly applied: AppliedSet | undefined }): boolean {
  return state.applied !== undefined || state.object.metadata.finalizers?.includes(finalizer) === true;
}
