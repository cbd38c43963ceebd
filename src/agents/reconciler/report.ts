import type { SignedZone } from "../sidecar/signing";
import type { KubeObject } from "../../kube/client";
import type { ReconcilerOptions } from "./options";

/**
 * - `api`: the Kubernetes API is away, or refused something.
 * - `dns`: a pod's Knot does not answer for a central zone.
 * - `transfer`: a central zone could not be read whole.
 * - `refused`: the central zones say something that must not be followed.
 * - `held`: a removal is held back until it is confirmed.
 * - `doubtful`: single entries of the central zones that are wrong; the rest is followed.
 * - `policy`, `status`: an object of ours is missing in the cluster.
 * - `unreachable`, `not-ready`, `lagging`: a pod's agent does not answer, is not ready, has not applied the plan.
 * - `agent-…`: what an agent reports of itself.
 */
export type ConditionKind =
  | "api"
  | "dns"
  | "transfer"
  | "refused"
  | "held"
  | "doubtful"
  | "policy"
  | "status"
  | "unreachable"
  | "not-ready"
  | "lagging"
  | `agent-${string}`;

/** Something that is wrong. */
export interface Finding {
  readonly kind: ConditionKind;
  /** The pod, or what else it is about; several findings of a kind and subject are one. */
  readonly subject?: string;
  /** A sentence for people. */
  readonly message: string;
}

/** A finding with the time it began, ISO 8601. */
export interface Condition extends Finding {
  readonly since: string;
}

/** What people find in the ConfigMap `mesh-status`. */
export interface Report {
  readonly site: string;
  /** Whether there is no condition. */
  readonly ok: boolean;
  /** When anything in here changed last, ISO 8601. */
  readonly changedAt: string;
  readonly directorySerial?: number;
  readonly catalogSerial?: number;
  /** Numbers of sites and zones in the plan, and its hash as of `viewHash`. */
  readonly sites?: number;
  readonly zones?: number;
  readonly hash?: string;
  /** What the writer signs: the DS records that parents should have, and the keys. Missing where nothing is signed. */
  readonly dnssec?: readonly Omit<SignedZone, "signedUntil">[];
  readonly conditions: readonly Condition[];
}

/** The findings as conditions, one a kind and subject, which keep the time they began. */
export function conditionsOf(o: {
  readonly findings: readonly Finding[];
  readonly before: readonly Condition[];
  readonly now: number;
}): readonly Condition[] {
  const since = new Map(o.before.map((condition) => [keyOf(condition), condition.since]));
  const byKey = new Map<string, Condition>();
  for (const finding of o.findings) {
    const key = keyOf(finding);
    const known = byKey.get(key);
    const message = known === undefined ? finding.message : `${known.message}; ${finding.message}`;
    byKey.set(key, { ...finding, message, since: since.get(key) ?? new Date(o.now).toISOString() });
  }
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, condition]) => condition);
}

/** What began and what ended between two reports. */
export function transitions(
  before: readonly Condition[],
  after: readonly Condition[],
): readonly { readonly began: boolean; readonly condition: Condition }[] {
  const [old, now] = [new Set(before.map(keyOf)), new Set(after.map(keyOf))];
  return [
    ...after.filter((condition) => !old.has(keyOf(condition))).map((condition) => ({ began: true, condition })),
    ...before.filter((condition) => !now.has(keyOf(condition))).map((condition) => ({ began: false, condition })),
  ];
}

function keyOf({ kind, subject }: Finding): string {
  return `${kind}/${subject ?? ""}`;
}

/** Kubernetes takes 1024 octets at most. */
const longestMessage = 1000;

/** The Event for a beginning (Warning) or an end (Normal), about the CronJob that starts us. Its name makes a repeated try harmless. */
export function eventFor(o: {
  readonly transition: { readonly began: boolean; readonly condition: Condition };
  readonly options: ReconcilerOptions;
  readonly now: number;
}): KubeObject {
  const { began, condition } = o.transition;
  const { namespace, pod } = o.options;
  const about = [condition.kind, ...(condition.subject === undefined ? [] : [condition.subject])].join(" ");
  const time = new Date(o.now).toISOString().replace(/\.\d+Z$/, "Z");
  const name = `reconciler.${o.now.toString(16)}.${keyOf(condition).replace(/[^a-z0-9]+/gi, "-")}${began ? "" : ".over"}`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: name.toLowerCase().replace(/-+(?=\.|$)/g, ""), namespace },
    involvedObject: { apiVersion: "batch/v1", kind: "CronJob", name: "reconciler", namespace },
    type: began ? "Warning" : "Normal",
    reason: pascalCase(condition.kind) + (began ? "" : "Over"),
    message: cut(began ? `${about}: ${condition.message}` : `${about} is over: ${condition.message}`),
    source: { component: "dns-mesh-reconciler" },
    reportingComponent: "dns-mesh-reconciler",
    reportingInstance: pod,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

function pascalCase(kind: string): string {
  return kind.replace(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function cut(message: string): string {
  const octets = Buffer.from(message);
  return octets.length <= longestMessage ? message : `${octets.subarray(0, longestMessage).toString("utf8")}…`;
}
