import { foldName } from "../../base/names";
import type { KubeObject } from "../../kube/answer";
import { isLaterVersion } from "../../kube/watch";
import { sameStatus } from "../../records/conditions";
import { type AppliedSet, type DnsRecord, type DnsRecordStatus, finalizer, type RecordSet } from "../../records/model";
import type { Claimant } from "../../records/plan";
import { recordSetOf, recordSetOfApplied, type SpecReading } from "../../records/record-set";
import { sourceLabel } from "../../records/sources/kinds";
import { MadeIndex } from "./made-index";

/** Annotations of a DnsRecord that the operator reads; `intent` it writes. */
export const annotations = {
  adopt: "dns.mesh.io/adopt",
  /** Removes the finalizer although it is unknown whether the records are off the server. */
  abandon: "dns.mesh.io/abandon",
  intent: "dns.mesh.io/intent",
} as const;

/** A DnsRecord with what follows from it. */
export interface Entry {
  readonly uid: string;
  /** The latest version that we saw, without its status. */
  object: DnsRecord;
  /** The status that the API server has, as far as we know. */
  status: DnsRecordStatus;
  /** The status that we are about to write. */
  writing: DnsRecordStatus | undefined;
  /** What of it is on the server: what its status remembered when we saw it first, and what we did since. */
  applied: AppliedSet | undefined;
  reading: SpecReading;
  /** Zone and name that it is about, absolute; the name is missing where the spec does not tell one. */
  zone: string;
  name: string | undefined;
  /** It vanished, and its records may still be on the server. */
  isGhost: boolean;
  /** We let it go: nothing of it needs to be taken away any more. */
  isReleased: boolean;
  /** A write of ours came too late: the object is a newer version than the one that we know. */
  isOutdated: boolean;
  /** When we saw this generation, milliseconds since 1970. */
  seenAt: number;
}

/** All DnsRecords that there are, by uid and by name. */
export class RecordStore {
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Map<string, Map<string, Set<Entry>>>();
  /** Those that were made of other objects, by the uid of these. */
  readonly #made = new MadeIndex<Entry>();

