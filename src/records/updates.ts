import { recordKey } from "../dns/rdata";
import type { Change, Prerequisite, ZoneUpdate } from "../dns/update";
import type { RrsetChange } from "./plan";

/** One UPDATE message, and the changes that it makes. */
export interface UpdateBatch {
  readonly update: ZoneUpdate;
  /** By name: changes of one name are never parted. */
  readonly names: readonly (readonly RrsetChange[])[];
}

/** Most that one message holds: RRsets, and octets of records. A message over TCP has 65,535, header and signature included. */
const mostRrsets = 1000;
const mostOctets = 60_000;

/** Puts changes into messages of a size that a server takes. */
export function batchesOf(zone: string, names: readonly (readonly RrsetChange[])[]): readonly UpdateBatch[] {
  const batches: UpdateBatch[] = [];
  let open: (readonly RrsetChange[])[] = [];
  let [rrsets, octets] = [0, 0];
  for (const changes of names) {
    const size = changes.reduce((sum, change) => sum + sizeOf(change), 0);
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

/** Both halves of a batch that was refused; nothing when it holds one name only. */
export function halvesOf({ update, names }: UpdateBatch): readonly UpdateBatch[] {
  const half = Math.ceil(names.length / 2);
  if (names.length < 2) return [];
  return [batchOf(update.zone, names.slice(0, half)), batchOf(update.zone, names.slice(half))];
}

/** Whole RRsets, each under the condition that it is still what was planned on: otherwise nothing of the message is done. */
function batchOf(zone: string, names: readonly (readonly RrsetChange[])[]): UpdateBatch {
  const all = names.flat();
  return { update: { zone, prerequisites: all.map(prerequisiteOf), changes: all.flatMap(changesOf) }, names };
}

function prerequisiteOf({ name, type, before }: RrsetChange): Prerequisite {
  return before.length === 0 ? { kind: "rrsetAbsent", name, type } : { kind: "rrsetIs", records: before };
}

function changesOf({ name, type, before, after }: RrsetChange): readonly Change[] {
  const removal: readonly Change[] = before.length > 0 ? [{ kind: "deleteRrset", name, type }] : [];
  return [...removal, ...after.map((record): Change => ({ kind: "add", record }))];
}

/** No fewer octets than a change takes: names count whole, and the text of a name is no shorter than what is sent. */
function sizeOf({ name, before, after }: RrsetChange): number {
  return [...before, ...after].reduce((sum, record) => sum + recordKey(record).length + 8, name.length + 14);
}
