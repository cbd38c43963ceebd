import { canonicalHash, canonicalJson } from "../../base/json";
import type { PolicyMark } from "../../contract/mesh-status";
import type { Finding } from "../../contract/mesh-status";
import { compareSerials, isNewerSerial } from "../../dns/serial";
import type { KubeObject } from "../../kube/answer";
import { type Epoch, highestEpoch, isAbove, packetEpoch } from "../../mesh/epoch";
import { defaultLimits } from "../../mesh/limits";
import type { WelcomePacket } from "../../mesh/model";
import { planMesh } from "../../mesh/plan-mesh";
import type { DiscoveredMesh, RefusedDiscovery } from "../../mesh/read-view";
import { type Held, type MeshPlan, type MeshView, viewHash } from "../../mesh/view";
import type { NetworkPolicySpec } from "../../policies/policy-spec";
import type { AgentStatus } from "../sidecar/http/status";
import type { Pod } from "./options";

/** The serials of both central zones at one pod, as far as it answered. */
export interface PodSerials {
  readonly pod: Pod;
  readonly directory?: number;
  readonly catalog?: number;
}

/** A serial, and a pod that has it. */
export interface Source {
  readonly pod: Pod;
  readonly serial: number;
}

/** The pod with the newest serial of a zone (RFC 1982); the first of those that are equal. */
export function newestSource(pods: readonly PodSerials[], zone: "directory" | "catalog"): Source | undefined {
  let newest: Source | undefined;
  for (const { pod, [zone]: serial } of pods) {
    if (serial === undefined) continue;
    if (newest === undefined || isNewerSerial(serial, newest.serial)) newest = { pod, serial };
  }
  return newest;
}

/** The highest epoch that the packet says or an agent goes by; the agents check what they go by. */
export function knownEpoch(packet: WelcomePacket, agents: readonly AgentStatus[]): Epoch | undefined {
  if (packet.signers === undefined) return undefined;
  return highestEpoch(packetEpoch(packet), ...agents.map(({ applied }) => applied?.epoch));
}

/** Pods that central zones may be read from: none whose agent goes by an epoch below another's, whatever its serials (ADR 0030). */
export function presentPods(
  pods: readonly PodSerials[],
  statuses: ReadonlyMap<Pod, AgentStatus>,
): readonly PodSerials[] {
  const applied = (pod: Pod) => statuses.get(pod)?.applied;
  const highest = highestEpoch(...pods.map(({ pod }) => applied(pod)?.epoch));
  return pods.filter(({ pod }) => applied(pod) === undefined || !isAbove(highest, applied(pod)?.epoch));
}

/** Whether the central zones must be read. `backwards` is a reason not to. */
export type Reading =
  { readonly kind: "unchanged" | "needed" } | { readonly kind: "backwards"; readonly finding: Finding };

/**
 * Compares the newest serials with the last good view. An epoch above that of the view comes before them. What is held is looked at again in
 * each pass: its date may have come. Where an agent found another content under the same serials, they do not say what is there.
 */
export function readingNeeded(
  view: MeshView | undefined,
  newest: { readonly directory: number; readonly catalog: number; readonly epoch: Epoch | undefined },
  agents: readonly Pick<AgentStatus, "applied">[] = [],
): Reading {
  if (view === undefined || isAbove(newest.epoch, view.epoch)) return { kind: "needed" };
  const steps = [
    { what: "directory", from: view.directorySerial, to: newest.directory },
    { what: "catalog", from: view.catalogSerial, to: newest.catalog },
  ].map((step) => ({ ...step, order: compareSerials(step.from, step.to) }));
  const back = steps.find(({ order }) => order !== 0 && order !== -1);
  if (back !== undefined) {
    const message = `older: no pod has a ${back.what} that follows serial ${back.from}, the newest is ${back.to} (RFC 1982)`;
    return { kind: "backwards", finding: { kind: "refused", message } };
  }
  const holds = view.held !== undefined && view.held.sites.length + view.held.zones.length > 0;
  const isOther = agents.some(
    ({ applied }) =>
      applied?.directorySerial === newest.directory &&
      applied.catalogSerial === newest.catalog &&
      applied.hash !== viewHash(view),
  );
  return { kind: holds || isOther || steps.some(({ order }) => order !== 0) ? "needed" : "unchanged" };
}

