import { foldName } from "../../../base/names";
import type { KubeObject } from "../../../kube/answer";
import { isLaterVersion } from "../../../kube/watch";
import { type Decision, freshMemory, type PoolMemory } from "../../../pools/decision";
import type { Pool, PoolSpec, PoolStatus } from "../../../pools/model";
import { poolOf, type PoolReading } from "../../../pools/spec";
import { checkId, poolId } from "../../../pools/wire";
import type { DnsRecordSpec, DnsRecordStatus } from "../../../records/model";
import { sourceLabel } from "../../../records/sources/kinds";
import { MadeIndex } from "../made-index";

/** What is known of a DnsRecord that a pool's answer is written as. */
export interface AnswerRecord {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** Uid of the pool that it belongs to; undefined for one that somebody else made. */
  readonly owner: string | undefined;
  readonly spec: DnsRecordSpec;
  readonly status: DnsRecordStatus;
}

/** A DnsPool with what follows from it. */
export interface PoolEntry {
  readonly uid: string;
  object: {
    readonly kind: string;
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly generation: number;
      readonly creationTimestamp: string;
    };
    readonly isLeaving: boolean;
    /** What it was made of; missing where somebody wrote it. */
    readonly source?: { readonly kind: string; readonly uid: string };
  };
  /** The status that the API server has, as far as we know. */
  status: PoolStatus;
  reading: PoolReading;
  zone: string;
  /** How sites call it, and the ids of its targets' checks; those of targets without one are missing. */
  id: string;
  checkIds: readonly (string | undefined)[];
  memory: PoolMemory | undefined;
  decision: Decision | undefined;
  /** The record that its answer is written as. */
  record: AnswerRecord | undefined;
}

/** All DnsPools that there are, and the DnsRecords that are marked as their answers. */
export class PoolStore {
  readonly #entries = new Map<string, PoolEntry>();
  /** The same by namespace and name. */
  readonly #byName = new Map<string, PoolEntry>();
  /** Those that were made of other objects, by the uid of these. */
  readonly #made = new MadeIndex<string>();
  /** DnsRecords with the label of a pool, by namespace and name. */
  readonly #records = new Map<string, AnswerRecord>();

  /** @param onTouch - Something of a pool, or of its record, is new, or it is gone. */
  constructor(private readonly onTouch: (entry: PoolEntry, gone: boolean) => void = () => undefined) {}

  get size(): number {
    return this.#entries.size;
  }

  all(): Iterable<PoolEntry> {
    return this.#entries.values();
  }

  get(uid: string): PoolEntry | undefined {
    return this.#entries.get(uid);
  }

  /** The pool of a name. */
  named(namespace: string, name: string): PoolEntry | undefined {
    return this.#byName.get(keyOf({ namespace, name }));
  }

  /** Uids of objects that pools were made of. */
  sources(): readonly string[] {
    return this.#made.sources();
  }

