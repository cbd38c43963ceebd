import { setTimeout as wait } from "node:timers/promises";

import { messageOf } from "../../base/errors";
import type { Finding } from "../../contract/mesh-status";
import { emptyMemory, type Memory, type PolicyMark, readStatus, type StoredStatus } from "../../contract/mesh-status";
import { countKinds, reportToken } from "../../contract/reconciler-report";
import type { KubeObject } from "../../kube/answer";
import { readMesh } from "../../mesh/read-view";
import { type MeshView, viewHash } from "../../mesh/view";
import { peerPolicySpec } from "../../policies/network-policy";
import type { AgentStatus } from "../sidecar/http/status";
import {
  decidePlan,
  decisionFindings,
  isLagging,
  isPolicyCurrent,
  knownEpoch,
  newestSource,
  podFindings,
  type PodSerials,
  policyMark,
  presentPods,
  readingNeeded,
  type Source,
} from "./decide";
import { type PassDeps, type Pod, ports } from "./options";
import { publish } from "./publish";
import { keepZoneKeys } from "./zone-keys";

/** Whether a pass found everything in order, and what it cost. */
export interface PassResult {
  readonly ok: boolean;
  readonly counters: {
    readonly dnsQueries: number;
    readonly transfers: number;
    readonly apiReads: number;
    readonly apiWrites: number;
  };
}

/** What the cluster held when the pass began. Nothing in it is written unless it was read. */
interface Before {
  readonly policy?: KubeObject;
  readonly stored?: StoredStatus;
}

/**
 * One pass: what the site's own Knot pods say of the mesh, against what the cluster has. Each failure becomes a finding
 * and changes nothing; the rest of the pass goes on.
 */
export async function runPass(deps: PassDeps): Promise<PassResult> {
  const findings: Finding[] = [];
  const began = deps.now();
  const before = await readCluster(deps, findings);
  const known = before.stored?.memory ?? emptyMemory;
  const statuses = await readAgents(deps, findings);
  const seen = await discover({ deps, findings, known, statuses });
  await keepZoneKeys(deps, findings);
  const policy = await keepPolicy({ deps, findings, before, known, view: seen.view });
  await settleAgents({ deps, statuses, view: seen.view });
  for (const [pod, status] of statuses) findings.push(...podFindings(pod, status, seen.view));
  const memory: Memory = { ...seen, ...(policy && { policy }) };
  if (before.stored !== undefined)
    await publish({ deps, findings, stored: before.stored, memory, statuses: [...statuses.values()] });
  await reportPass({ deps, findings, began, pods: [...statuses.keys()] });
  return conclude(deps, findings, seen.view);
}

/** Tells the agents how it went, for their metrics. What none of them takes is no finding: those of an older release do not. */
async function reportPass(pass: {
  readonly deps: PassDeps;
  readonly findings: readonly Finding[];
  readonly began: number;
  readonly pods: readonly Pod[];
}): Promise<void> {
  const { deps, findings, began, pods } = pass;
  const report = { seconds: Math.max(0, deps.now() - began) / 1000, findings: countKinds(findings) };
  const token = reportToken(deps.key);
  await Promise.all(
    pods.map(({ name, address }) =>
      deps.agents.reportPass({ address, port: ports.agent }, report, token).catch((error: unknown) => {
        deps.log.warn("an agent does not take the report", { pod: name, reason: messageOf(error) });
      }),
    ),
  );
}

function conclude(deps: PassDeps, findings: readonly Finding[], view: MeshView | undefined): PassResult {
  const { dns, cluster, log } = deps;
  for (const { kind, ...rest } of findings)
    log.error(rest.message, { kind, ...(rest.subject && { subject: rest.subject }) });
  const counters = {
    dnsQueries: dns.counters.udpQueries + dns.counters.tcpQueries,
    transfers: dns.counters.transfers,
    apiReads: cluster.counters.reads,
    apiWrites: cluster.counters.writes,
  };
  const ok = findings.length === 0;
  const content = view && { sites: view.sites.length, zones: view.zones.length, hash: viewHash(view) };
  log.info(ok ? "all in order" : "not in order", { counters, ok, ...content });
  return { ok, counters };
}

async function readCluster({ cluster, log }: PassDeps, findings: Finding[]): Promise<Before> {
  try {
    const statusObject = await cluster.readStatus();
    const policy = await cluster.readPolicy();
    if (policy === undefined) findings.push(missing("policy", "NetworkPolicy knot-peers"));
    if (statusObject === undefined) findings.push(missing("status", "ConfigMap mesh-status"));
    const stored = statusObject && readStatus(statusObject);
    if (stored?.damaged === true) log.warn("the state in mesh-status is damaged and starts anew");
    return { ...(policy && { policy }), ...(stored && { stored }) };
  } catch (error) {
    findings.push({ kind: "api", message: messageOf(error) });
    return {};
  }
}

function missing(kind: "policy" | "status", what: string): Finding {
  return { kind, message: `${what} is missing; bring this site's stack up again` };
}

async function readAgents({ agents, options }: PassDeps, findings: Finding[]): Promise<Map<Pod, AgentStatus>> {
  const statuses = new Map<Pod, AgentStatus>();
  for (const pod of options.pods) {
    try {
      statuses.set(pod, await agents.status({ address: pod.address, port: ports.agent }));
    } catch (error) {
      findings.push({ kind: "unreachable", subject: pod.name, message: messageOf(error) });
    }
  }
  return statuses;
}

