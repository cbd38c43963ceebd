import { canonicalConditions, type ConditionFacts as Facts, datedConditions } from "./condition-list";
import type {
  AppliedSet,
  Condition,
  ConditionType,
  DnsRecordStatus,
  GenericConditionType,
  OwnConditionType,
} from "./model";

/**
 * Where an object stands.
 *
 * - `refused`: it cannot be done as it is written.
 * - `conflict`: the name belongs to another record.
 * - `failed`: the server did not take it, or cannot be asked; it is tried again.
 * - `unknown`: the site's own server has it; which other sites there are cannot be read.
 * - `waiting`: the site's own server has it, not every pod of every site answers it yet; `sites` names those.
 * - `programmed`: every pod of every site answers it, but for sites that are `away` and pods that were `unseen`: a site's
 *   address has several behind it, and none of many questions reached these.
 */
export type Progress =
  | { readonly kind: "refused" | "conflict" | "failed"; readonly reason: string; readonly message: string }
  | { readonly kind: "unknown" }
  | { readonly kind: "waiting"; readonly sites: readonly string[] }
  | {
      readonly kind: "programmed";
      readonly away: readonly string[];
      readonly unseen: readonly string[];
      readonly note?: string;
    };

type OwnFacts = Readonly<Record<OwnConditionType, Facts>>;

/** Reason of conditions of objects in a zone that is on its way out of the mesh. */
export const zoneRetiring = "ZoneRetiring";

/** Reason of the condition of an object in a zone that is taken from a server outside the mesh. */
export const zoneFromOutside = "ZoneFromOutside";

/** Reason of the condition of an object whose namespace may not have what it says, as the site's settings have it. */
export const notAllowed = "NotAllowed";

/** Reason of the condition of an object whose change the zone's guard holds. */
export const changeHeld = "ChangeHeld";

/** Reason of the condition of an object whose records the server refused. */
export const updateRefused = "UpdateRefused";

/** Reason of `Ready` of an object that no operator has looked at yet. */
const pending = "Pending";

/**
 * The status of an object that has none: the API server fills it in, so that what no operator has seen does not pass for done. It
 * has no `observedGeneration`, and says nothing of when.
 */
export const pendingStatus: DnsRecordStatus = {
  conditions: [
    {
      type: "Ready",
      status: "Unknown",
      lastTransitionTime: "1970-01-01T00:00:00Z",
      reason: pending,
      message:
        "no record operator has looked at it yet; one serves the namespaces that records.namespaces of its site lists",
    },
  ],
};

