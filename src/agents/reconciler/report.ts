import type { Condition, Finding } from "../../contract/mesh-status";
import type { KubeObject } from "../../kube/client";
import { eventObject } from "../../kube/event";
import type { ReconcilerOptions } from "./options";

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

/** The Event for a beginning (Warning) or an end (Normal), about the CronJob that starts us. Its name makes a repeated try harmless. */
export function eventFor(o: {
  readonly transition: { readonly began: boolean; readonly condition: Condition };
  readonly options: ReconcilerOptions;
  readonly now: number;
}): KubeObject {
  const { began, condition } = o.transition;
  const { namespace, pod } = o.options;
  const about = [condition.kind, ...(condition.subject === undefined ? [] : [condition.subject])].join(" ");
  const name = `reconciler.${o.now.toString(16)}.${keyOf(condition).replace(/[^a-z0-9]+/gi, "-")}${began ? "" : ".over"}`;
  return eventObject({
    name: name.toLowerCase().replace(/-+(?=\.|$)/g, ""),
    about: { apiVersion: "batch/v1", kind: "CronJob", name: "reconciler", namespace },
    type: began ? "Warning" : "Normal",
    reason: pascalCase(condition.kind) + (began ? "" : "Over"),
    message: began ? `${about}: ${condition.message}` : `${about} is over: ${condition.message}`,
    component: "dns-mesh-reconciler",
    pod,
    at: o.now,
  });
}

function pascalCase(kind: string): string {
  return kind.replace(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
