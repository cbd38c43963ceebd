import { DnsError } from "../dns/errors";
import { encodeMessage } from "../dns/message";
import { recordKey } from "../dns/rdata";
import type { ResourceRecord } from "../dns/record";
import type { Soa } from "../dns/transfer-stream";
import { type Change, type Prerequisite, updateMessage, type ZoneUpdate } from "../dns/update";
import type { RrsetChange } from "./plan";

/** One UPDATE message, and the changes that it makes. */
export interface UpdateBatch {
  readonly update: ZoneUpdate;
  /** By name. A name whose changes take several messages stands alone in each of them, and they follow each other. */
  readonly names: readonly (readonly RrsetChange[])[];
}

/** How changes are written in a message. */
interface Form {
  readonly prerequisites: readonly Prerequisite[];
  readonly changes: readonly Change[];
}

/** Most that one message holds: RRsets, and octets of records. A message over TCP has 65,535, header and signature included. */
const mostRrsets = 1000;
const mostOctets = 60_000;
/** Octets of a message without its signature, which has a key's name, an algorithm's and a MAC (RFC 8945 section 4.2). */
const mostUnsigned = 65_535 - 512;

/** Puts changes into messages of a size that a server takes. */
export function batchesOf(zone: string, names: readonly (readonly RrsetChange[])[]): readonly UpdateBatch[] {
  const batches: UpdateBatch[] = [];
  let open: (readonly RrsetChange[])[] = [];
  let [rrsets, octets] = [0, 0];
  for (const changes of names) {
    const size = changes.reduce((sum, change) => sum + sizeOf(change.name, checkedForm(change)), 0);
    if (size > mostOctets) {
      batches.push(...partsOf(zone, changes));
      continue;
    }
    if (open.length > 0 && (rrsets + changes.length > mostRrsets || octets + size > mostOctets)) {
      batches.push(batchOf(zone, open));
      [open, rrsets, octets] = [[], 0, 0];
    }
    open.push(changes);
    rrsets += changes.length;
    octets += size;
  }
  return open.length === 0 ? batches : [...batches, batchOf(zone, open)];
}

/**
 * What is sent for a batch. Knot answers an update of which no data but TTLs differ, and leaves it out; one with a newer
 * serial it makes as a whole (ADR 0007). A serial that is not newer any more is left out, and the rest with it.
 *
 * @param soa - The zone's as it was planned on.
 */
export function messageFor({ update, names }: UpdateBatch, soa: Soa | undefined): ZoneUpdate {
  if (soa === undefined || !names.flat().some(isTtlAlone)) return update;
  const record: Soa = { ...soa, serial: (soa.serial + 1) >>> 0 };
  return { ...update, changes: [...update.changes, { kind: "add", record }] };
}

function isTtlAlone({ before, after }: RrsetChange): boolean {
  const keys = (records: readonly ResourceRecord[]): string => records.map(recordKey).sort().join("\n");
  return before.length === after.length && before.length > 0 && keys(before) === keys(after);
}

/** Both halves of a batch that was refused; nothing when it holds one name only. */
export function halvesOf({ update, names }: UpdateBatch): readonly UpdateBatch[] {
  const half = Math.ceil(names.length / 2);
  if (names.length < 2) return [];
  return [batchOf(update.zone, names.slice(0, half)), batchOf(update.zone, names.slice(half))];
}

/** RRsets under the condition that each is still what was planned on: otherwise nothing of the message is done. */
function batchOf(zone: string, names: readonly (readonly RrsetChange[])[]): UpdateBatch {
  return { update: { zone, ...joined(names.flat().map(checkedForm)) }, names };
}

