import { canonicalJson } from "../../base/canonical";
import { messageOf } from "../../base/errors";
import type { Condition, Finding, Report } from "../../contract/mesh-status";
import { type Memory, type StoredStatus, writeStatus } from "../../contract/mesh-status";
import { viewHash } from "../../mesh/view-hash";
import type { AgentStatus } from "../sidecar/http/status";
import type { PassDeps } from "./deps";
import { conditionsOf, eventFor, transitions } from "./report";

/**
 * Leaves state and report in the cluster, and an Event for each problem that began or ended. Writes nothing when there is
 * nothing new: times alone are not.
 */
export async function publish(o: {
  readonly deps: PassDeps;
  readonly findings: Finding[];
  readonly stored: StoredStatus;
  readonly memory: Memory;
  /** As the agents told it; empty when none answered. */
  readonly statuses: readonly AgentStatus[];
}): Promise<void> {
  const { deps, findings, stored, memory } = o;
  const now = deps.now();
  const before = stored.report?.conditions ?? [];
  const conditions = conditionsOf({ findings, before, now });
  const signed = signedZones(o.statuses, stored.report);
  const report = reportOf({ site: deps.packet.site.name, now, memory, conditions, signed });
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

function reportOf(o: {
  readonly site: string;
  readonly now: number;
  readonly memory: Memory;
  readonly conditions: readonly Condition[];
  readonly signed: NonNullable<Report["dnssec"]>;
}): Report {
  const { view } = o.memory;
  return {
    site: o.site,
    ok: o.conditions.length === 0,
    changedAt: new Date(o.now).toISOString(),
    ...(view && {
      directorySerial: view.directorySerial,
      catalogSerial: view.catalogSerial,
      sites: view.sites.length,
      zones: view.zones.length,
      hash: viewHash(view),
    }),
    ...(o.signed.length > 0 && { dnssec: o.signed }),
    conditions: o.conditions,
  };
}