/** What the status of an object follows from, beside the object. */
export interface StatusFacts {
  /** Which version of the object this is about. */
  readonly generation: number;
  readonly progress: Progress;
  /** Since when its zone has been retired, where it is: the object is in the way then. */
  readonly retired?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * The status that an object is to have. The time of a condition stays as long as its status does.
 *
 * @param entry.status - The one that it has.
 * @param entry.applied - What of it is on the server.
 */
export function statusOf(
  entry: { readonly status: DnsRecordStatus; readonly applied: AppliedSet | undefined },
  { generation, progress, retired, now }: StatusFacts,
): DnsRecordStatus {
  const own = factsOf(progress, { retired, isServed: entry.applied !== undefined });
  const facts = { ...own, ...genericFacts(progress, own) };
  const before = (entry.status.conditions ?? []).filter(({ reason }) => reason !== pending);
  const found = Object.entries(facts) as [ConditionType, Facts][];
  const conditions = datedConditions(found, before, { generation, now });
  return { observedGeneration: generation, conditions, ...(entry.applied && { applied: entry.applied }) };
}

/** Whether two statuses say the same. */
export function sameStatus(a: DnsRecordStatus | undefined, b: DnsRecordStatus): boolean {
  return JSON.stringify(canonical(a ?? {})) === JSON.stringify(canonical(b));
}

function canonical({ observedGeneration, conditions, applied }: DnsRecordStatus): unknown {
  return [
    observedGeneration,
    canonicalConditions(conditions),
    applied && [applied.zone, applied.name, applied.type, applied.ttl, [...applied.values].sort()],
  ];
}

/** Reasons of `Programmed` of an object that is on its way as it should be, and of one that has arrived. */
const propagating = "Propagating";
const allSites = "AllSites";

/** Reasons for which an object waits for its server: what it waits for from its beginning is worth an Event as well. */
const waitReasons: ReadonlySet<string> = new Set(["WriterUnreachable", "WriterRefuses", changeHeld]);

/** Conditions that say once more what others say: no Event is about them. */
const generic: ReadonlySet<ConditionType> = new Set<GenericConditionType>(["Ready", "Reconciling", "Stalled"]);

/**
 * Conditions whose status or reason is another one now, for Events. That an object arrived is none: its status says so. An
 * Event says it only where one before told that something was in the way.
 *
 * @param wasWarned - An Event told of something that was in the way and is not over, whatever the status said since.
 */
export function transitions(
  before: readonly Condition[],
  after: readonly Condition[],
  wasWarned = false,
): readonly Condition[] {
  return after.filter((condition) => {
    if (generic.has(condition.type)) return false;
    const earlier = before.find(({ type }) => type === condition.type);
    if (condition.type === "Programmed" && condition.reason === propagating) return false;
    if (condition.reason === allSites && (earlier === undefined || earlier.reason === propagating)) return wasWarned;
    if (earlier === undefined && waitReasons.has(condition.reason)) return true;
    if (earlier === undefined) return condition.status === (condition.type === "Accepted" ? "False" : "True");
    return earlier.status !== condition.status || earlier.reason !== condition.reason;
  });
}

/** Reasons for which trying again does not help: somebody has to change something. */
const stalling: ReadonlySet<string> = new Set([updateRefused, changeHeld]);

function isStalled(progress: Progress): boolean {
  if (progress.kind === "failed") return stalling.has(progress.reason);
  return progress.kind === "refused" || progress.kind === "conflict";
}

/** The same for tools that know `Ready` alone. It follows from the other conditions, so that it never costs a write of its own. */
function genericFacts(progress: Progress, own: OwnFacts): Readonly<Partial<Record<GenericConditionType, Facts>>> {
  const { Programmed: programmed } = own;
  if (progress.kind === "programmed") return { Ready: programmed };
  const [, reason, message] = own[telling(progress)];
  const why: Facts = ["True", reason, message];
  return {
    Ready: [programmed[0], reason, message],
    ...(isStalled(progress) ? { Stalled: why } : { Reconciling: why }),
  };
}

/** Which condition says why an object is not ready. */
function telling({ kind }: Progress): OwnConditionType {
  if (kind === "refused") return "Accepted";
  return kind === "conflict" ? "Conflict" : "Programmed";
}

function factsOf(
  progress: Progress,
  { retired, isServed }: { readonly retired: string | undefined; readonly isServed: boolean },
): OwnFacts {
  const accepted = acceptedIn(retired);
  const free: Facts = ["False", "NoConflict", "no other record has the name"];
  switch (progress.kind) {
    case "refused":
      return {
        Accepted: ["False", progress.reason, progress.message],
        Programmed: ["False", progress.reason, isServed && progress.reason === notAllowed ? stays : unserved],
        Conflict: free,
      };
    case "conflict":
      return {
        Accepted: accepted,
        Programmed: ["False", progress.reason, "the name belongs to another record"],
        Conflict: ["True", progress.reason, progress.message],
      };
    case "failed":
      return { Accepted: accepted, Programmed: ["False", progress.reason, progress.message], Conflict: free };
    case "unknown":
      return { Accepted: accepted, Programmed: ["Unknown", "MeshUnknown", meshUnknown], Conflict: free };
    case "waiting":
      return {
        Accepted: accepted,
        Programmed: ["False", propagating, `the writer has it, not yet: ${progress.sites.join(", ")}`],
        Conflict: free,
      };
    case "programmed":
      return { Accepted: accepted, Programmed: programmed(progress), Conflict: shared(progress.note) ?? free };
  }
}

function acceptedIn(retired: string | undefined): Facts {
  if (retired === undefined) return ["True", "Valid", "the site owns the zone and the record can be served"];
  const message = `the zone is retired from ${retired}, and this object stands in the way of its removal; delete it, or put the record into another zone`;
  return ["True", zoneRetiring, message];
}

const unserved = "the current spec is not served";
const stays = "what was served of it stays as it is, and changes of it are not taken";

const meshUnknown =
  "the writer has it; which sites there are is not known, since directory and catalog cannot be read, or the site's agent does not follow them";

function programmed({ away, unseen }: Extract<Progress, { kind: "programmed" }>): Facts {
  const unknown = unseen.length === 0 ? "" : `; not known: ${unseen.join(", ")}`;
  if (away.length > 0)
    return ["True", "SitesAway", `every site that can be reached answers it; away: ${away.join(", ")}${unknown}`];
  if (unseen.length > 0) return ["True", "PodsUnknown", `every pod that could be asked answers it${unknown}`];
  return ["True", allSites, "every site of the mesh answers it"];
}

function shared(note: string | undefined): Facts | undefined {
  return note === undefined ? undefined : ["True", "OtherTtl", note];
}