/** What a pass decides. */
export type Decision =
  | { readonly kind: "plan"; readonly plan: MeshPlan }
  /** Agents hold removals back, and there is no memory to tell whether they should: what they hold stays. */
  | { readonly kind: "as-agents-hold"; readonly held: readonly Held[] };

/**
 * The plan of this pass, and whether it may be followed.
 *
 * Passes are minutes apart, so that removals which the agents saw one by one may look like many at once from here. Once
 * all agents have applied exactly what the zones say, each of them behind the same limits, waiting longer has no use.
 * The other way round, without a memory of our own there is nothing to hold on to: then an agent that holds is believed.
 */
export function decidePlan(facts: {
  readonly self: string;
  readonly known: MeshView | undefined;
  readonly discovered: DiscoveredMesh | RefusedDiscovery;
  readonly agents: readonly AgentStatus[];
  readonly today: string;
  /** As {@link knownEpoch} has it. */
  readonly epoch: Epoch | undefined;
}): Decision {
  const { self, discovered, today, epoch } = facts;
  const input = { self, discovered, today, epoch, limits: defaultLimits };
  const plan = planMesh({ ...input, known: facts.known });
  if (plan.refusal === undefined && facts.known === undefined && facts.agents.some((agent) => agent.held.length > 0)) {
    return { kind: "as-agents-hold", held: facts.agents.flatMap((agent) => agent.held) };
  }
  if (plan.refusal !== undefined || plan.held.length === 0 || facts.agents.length === 0) return { kind: "plan", plan };
  const whole = planMesh({ ...input, known: undefined });
  const hash = viewHash(whole.next);
  return { kind: "plan", plan: facts.agents.every((agent) => agent.applied?.hash === hash) ? whole : plan };
}

/** Whether the policy in the cluster is the one that is wanted. Defaults that an API server adds do not count as a difference. */
export function isPolicyCurrent(live: KubeObject, desired: NetworkPolicySpec, mark: PolicyMark | undefined): boolean {
  if (canonicalJson(live["spec"]) === canonicalJson(desired)) return true;
  return mark !== undefined && canonicalJson(policyMark(live, desired)) === canonicalJson(mark);
}

/** How a policy that is right is recognised in the next pass. */
export function policyMark(live: KubeObject, desired: NetworkPolicySpec): PolicyMark {
  const { uid = "", generation = 0 } = live.metadata ?? {};
  return { uid, generation, hash: canonicalHash(desired) };
}

/**
 * Whether an agent still has to apply the view. One that has read newer zones than we have is ahead; a serial of 0 is one that read none.
 * An epoch comes before serials, which a promotion or a restore may set back.
 */
export function isLagging({ applied }: Pick<AgentStatus, "applied">, view: MeshView): boolean {
  if (applied === undefined) return true;
  if (applied.hash === viewHash(view) || isAbove(applied.epoch, view.epoch)) return false;
  if (isAbove(view.epoch, applied.epoch)) return true;
  const isAhead = (theirs: number, ours: number): boolean => theirs !== 0 && isNewerSerial(theirs, ours);
  return !(
    isAhead(applied.directorySerial, view.directorySerial) || isAhead(applied.catalogSerial, view.catalogSerial)
  );
}

/** What is wrong with a pod, by what its agent says. */
export function podFindings(pod: Pod, status: AgentStatus, view: MeshView | undefined): readonly Finding[] {
  const subject = pod.name;
  const own = status.problems.map(({ kind, message }): Finding => ({ kind: `agent-${kind}`, subject, message }));
  const held = status.problems.some(({ kind }) => kind === "held") ? [] : status.held;
  return [
    ...(status.ready ? [] : [{ kind: "not-ready", subject, message: `the agent of ${subject} is not ready` } as const]),
    ...(view !== undefined && isLagging(status, view)
      ? [{ kind: "lagging", subject, message: `${subject} has not applied what the central zones say` } as const]
      : []),
    ...own,
    ...held.map(({ reason }): Finding => ({ kind: "agent-held", subject, message: reason })),
  ];
}

/** What is wrong with the central zones, by what was decided. */
export function decisionFindings(decision: Decision): readonly Finding[] {
  const { refusal, held } = decision.kind === "plan" ? decision.plan : { refusal: undefined, held: decision.held };
  return [
    ...(refusal === undefined ? [] : [{ kind: "refused", message: `${refusal.kind}: ${refusal.reason}` } as const]),
    ...held.map(({ kind, reason }): Finding => ({ kind: "held", subject: kind, message: reason })),
  ];
}
