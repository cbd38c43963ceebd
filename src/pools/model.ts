import type { Condition } from "../records/model";

/** Kind of pools; their API group and version are those of DnsRecords. */
export const poolKind = "DnsPool";

/** Label of the DnsRecord that a pool's answer is written as, with the pool's name. */
export const poolLabel = "dns.mesh.io/pool";

/** Types that a pool may have. */
export const poolTypes = ["A", "AAAA", "CNAME"] as const;
export type PoolType = (typeof poolTypes)[number];

/** How an answer is made of the targets that are healthy. */
export const strategies = ["failover", "all"] as const;
export type Strategy = (typeof strategies)[number];

/** How often a target is probed, and after how many results in a row it counts as up or down. */
export interface Pace {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

/** Types that a server can be asked for. */
export const dnsCheckTypes = ["A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"] as const;
export type DnsCheckType = (typeof dnsCheckTypes)[number];

/** What is asked of a target. */
export type Question =
  | { readonly kind: "tcp" }
  /** `status` is what an answer must have. @default any from 200 to 399 */
  | { readonly kind: "http" | "https"; readonly host?: string; readonly path: string; readonly status?: number }
  /** Absolute name, without the dot at its end. */
  | { readonly kind: "dns"; readonly name: string; readonly recordType: DnsCheckType };

/** A probe of one address: equal ones of several targets are made once. */
export type Check = Pace & Question & { readonly address: string; readonly port: number };

/** One of the places that a pool's name may lead to. */
export interface Target {
  /** The record's data, as in a DnsRecord. */
  readonly value: string;
  /** Lower ones are taken first by `failover`. */
  readonly priority: number;
  /** Missing for one that is taken for healthy at any time. */
  readonly check?: Check;
}

/** What a DnsPool asks for, checked. Zone and name absolute, without the dot at their end. */
export interface Pool {
  readonly zone: string;
  readonly name: string;
  readonly type: PoolType;
  readonly ttl: number;
  readonly strategy: Strategy;
  readonly minHealthy: number;
  readonly targets: readonly Target[];
}

/** A check as a user writes it; milliseconds are seconds there. */
export interface CheckSpec {
  readonly type: "TCP" | "HTTP" | "HTTPS" | "DNS";
  readonly port: number;
  readonly address?: string;
  readonly host?: string;
  readonly path?: string;
  readonly status?: number;
  readonly name?: string;
  readonly recordType?: DnsCheckType;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly rise?: number;
  readonly fall?: number;
}

export interface TargetSpec {
  readonly value: string;
  readonly priority?: number;
  readonly check?: CheckSpec;
}

export interface PoolSpec {
  readonly zone: string;
  readonly name: string;
  readonly type: PoolType;
  readonly ttl?: number;
  readonly strategy?: Strategy;
  readonly minHealthy?: number;
  /** Of each target that has none of its own. */
  readonly check?: CheckSpec;
  readonly targets: readonly TargetSpec[];
}

/** What a site says of a target. */
export type Seen = "up" | "down";

/** Where a target stands, as a status has it. */
export interface TargetStatus {
  readonly value: string;
  readonly healthy: "True" | "False" | "Unknown";
  /** Whether the answer has it. */
  readonly answered: boolean;
  /** Sites that see it up, and down. */
  readonly up?: readonly string[];
  readonly down?: readonly string[];
}

/** A condition of a pool: those of a DnsRecord, and `Healthy`. */
export type PoolCondition = Omit<Condition, "type"> & {
  readonly type: "Accepted" | "Healthy" | "Programmed" | "Ready" | "Reconciling" | "Stalled";
};

export interface PoolStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly PoolCondition[];
  readonly targets?: readonly TargetStatus[];
}