/** Messages for one name that has many records, in order: as few as hold all changes. */
function partsOf(zone: string, changes: readonly RrsetChange[]): readonly UpdateBatch[] {
  const parts: { form: Form; changes: readonly RrsetChange[] }[] = [];
  for (const change of changes) {
    const form = fittingForm(zone, change);
    const last = parts.at(-1);
    const both = last && joined([last.form, form]);
    if (last === undefined || both === undefined || !fits(zone, both)) parts.push({ form, changes: [change] });
    else parts.splice(-1, 1, { form: both, changes: [...last.changes, change] });
  }
  return parts.map((part) => ({ update: { zone, ...part.form }, names: [part.changes] }));
}

/**
 * The strictest form that fits into a message. An RRset is changed in one step always: with a part of its records in a
 * message of its own it would on the way be empty, or larger than any answer.
 */
function fittingForm(zone: string, change: RrsetChange): Form {
  const { name, type, before } = change;
  const strict = checkedForm(change);
  if (before.length === 0 || fits(zone, strict)) return strict;
  // No larger than the message that made the RRset, since nothing is asked for: what can be made can be changed.
  const whole: Form = { prerequisites: [], changes: replacement(change) };
  const single = difference(change);
  // An RRset that does not fit as a whole fits into no answer: growing it piece by piece has no use.
  if (single === undefined || !fits(zone, whole)) return whole;
  const loose: Form = { prerequisites: [{ kind: "rrsetExists", name, type }], changes: single };
  return fits(zone, loose) ? loose : whole;
}

/** Changes what is still there as it was planned on, in as few records as that takes. */
function checkedForm(change: RrsetChange): Form {
  const { name, type, before } = change;
  const whole = replacement(change);
  if (before.length === 0) return { prerequisites: [{ kind: "rrsetAbsent", name, type }], changes: whole };
  const single = difference(change);
  const changes = single !== undefined && single.length < whole.length ? single : whole;
  return { prerequisites: [{ kind: "rrsetIs", records: before }], changes };
}

function replacement({ name, type, before, after }: RrsetChange): readonly Change[] {
  const removal: readonly Change[] = before.length > 0 ? [{ kind: "deleteRrset", name, type }] : [];
  return [...removal, ...after.map((record): Change => ({ kind: "add", record }))];
}

/**
 * Records that go and that come, one by one (RFC 2136 section 2.5.4). Nothing where the TTL changes or all records go:
 * then it is the whole RRset. What goes, goes first: servers may take two spellings of a name for one record.
 */
function difference({ before, after }: RrsetChange): readonly Change[] | undefined {
  const ttls = new Set([...before, ...after].map(({ ttl }) => ttl));
  if (ttls.size > 1 || after.length === 0) return undefined;
  const missing = (from: readonly ResourceRecord[], of: readonly ResourceRecord[]): readonly ResourceRecord[] => {
    const keys = new Set(from.map(recordKey));
    return of.filter((record) => !keys.has(recordKey(record)));
  };
  return [
    ...missing(after, before).map((record): Change => ({ kind: "deleteRecord", record })),
    ...missing(before, after).map((record): Change => ({ kind: "add", record })),
  ];
}

function joined(forms: readonly Form[]): Form {
  return {
    prerequisites: forms.flatMap(({ prerequisites }) => prerequisites),
    changes: forms.flatMap(({ changes }) => changes),
  };
}

/** Whether a message holds it, to the octet: names are compressed. */
function fits(zone: string, form: Form): boolean {
  try {
    return encodeMessage(updateMessage({ id: 0, zone, ...form })).length <= mostUnsigned;
  } catch (error) {
    if (error instanceof DnsError) return false;
    throw error;
  }
}

/** No fewer octets than a form takes: names count whole, and the text of a name is no shorter than what is sent. */
function sizeOf(name: string, { prerequisites, changes }: Form): number {
  const records = [
    ...prerequisites.flatMap((each) => (each.kind === "rrsetIs" ? each.records : [])),
    ...changes.flatMap((each) => ("record" in each ? [each.record] : [])),
  ];
  return records.reduce((sum, record) => sum + recordKey(record).length + 8, 2 * (name.length + 14));
}