  /** @param onLeft - A DnsRecord does not say any more that it was made of an object, by the uid of this. */
  constructor(
    private readonly now: () => number,
    private readonly onLeft: (sourceUid: string) => void = () => undefined,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  all(): Iterable<Entry> {
    return this.#entries.values();
  }

  get(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }

  at(zone: string, name: string): readonly Entry[] {
    return [...(this.#names.get(zone)?.get(name) ?? [])];
  }

  /** Names of a zone that objects are about: all of them, or those among some. */
  namesOf(zone: string, among?: Iterable<string>): readonly string[] {
    const names = this.#names.get(zone);
    if (names === undefined) return [];
    return among === undefined ? [...names.keys()] : [...among].filter((name) => names.has(name));
  }

  /** Uids of objects that DnsRecords were made of. */
  sources(): readonly string[] {
    return this.#made.sources();
  }

  /** What was made of another object and is there, or is about to go: in the namespace that this is in, or in any. */
  madeOf(sourceUid: string, namespace?: string): readonly Entry[] {
    return this.#made
      .of(sourceUid)
      .filter(
        ({ isGhost, object }) => !isGhost && (namespace === undefined || object.metadata.namespace === namespace),
      );
  }

  /**
   * Takes a version of an object. Returns its entry when something of it matters that is new: what it says, how it is
   * marked, or a status that is not the one we wrote.
   *
   * @param isListed - It comes from a listing, which is right even where it goes back (a restored etcd).
   */
  put(object: KubeObject, isListed = false): Entry | undefined {
    const record = keptOf(object);
    const { status = {} } = object as unknown as DnsRecord;
    const known = this.#entries.get(record.metadata.uid ?? "");
    if (known === undefined) return this.#add(record, status);
    if (!isNewer(record, known.object) && !(isListed && isNewer(known.object, record))) return undefined;
    const isOverwritten = !sameStatus(status, known.status) && !(known.writing && sameStatus(status, known.writing));
    const before = sourceUidOf(known.object.metadata);
    const isNews = isOverwritten || known.isOutdated || fingerprint(known.object) !== fingerprint(record);
    if (known.object.metadata.generation !== record.metadata.generation) known.seenAt = this.now();
    if (isOverwritten) known.status = status;
    known.isOutdated = false;
    this.#unlink(known);
    Object.assign(known, { object: record, ...placeOf(record, known.applied) });
    this.#link(known);
    this.#tellLeft(before, record);
    return isNews ? known : undefined;
  }

  #tellLeft(before: string | undefined, { metadata }: DnsRecord): void {
    if (before !== undefined && before !== sourceUidOf(metadata)) this.onLeft(before);
  }

  #add(record: DnsRecord, status: DnsRecordStatus): Entry {
    const entry: Entry = {
      uid: record.metadata.uid ?? "",
      object: record,
      status,
      writing: undefined,
      applied: status.applied,
      isGhost: false,
      isReleased: false,
      isOutdated: false,
      seenAt: this.now(),
      ...placeOf(record, status.applied),
    };
    this.#entries.set(entry.uid, entry);
    this.#link(entry);
    return entry;
  }

  /** An object vanished. One that had something on the server stays as a ghost until that is taken away. */
  vanish(uid: string): Entry | undefined {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return undefined;
    const wasMarked = entry.applied ?? entry.object.metadata.annotations?.[annotations.intent];
    if (entry.name === undefined || entry.isReleased || wasMarked === undefined) {
      this.drop(entry);
      return undefined;
    }
    entry.isGhost = true;
    return entry;
  }

  /** What vanished while we did not look: all of a namespace (`*`: of all) that its listing does not have. */
  vanishedFrom(listed: readonly KubeObject[], namespace: string): readonly string[] {
    const there = new Set(listed.map(({ metadata }) => metadata?.uid));
    const isOf = ({ object }: Entry): boolean => namespace === "*" || object.metadata.namespace === namespace;
    return [...this.#entries.values()]
      .filter((entry) => isOf(entry) && !entry.isGhost && !there.has(entry.uid))
      .map(({ uid }) => uid);
  }

  drop(entry: Entry): void {
    this.#unlink(entry);
    this.#entries.delete(entry.uid);
  }

  #link(entry: Entry): void {
    this.#made.add(sourceUidOf(entry.object.metadata), entry);
    if (entry.name === undefined) return;
    const names = this.#names.get(entry.zone) ?? new Map<string, Set<Entry>>();
    const entries = names.get(entry.name) ?? new Set();
    this.#names.set(entry.zone, names.set(entry.name, entries.add(entry)));
  }

  #unlink(entry: Entry): void {
    this.#made.delete(sourceUidOf(entry.object.metadata), entry);
    const names = this.#names.get(entry.zone);
    const entries = names?.get(entry.name ?? "");
    entries?.delete(entry);
    if (entries?.size === 0) names?.delete(entry.name ?? "");
  }
}

/** What we need of an object beside its status: ten thousand with all that the API server sends are a lot of memory. */
function keptOf(object: KubeObject): DnsRecord {
  const { apiVersion, kind, metadata, spec } = object as unknown as DnsRecord;
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  const { finalizers, annotations: all = {} } = metadata;
  const read = Object.values(annotations).flatMap((each) => (all[each] === undefined ? [] : [[each, all[each]]]));
  const kept = { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, finalizers };
  const present = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  const others = { annotations: Object.fromEntries(read) as Record<string, string>, ...madeOf(metadata) };
  return { apiVersion, kind, metadata: { ...present, name, ...others }, spec };
}

/** What an object that was made of another one says of that. */
function madeOf({ labels, ownerReferences = [] }: DnsRecord["metadata"]): Partial<DnsRecord["metadata"]> {
  const source = labels?.[sourceLabel];
  if (source === undefined) return {};
  return {
    labels: { [sourceLabel]: source },
    ownerReferences: ownerReferences.map(({ kind, name, uid }) => ({ kind, name, uid })),
  };
}

