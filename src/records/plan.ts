import { createHash } from "node:crypto";

import { recordKey } from "../dns/rdata";
import type { ResourceRecord } from "../dns/record";

/** The records of one name and type that an object stands for. */
export interface ClaimedSet {
  readonly type: string;
  readonly ttl: number;
  readonly records: readonly ResourceRecord[];
}

/** An object that wants something at a name, or wanted it. */
export interface Claimant {
  readonly uid: string;
  /** For people. */
  readonly label: string;
  /** When it was made, RFC 3339. */
  readonly created: string;
  /** It is on its way out: what was applied for it goes. */
  readonly deleting: boolean;
  /** Takes over records of its name and type, whoever put them there. */
  readonly adopts: boolean;
  /** Whose names it takes, where names belong to somebody: others get none at a name that this one has. */
  readonly holder?: string;
  /** {@link recordsHash} of what was about to be written when it was last on its way to the server. */
  readonly intent?: string;
  readonly wanted?: ClaimedSet;
  /** What its status remembers to be on the server for it. */
  readonly applied?: ClaimedSet;
}

/** RRsets at one name, by type. */
export type ServedName = ReadonlyMap<string, readonly ResourceRecord[]>;

/** An RRset that becomes another one. */
export interface RrsetChange {
  readonly name: string;
  readonly type: string;
  readonly before: readonly ResourceRecord[];
  readonly after: readonly ResourceRecord[];
}

/**
 * - `serve`: its records are on the server once the changes are made; `content` as of {@link recordsHash}. `note` tells
 *   of a TTL that is not its own.
 * - `conflict`: somebody else has the name; nothing of it is on the server.
 * - `leave`: it is on its way out, and nothing of its own is on the server once the changes are made.
 */
export type Verdict =
  | { readonly kind: "serve"; readonly type: string; readonly content: string; readonly note?: string }
  | { readonly kind: "conflict"; readonly reason: ConflictReason; readonly message: string }
  | { readonly kind: "leave" };

/** Whose the name is: records that no object put there, another object's, or another namespace's. */
export type ConflictReason = "ForeignRecords" | "OtherObject" | "OtherNamespace";