interface Seen {
  readonly view?: MeshView;
  readonly doubts: readonly string[];
}

/** The view to follow: the last good one, unless the central zones changed to something that may be followed. */
async function discover(facts: {
  readonly deps: PassDeps;
  readonly findings: Finding[];
  readonly known: Memory;
  readonly statuses: ReadonlyMap<Pod, AgentStatus>;
}): Promise<Seen> {
  const { deps, findings, known } = facts;
  const same: Seen = { ...(known.view && { view: known.view }), doubts: known.doubts };
  const agents = [...facts.statuses.values()];
  const epoch = knownEpoch(deps.packet, agents);
  const serials = presentPods(await readSerials(deps, findings), facts.statuses);
  const directory = newestSource(serials, "directory");
  const catalog = newestSource(serials, "catalog");
  if (directory === undefined || catalog === undefined) return withDoubts(same, findings);
  const newest = { directory: directory.serial, catalog: catalog.serial, epoch };
  const reading = readingNeeded(known.view, newest, agents);
  if (reading.kind === "backwards") findings.push(reading.finding);
  if (reading.kind !== "needed") return withDoubts(same, findings);
  const discovered = await readZones(deps, { directory, catalog }).catch((error: unknown) => {
    findings.push({ kind: "transfer", message: messageOf(error) });
  });
  if (discovered === undefined) return withDoubts(same, findings);
  const decision = decidePlan({
    self: deps.packet.site.name,
    known: known.view,
    discovered,
    agents,
    today: new Date(deps.now()).toISOString().slice(0, 10),
    epoch,
  });
  findings.push(...decisionFindings(decision));
  if (discovered.kind === "refused" || (decision.kind === "plan" && decision.plan.refusal !== undefined))
    return withDoubts(same, findings);
  const { problems: doubts } = discovered;
  if (decision.kind === "as-agents-hold") return withDoubts({ doubts }, findings);
  for (const change of decision.plan.changes) deps.log.info("the mesh changed", { change });
  return withDoubts({ view: decision.plan.next, doubts }, findings);
}

function withDoubts(seen: Seen, findings: Finding[]): Seen {
  if (seen.doubts.length > 0) findings.push({ kind: "doubtful", message: seen.doubts.join("; ") });
  return seen;
}

/** Asks one pod after the other. Once a pod let the first question go unanswered, the second is spared. */
async function readSerials({ dns, options, packet }: PassDeps, findings: Finding[]): Promise<readonly PodSerials[]> {
  const all: PodSerials[] = [];
  for (const pod of options.pods) {
    const server = { address: pod.address, port: ports.dns };
    let serials: PodSerials = { pod };
    try {
      serials = { ...serials, directory: (await dns.querySoa(server, packet.directoryZone)).serial };
      serials = { ...serials, catalog: (await dns.querySoa(server, packet.catalogZone)).serial };
    } catch (error) {
      findings.push({ kind: "dns", subject: pod.name, message: messageOf(error) });
    }
    all.push(serials);
  }
  return all;
}

function readZones(
  { dns, packet, key }: PassDeps,
  { directory, catalog }: { readonly directory: Source; readonly catalog: Source },
): ReturnType<typeof readMesh> {
  return readMesh(packet, (zone) => {
    const { pod } = zone === packet.directoryZone ? directory : catalog;
    return dns.transfer({ address: pod.address, port: ports.dns }, zone, key);
  });
}

/** Makes the policy right; without a view it is left as it is. */
async function keepPolicy(facts: {
  readonly deps: PassDeps;
  readonly findings: Finding[];
  readonly before: Before;
  readonly known: Memory;
  readonly view: MeshView | undefined;
}): Promise<PolicyMark | undefined> {
  const { deps, view, known } = facts;
  const live = facts.before.policy;
  if (live === undefined || view === undefined) return known.policy;
  const desired = peerPolicySpec({ ...deps.options, packet: deps.packet, view });
  if (isPolicyCurrent(live, desired, known.policy)) return policyMark(live, desired);
  try {
    const applied = await deps.cluster.applyPolicy(desired);
    deps.log.info("network policy knot-peers applied", { generation: applied.metadata?.generation });
    return policyMark(applied, desired);
  } catch (error) {
    facts.findings.push({ kind: "api", message: messageOf(error) });
    return known.policy;
  }
}

/** Pokes the agents that lag, and looks again until they have caught up or the time is over. */
async function settleAgents(facts: {
  readonly deps: PassDeps;
  readonly statuses: Map<Pod, AgentStatus>;
  readonly view: MeshView | undefined;
}): Promise<void> {
  const { deps, statuses, view } = facts;
  if (view === undefined) return;
  const late = (): Pod[] => [...statuses].filter(([, status]) => isLagging(status, view)).map(([pod]) => pod);
  for (const pod of late()) {
    deps.log.warn("an agent lags and is asked for a pass", { pod: pod.name });
    await deps.agents.poke({ address: pod.address, port: ports.agent }).catch((error: unknown) => {
      deps.log.warn(messageOf(error), { pod: pod.name });
    });
  }
  const { totalMs, stepMs } = deps.patience ?? { totalMs: 5000, stepMs: 250 };
  for (const end = deps.now() + totalMs; late().length > 0 && deps.now() < end;) {
    await wait(stepMs);
    for (const pod of late()) {
      const status = await deps.agents.status({ address: pod.address, port: ports.agent }).catch(() => undefined);
      if (status !== undefined) statuses.set(pod, status);
    }
  }
}