/**
 * Takes what a write of ours gave back, unless a later version was seen meanwhile; not one that belongs to another object,
 * which the watch brings, and which is found elsewhere then.
 */
export function takeWritten(entry: Entry, object: KubeObject): void {
  const record = keptOf(object);
  const isMoved = sourceUidOf(record.metadata) !== sourceUidOf(entry.object.metadata);
  if (!isMoved && isNewer(record, entry.object)) entry.object = record;
}

/**
 * Whether a version of an object is a later one: events of a watch may come after the answers to writes that followed
 * them.
 */
function isNewer(a: DnsRecord, b: DnsRecord): boolean {
  return isLaterVersion(a.metadata.resourceVersion ?? "", b.metadata.resourceVersion ?? "");
}

/** What a spec says, and the zone and name that it is about: those that were applied where it says nothing. */
function placeOf({ spec }: DnsRecord, applied: AppliedSet | undefined): Pick<Entry, "reading" | "zone" | "name"> {
  const reading = recordSetOf(spec);
  if (reading.kind === "set") return { reading, zone: reading.set.zone, name: reading.set.name };
  return { reading, zone: applied?.zone ?? foldName(spec.zone), name: applied?.name };
}

/** The uid of what an object was made of; undefined where somebody wrote it. */
export function sourceUidOf({ labels, ownerReferences }: DnsRecord["metadata"]): string | undefined {
  const kind = labels?.[sourceLabel];
  return kind === undefined ? undefined : ownerReferences?.find((owner) => owner.kind === kind)?.uid;
}

/** For people: namespace and name. */
export function labelOf({ object }: Entry): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

/** Whether an object is on its way out, or out already. */
export function isLeaving({ object, isGhost }: Entry): boolean {
  return isGhost || object.metadata.deletionTimestamp !== undefined;
}

/** Whether an object's status says that every site answers this version of it; with the reason, if one is given. */
export function isProgrammed({ status }: Entry, generation: number | undefined, reason?: string): boolean {
  const programmed = status.conditions?.find(({ type }) => type === "Programmed");
  if (programmed?.status !== "True" || programmed.observedGeneration !== generation) return false;
  return reason === undefined || programmed.reason === reason;
}

/** Whether an object carries an annotation with the value "true". */
export function isAnnotated({ object }: Entry, name: string): boolean {
  return object.metadata.annotations?.[name] === "true";
}

/**
 * What planning needs to know of an object. One with a spec that is refused stands for what was applied of it last.
 *
 * @param more.reading - What counts of its spec.
 * @param more.holder - Whose the names are that it takes.
 */
export function claimantOf(
  entry: Entry,
  { reading = entry.reading, holder }: { readonly reading?: SpecReading; readonly holder?: string | undefined } = {},
): Claimant {
  const { uid, object } = entry;
  const applied = appliedSet(entry);
  const wanted = reading.kind === "set" ? reading.set : applied;
  const intent = object.metadata.annotations?.[annotations.intent];
  return {
    uid,
    label: labelOf(entry),
    created: object.metadata.creationTimestamp ?? "",
    deleting: isLeaving(entry),
    adopts: isAnnotated(entry, annotations.adopt),
    ...(holder !== undefined && { holder }),
    ...(intent !== undefined && { intent }),
    ...(wanted && { wanted }),
    ...(applied && { applied }),
  };
}

/** The set that the status remembers; nothing when somebody wrote something else there. */
function appliedSet({ applied }: Entry): RecordSet | undefined {
  if (applied === undefined) return undefined;
  try {
    return recordSetOfApplied(applied);
  } catch {
    // What cannot be read cannot be taken away either: it is as if nothing had been applied.
    return undefined;
  }
}

function fingerprint({ metadata }: DnsRecord): string {
  const { generation, deletionTimestamp, finalizers, annotations: all } = metadata;
  const read = [all?.[annotations.adopt], all?.[annotations.abandon]];
  return JSON.stringify([generation, deletionTimestamp, finalizers?.includes(finalizer), sourceUidOf(metadata), read]);
}