/** What is to be done at one name. Names do not depend on each other. */
export interface NamePlan {
  readonly changes: readonly RrsetChange[];
  /** By uid, one for each claimant that wants something or is on its way out. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** What {@link planName} decides on. */
export interface NameInput {
  readonly name: string;
  readonly claimants: readonly Claimant[];
  readonly served: ServedName;
}

/** Types that come with DNSSEC and stand beside a CNAME (RFC 4035 section 2.5). */
const dnssecTypes = new Set(["RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"]);

/** Annotation by which an object takes over records that somebody else put at its name, of its type. */
export const adoptHint = `dns.mesh.io/adopt: "true"`;

/**
 * Decides about one name: which objects have their records there, and what must change on the server for that.
 *
 * Objects of one name and type make one RRset. An RRset is ours when an object remembers that it applied some of it, was
 * about to write just that, or adopts it; any other is left alone, and the object that wants to write there gets a conflict. Among objects
 * the first keeps a name: those that are applied before others, then the older, then the smaller uid. Where objects have a holder, a
 * name with all its types is the first one's; objects of others that are served there already stay.
 */
export function planName(input: NameInput): NamePlan {
  const claimants = [...input.claimants].sort(byRank);
  const rests = new Map([...input.served.keys()].map((type) => [type, restOf(input, type)]));
  const foreign = [...rests].flatMap(([type, rest]) => (rest.length > 0 && !dnssecTypes.has(type) ? [type] : []));
  const verdicts = new Map<string, Verdict>();
  const accepted: Claimant[] = [];
  for (const claimant of claimants) {
    if (claimant.deleting) verdicts.set(claimant.uid, { kind: "leave" });
    else if (claimant.wanted !== undefined) {
      const conflict = conflictOf(claimant, claimant.wanted.type, { foreign, accepted, name: input.name });
      if (conflict === undefined) accepted.push(claimant);
      else verdicts.set(claimant.uid, conflict);
    }
  }
  const changes: RrsetChange[] = [];
  const types = new Set([...rests.keys(), ...accepted.flatMap(({ wanted }) => wanted?.type ?? [])]);
  for (const type of [...types].sort()) {
    const members = accepted.filter(({ wanted }) => wanted?.type === type);
    const before = input.served.get(type) ?? [];
    const first = ttlHolder(members, before);
    const after = first ? unionOf(members, first) : (rests.get(type) ?? []);
    if (!sameRrset(before, after)) changes.push({ name: input.name, type, before, after });
    const content = recordsHash(after);
    for (const { uid, wanted } of members) {
      const note = ttlNote(wanted?.ttl, first);
      verdicts.set(uid, { kind: "serve", type, content, ...(note !== undefined && { note }) });
    }
  }
  // What goes, goes first: nothing can be added beside a CNAME.
  return { changes: changes.sort((a, b) => Number(a.after.length > 0) - Number(b.after.length > 0)), verdicts };
}

/** A text that is the same for equal RRsets, TTLs included, and hardly ever otherwise. */
export function recordsHash(records: readonly ResourceRecord[]): string {
  const lines = records.map((record) => `${record.ttl} ${recordKey(record)}`).sort();
  return createHash("sha256").update(lines.join("\n"), "latin1").digest("base64url").slice(0, 22);
}

/** Whether two RRsets hold the same records with the same TTLs. */
export function sameRrset(a: readonly ResourceRecord[], b: readonly ResourceRecord[]): boolean {
  return a.length === b.length && recordsHash(a) === recordsHash(b);
}

function byRank(a: Claimant, b: Claimant): number {
  const rank = ({ applied, created, uid }: Claimant): string => `${applied === undefined ? 1 : 0} ${created} ${uid}`;
  const [left, right] = [rank(a), rank(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * What of an RRset stays when no object has its records there any more. Nothing where an object that stays owns it; where
 * only objects own it that go, what was not put there for them; all of it otherwise.
 */
function restOf({ claimants, served }: NameInput, type: string): readonly ResourceRecord[] {
  const records = served.get(type) ?? [];
  const content = recordsHash(records);
  const owners = claimants.filter(
    ({ applied, wanted, intent, adopts, deleting }) =>
      applied?.type === type || (wanted?.type === type && (intent === content || (adopts && !deleting))),
  );
  if (owners.some(({ deleting }) => !deleting)) return [];
  const put = owners.flatMap(({ applied, wanted }) =>
    [applied, wanted].flatMap((set) => (set?.type === type ? set.records : [])),
  );
  const gone = new Set(put.map(recordKey));
  return records.filter((record) => !gone.has(recordKey(record)));
}

function conflictOf(
  claimant: Claimant,
  type: string,
  at: { readonly name: string; readonly foreign: readonly string[]; readonly accepted: readonly Claimant[] },
): Verdict | undefined {
  const name = JSON.stringify(at.name);
  if (at.foreign.includes(type))
    return {
      kind: "conflict",
      reason: "ForeignRecords",
      message: `${name} has ${type} records that no DnsRecord put there; take them away, or annotate this object with ${adoptHint} to take them over`,
    };
  const beside = at.foreign.filter((other) => type === "CNAME" || other === "CNAME");
  if (beside.length > 0)
    return {
      kind: "conflict",
      reason: "ForeignRecords",
      message: `${name} has ${beside.join(", ")} records that no DnsRecord put there, and a CNAME stands alone (RFC 1034 section 3.6.2); take them away, or use another name`,
    };
  const stranger = at.accepted.find(({ holder }) => holder !== claimant.holder);
  if (stranger !== undefined && claimant.applied === undefined)
    return {
      kind: "conflict",
      reason: "OtherNamespace",
      message: `${name} belongs to namespace ${stranger.holder ?? ""}, which had it first; use another name`,
    };
  const rival = at.accepted.find(({ wanted }) => wanted !== undefined && excludes(wanted, claimant.wanted));
  if (rival === undefined) return undefined;
  return {
    kind: "conflict",
    reason: "OtherObject",
    message: `${name} has ${rival.wanted?.type ?? ""} by ${rival.label}, which came first, and a CNAME stands alone (RFC 1034 section 3.6.2); delete one of them`,
  };
}

/** Whether two sets cannot stand at one name: a CNAME beside others, or two different ones. */
function excludes(a: ClaimedSet, b: ClaimedSet | undefined): boolean {
  if (b === undefined || (a.type !== "CNAME" && b.type !== "CNAME")) return false;
  return a.type !== b.type || keysOf(a.records).join() !== keysOf(b.records).join();
}

function keysOf(records: readonly ResourceRecord[]): readonly string[] {
  return records.map(recordKey).sort();
}

/** Whose TTL the RRset has, since it has one (RFC 2181 section 5.2): that of the object that has given it, or of the first. */
function ttlHolder(members: readonly Claimant[], before: readonly ResourceRecord[]): Claimant | undefined {
  const ttl = before[0]?.ttl;
  return members.find(({ applied, wanted }) => applied !== undefined && wanted?.ttl === ttl) ?? members[0];
}

/** The records of all, each once. */
function unionOf(members: readonly Claimant[], first: Claimant): readonly ResourceRecord[] {
  const ttl = first.wanted?.ttl ?? 0;
  const records = members.flatMap(({ wanted }) => wanted?.records ?? []);
  return [...new Map(records.map((record) => [recordKey(record), { ...record, ttl }])).values()];
}

function ttlNote(ttl: number | undefined, first: Claimant | undefined): string | undefined {
  if (first?.wanted === undefined || ttl === first.wanted.ttl) return undefined;
  return `served with the TTL ${first.wanted.ttl} of ${first.label}, which came first: an RRset has one TTL`;
}
