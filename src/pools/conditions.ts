import { canonicalConditions, type ConditionFacts as Facts, datedConditions } from "../records/condition-list";
import type { DnsRecordStatus } from "../records/model";
import type { Decision } from "./decision";
import type { PoolCondition, PoolStatus, TargetStatus } from "./model";

/** Why a pool is not served: a reason as in the condition, and the cure. */
export interface Refusal {
  /** One of ours, or that of the DnsRecord. */
  readonly reason: "InvalidSpec" | "UnknownZone" | "NameTaken" | "NotAllowed" | (string & {});
  readonly message: string;
}

/** Why the DnsRecord of a pool's answer is not accepted: then the pool is not either. */
export function answerRefusal(record: PoolFacts["record"]): Refusal | undefined {
  const accepted = record?.status.conditions?.find(({ type }) => type === "Accepted");
  if (accepted?.status !== "False" || accepted.observedGeneration !== record?.generation) return undefined;
  return { reason: accepted.reason, message: `its DnsRecord is refused: ${accepted.message}` };
}

/** What the status of a pool follows from, beside the status that it has. */
export interface PoolFacts {
  readonly generation: number;
  readonly refusal?: Refusal | undefined;
  /** Undefined for a pool that is not accepted. */
  readonly decision?: Decision | undefined;
  /** The DnsRecord that the answer is written as; undefined as long as there is none. */
  readonly record?: { readonly generation: number; readonly status: DnsRecordStatus } | undefined;
  /** Whether that DnsRecord has the answer that was decided on. */
  readonly isWritten: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The status that a pool is to have. The time of a condition stays as long as its status does. */
export function poolStatusOf(before: PoolStatus, facts: PoolFacts): PoolStatus {
  const { generation, refusal, decision, now } = facts;
  const accepted: Facts =
    refusal === undefined
      ? ["True", "Valid", "the site owns the zone and the pool can be served"]
      : ["False", refusal.reason, refusal.message];
  const programmed = programmedOf(facts);
  const found: [PoolCondition["type"], Facts][] = [["Accepted", accepted]];
  if (decision !== undefined) found.push(["Healthy", healthOf(decision)]);
  found.push(["Programmed", programmed], ...genericOf(accepted, programmed, facts));
  const conditions = datedConditions(found, before.conditions ?? [], { generation, now });
  return {
    observedGeneration: generation,
    conditions,
    ...(decision !== undefined && { targets: targetsOf(decision) }),
  };
}

/** Conditions of which Events tell: `Accepted` and `Healthy`, when they turn. What arrives where is told of the DnsRecord. */
export function poolTransitions(before: PoolStatus, after: PoolStatus): readonly PoolCondition[] {
  return (after.conditions ?? []).filter(({ type, status, reason }) => {
    if (type !== "Accepted" && type !== "Healthy") return false;
    const earlier = before.conditions?.find((condition) => condition.type === type);
    if (earlier === undefined) return status === "False";
    return earlier.status !== status || earlier.reason !== reason;
  });
}

/** Whether two statuses say the same, whenever it was that they turned. */
export function samePoolStatus(a: PoolStatus, b: PoolStatus): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

function canonical({ observedGeneration, conditions, targets = [] }: PoolStatus): unknown {
  const seen = targets.map(({ value, healthy, answered, up = [], down = [] }) => [value, healthy, answered, up, down]);
  return [observedGeneration, canonicalConditions(conditions), seen];
}

function targetsOf({ targets, memory }: Decision): readonly TargetStatus[] {
  return targets.map(({ value, isHealthy, up, down }) => ({
    value,
    healthy: isHealthy === undefined ? "Unknown" : isHealthy ? "True" : "False",
    answered: memory.answer.includes(value),
    ...(up.length > 0 && { up }),
    ...(down.length > 0 && { down }),
  }));
}

function healthOf({ verdict, targets, distrusted }: Decision): Facts {
  const healthy = targets.filter(({ isHealthy }) => isHealthy === true).length;
  const damped = targets.filter(({ isDamped }) => isDamped).map(({ value }) => value);
  const more = damped.length === 0 ? "" : `; held back, since they came and went too often: ${damped.join(", ")}`;
  const blind = distrusted.length === 0 ? "" : `; not counted, since they see none: ${distrusted.join(", ")}`;
  switch (verdict) {
    case "Healthy":
      return ["True", verdict, `${healthy} of ${targets.length} targets are healthy${more}${blind}`];
    case "TooFewHealthy":
      return [
        "False",
        verdict,
        `${healthy} of ${targets.length} targets are healthy: the last answer stays${more}${blind}`,
      ];
    case "NoneHealthy":
      return ["False", verdict, `no site sees a healthy target: the last answer stays${more}${blind}`];
    case "NotProbed":
      return [
        "Unknown",
        verdict,
        "no site has told of every target yet; a site probes what records.probes of its settings lists",
      ];
  }
}

const propagating: Facts = ["False", "Propagating", "the answer is on its way"];

function programmedOf({ refusal, record, isWritten }: PoolFacts): Facts {
  if (refusal !== undefined) return ["False", refusal.reason, "the current spec is not served"];
  const programmed = record?.status.conditions?.find(({ type }) => type === "Programmed");
  if (!isWritten || programmed === undefined || programmed.observedGeneration !== record?.generation)
    return propagating;
  return [programmed.status, programmed.reason, programmed.message];
}

function genericOf(accepted: Facts, programmed: Facts, { record }: PoolFacts): [PoolCondition["type"], Facts][] {
  const [isAccepted] = accepted;
  const [status, reason, message] = isAccepted === "True" ? programmed : accepted;
  const ready: [PoolCondition["type"], Facts] = ["Ready", [status, reason, message]];
  if (status === "True") return [ready];
  const isStalled = isAccepted !== "True" || record?.status.conditions?.some(({ type }) => type === "Stalled") === true;
  return [ready, [isStalled ? "Stalled" : "Reconciling", ["True", reason, message]]];
}
