import { messageOf } from "../../base/errors";
import { canonicalJson } from "../../base/json";
import { compareText } from "../../base/text";
import {
  type Condition,
  type Finding,
  type Memory,
  type Report,
  type StoredStatus,
  writeStatus,
} from "../../contract/mesh-status";
import type { KubeObject } from "../../kube/answer";
import { eventObject } from "../../kube/event";
import { viewHash } from "../../mesh/view";
import type { AgentStatus } from "../sidecar/http/status";
import type { PassDeps, ReconcilerOptions } from "./options";

/**
 * Leaves state and report in the cluster, and an Event for each problem that began or ended. Writes nothing when there is
 * nothing new: times alone are not.
 */
export async function publish(outcome: {
  readonly deps: PassDeps;
  readonly findings: Finding[];
  readonly stored: StoredStatus;
  readonly memory: Memory;
  /** As the agents reported it; empty when none answered. */
  readonly statuses: readonly AgentStatus[];
}): Promise<void> {
  const { deps, findings, stored, memory } = outcome;
  const now = deps.now();
  const before = stored.report?.conditions ?? [];
  const conditions = conditionsOf({ findings, before, now });
  const signed = signedZones(outcome.statuses, stored.report);
  const delegations = delegationsOf(outcome.statuses, stored.report);
  const report = reportOf({ site: deps.packet.site.name, now, memory, conditions, signed, delegations });
  if (isSame(stored, memory, report)) return;
  try {
    // First what tells the next pass that this was reported, so that it is not reported in each pass.
    await deps.cluster.applyStatus(writeStatus(memory, report));
    for (const transition of transitions(before, conditions)) {
      await deps.cluster.createEvent(eventFor({ transition, options: deps.options, now }));
    }
  } catch (error) {
    findings.push({ kind: "api", message: messageOf(error) });
  }
}

function isSame(stored: StoredStatus, memory: Memory, report: Report): boolean {
  const old = { memory: stored.memory, report: { ...stored.report, changedAt: "" } };
  return !stored.damaged && canonicalJson(old) === canonicalJson({ memory, report: { ...report, changedAt: "" } });
}

/**
 * What the writer signs. When no agent that signs answers, what was known before: keys do not change because somebody is
 * away. Ends of signatures are left out, since they move all the time.
 */
function signedZones(statuses: readonly AgentStatus[], before: Report | undefined): NonNullable<Report["dnssec"]> {
  const writer = statuses.find(({ pod }) => pod.endsWith("-0"));
  if (writer === undefined) return before?.dnssec ?? [];
  return (writer.dnssec ?? []).map(({ signedUntil: _, ...zone }) => zone);
}

/** What the writer says that parents outside the mesh should have; what was known before, where it does not answer. */
function delegationsOf(
  statuses: readonly AgentStatus[],
  before: Report | undefined,
): NonNullable<Report["delegations"]> {
  const writer = statuses.find(({ pod }) => pod.endsWith("-0"));
  if (writer === undefined) return before?.delegations ?? [];
  return (writer.nameServers ?? []).flatMap(({ zone, parent }) => {
    if (parent === undefined) return (before?.delegations ?? []).filter((known) => known.zone === zone);
    const { zone: above, ...records } = parent;
    return above === undefined ? [{ zone, ...records }] : [];
  });
}

function reportOf(facts: {
  readonly site: string;
  readonly now: number;
  readonly memory: Memory;
  readonly conditions: readonly Condition[];
  readonly signed: NonNullable<Report["dnssec"]>;
  readonly delegations: NonNullable<Report["delegations"]>;
}): Report {
  const { view } = facts.memory;
  return {
    site: facts.site,
    ok: facts.conditions.length === 0,
    changedAt: new Date(facts.now).toISOString(),
    ...(view && {
      directorySerial: view.directorySerial,
      catalogSerial: view.catalogSerial,
      sites: view.sites.length,
      zones: view.zones.length,
      hash: viewHash(view),
    }),
    ...(facts.signed.length > 0 && { dnssec: facts.signed }),
    ...(facts.delegations.length > 0 && { delegations: facts.delegations }),
    conditions: facts.conditions,
  };
}

/** The findings as conditions, one a kind and subject, which keep the time they began. */
function conditionsOf(facts: {
  readonly findings: readonly Finding[];
  readonly before: readonly Condition[];
  readonly now: number;
}): readonly Condition[] {
  const since = new Map(facts.before.map((condition) => [keyOf(condition), condition.since]));
  const byKey = new Map<string, Condition>();
  for (const finding of facts.findings) {
    const key = keyOf(finding);
    const known = byKey.get(key);
    const message = known === undefined ? finding.message : `${known.message}; ${finding.message}`;
    byKey.set(key, { ...finding, message, since: since.get(key) ?? new Date(facts.now).toISOString() });
  }
  return [...byKey.entries()].sort(([a], [b]) => compareText(a, b)).map(([, condition]) => condition);
}

/** What began and what ended between two reports. */
function transitions(
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
function eventFor(facts: {
  readonly transition: { readonly began: boolean; readonly condition: Condition };
  readonly options: ReconcilerOptions;
  readonly now: number;
}): KubeObject {
  const { began, condition } = facts.transition;
  const { namespace, pod } = facts.options;
  const about = [condition.kind, ...(condition.subject === undefined ? [] : [condition.subject])].join(" ");
  const name = `reconciler.${facts.now.toString(16)}.${keyOf(condition).replace(/[^a-z0-9]+/gi, "-")}${began ? "" : ".over"}`;
  return eventObject({
    name: name.toLowerCase().replace(/-+(?=\.|$)/g, ""),
    about: { apiVersion: "batch/v1", kind: "CronJob", name: "reconciler", namespace },
    type: began ? "Warning" : "Normal",
    reason: pascalCase(condition.kind) + (began ? "" : "Over"),
    message: began ? `${about}: ${condition.message}` : `${about} is over: ${condition.message}`,
    component: "dns-mesh-reconciler",
    pod,
    at: facts.now,
  });
}

function pascalCase(kind: string): string {
  return kind.replace(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