  /** What was made of another object and is there, or is about to go: in the namespace that this is in, or in any. */
  madeOf(sourceUid: string, namespace?: string): readonly PoolEntry[] {
    return this.#made
      .of(sourceUid)
      .flatMap((uid) => this.#entries.get(uid) ?? [])
      .filter(({ object }) => namespace === undefined || object.metadata.namespace === namespace);
  }

  /** Takes a version of a pool. Older ones are passed over, unless they come from a listing. */
  put(object: KubeObject, isListed = false): void {
    const kept = keptOf(object);
    const { metadata } = kept;
    const { uid, generation, resourceVersion } = metadata;
    const known = this.#entries.get(uid);
    if (known !== undefined && !isListed && !isLaterVersion(resourceVersion, known.object.metadata.resourceVersion))
      return;
    const status = (object["status"] ?? {}) as PoolStatus;
    this.#made.delete(known?.object.source?.uid, uid);
    this.#made.add(kept.source?.uid, uid);
    if (known?.object.metadata.generation === generation) {
      // Whoever it belonged to before learns of it, too.
      if (known.object.source?.uid !== kept.source?.uid) this.onTouch(known, false);
      Object.assign(known, { object: kept, status });
      this.onTouch(known, false);
      return;
    }
    const entry: PoolEntry = {
      uid,
      object: kept,
      status,
      memory: known?.memory,
      decision: undefined,
      record: this.#records.get(keyOf(metadata)),
      ...placeOf(object["spec"] as PoolSpec),
    };
    this.#entries.set(uid, entry);
    this.#byName.set(keyOf(metadata), entry);
    if (known !== undefined) this.onTouch(known, true);
    this.onTouch(entry, false);
  }

  /** A pool is gone: what owns its record takes that away. */
  vanish(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    // Another one may have its name by now.
    const key = keyOf(entry.object.metadata);
    if (this.#byName.get(key) === entry) this.#byName.delete(key);
    this.#made.delete(entry.object.source?.uid, uid);
    this.onTouch(entry, true);
  }

  /** What of a namespace (`*`: of all) is no more among what is listed. */
  keepOnly(listed: readonly KubeObject[], namespace: string): void {
    const there = new Set(listed.map(({ metadata }) => metadata?.uid));
    for (const { uid, object } of [...this.#entries.values()])
      if ((namespace === "*" || object.metadata.namespace === namespace) && !there.has(uid)) this.vanish(uid);
  }

  /** Takes a version of a DnsRecord; `gone` for one that was deleted. */
  putRecord(object: KubeObject, gone = false): void {
    const key = keyOf(object.metadata);
    const known = this.#records.get(key);
    const record = recordOf(object);
    if (known?.uid === record.uid && isLaterVersion(known.resourceVersion, record.resourceVersion)) return;
    if (gone) this.#records.delete(key);
    else this.#records.set(key, record);
    this.#link(key);
  }

  /** What of a namespace's records is no more among what is listed. */
  keepOnlyRecords(listed: readonly KubeObject[], namespace: string): void {
    const there = new Set(listed.map(({ metadata }) => keyOf(metadata)));
    for (const key of [...this.#records.keys()]) {
      if ((namespace !== "*" && !key.startsWith(`${namespace}/`)) || there.has(key)) continue;
      this.#records.delete(key);
      this.#link(key);
    }
  }

  #link(key: string): void {
    const entry = this.#byName.get(key);
    if (entry === undefined) return;
    entry.record = this.#records.get(key);
    this.onTouch(entry, false);
  }
}

function keptOf({ kind = "DnsPool", metadata = {} }: KubeObject): PoolEntry["object"] {
  const { name = "", namespace = "default", uid = "", resourceVersion = "", generation = 0 } = metadata;
  const { creationTimestamp = "", deletionTimestamp, labels } = metadata;
  const source = ownersOf(metadata).find((owner) => owner.kind === labels?.[sourceLabel]);
  return {
    kind,
    metadata: { name, namespace, uid, resourceVersion, generation, creationTimestamp },
    isLeaving: deletionTimestamp !== undefined,
    ...(source?.uid !== undefined && { source: { kind: source.kind ?? "", uid: source.uid } }),
  };
}

/** What an object is found by beside its uid. */
function keyOf({ namespace = "default", name = "" }: KubeObject["metadata"] = {}): string {
  return `${namespace}/${name}`;
}

/** What is remembered of a pool that was not decided on yet: the answer that it has. */
export function memoryOf(entry: PoolEntry): PoolMemory {
  return entry.memory ?? freshMemory(writtenValues(entry));
}

/** The values that a pool's record has, in the pool's order. */
export function writtenValues({ record }: PoolEntry): readonly string[] {
  return record?.spec.values ?? [];
}

function placeOf(spec: PoolSpec): Pick<PoolEntry, "reading" | "zone" | "id" | "checkIds"> {
  const reading = readingOf(spec);
  if (reading.kind === "refused") return { reading, zone: foldName(spec.zone), id: "", checkIds: [] };
  const { pool } = reading;
  return { reading, zone: pool.zone, id: poolId(pool), checkIds: checkIdsOf(pool) };
}

/** An object of an older definition may lack anything. */
function readingOf(spec: PoolSpec): PoolReading {
  try {
    return poolOf(spec);
  } catch (error) {
    return { kind: "refused", problems: [`spec cannot be read: ${error instanceof Error ? error.message : ""}`] };
  }
}

function checkIdsOf({ targets }: Pool): readonly (string | undefined)[] {
  return targets.map(({ check }) => check && checkId(check));
}

interface Owner {
  readonly kind?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

function ownersOf(metadata: KubeObject["metadata"]): readonly Owner[] {
  return ((metadata ?? {}) as { readonly ownerReferences?: readonly Owner[] }).ownerReferences ?? [];
}

function recordOf(object: KubeObject): AnswerRecord {
  const { uid = "", resourceVersion = "", generation = 0 } = object.metadata ?? {};
  return {
    uid,
    resourceVersion,
    generation,
    owner: ownersOf(object.metadata).find(({ kind, controller }) => kind === "DnsPool" && controller === true)?.uid,
    spec: object["spec"] as DnsRecordSpec,
    status: object["status"] ?? {},
  };
}
