import { DnsError } from "./errors";
import type { ZoneChange } from "./incremental";
import { recordKey, typeNameOf } from "./rdata";
import type { ResourceRecord } from "./record";
import type { Soa } from "./transfer-stream";

type Rrset = Map<string, ResourceRecord>;

/**
 * A zone by names and types, loaded once and then kept current by what changed (RFC 1995). Records are the same when
 * owner, type and RDATA are; the TTL does not tell them apart.
 */
export class ZoneCopy {
  #soa: Soa | undefined;
  #names = new Map<string, Map<string, Rrset>>();

  /** @param skips - Types that are not kept, and of whose changes nothing is known. The SOA record always is. */
  constructor(private readonly skips: ReadonlySet<string> = new Set()) {}

  /** Undefined before {@link load}, and after changes that did not fit. */
  get soa(): Soa | undefined {
    return this.#soa;
  }

  /** The RRsets at a name, by type, without the SOA record. */
  at(name: string): ReadonlyMap<string, readonly ResourceRecord[]> {
    const types = this.#names.get(name) ?? new Map<string, Rrset>();
    return new Map([...types].map(([type, records]) => [type, [...records.values()]]));
  }

  /** All records, the SOA first; none before {@link load}. */
  records(): ResourceRecord[] {
    if (this.#soa === undefined) return [];
    const others = [...this.#names.values()].flatMap((types) =>
      [...types.values()].flatMap((set) => [...set.values()]),
    );
    return [this.#soa, ...others];
  }

  /** Takes a whole zone in place of what was there. */
  load(records: readonly ResourceRecord[]): void {
    this.#clear();
    for (const record of records) {
      if (record.type === "SOA") this.#soa = record;
      else if (!this.#isSkipped(record)) this.#rrset(record).set(recordKey(record), record);
    }
  }

  /**
   * Makes changes, one after the other.
   *
   * @returns the names whose kept records changed.
   * @throws DnsError `notApplicable` when a change starts from another serial, deletes what is not there, or adds what
   * is: copy and changes do not belong together. The copy is empty then, and only a whole transfer helps.
   */
  apply(changes: readonly ZoneChange[]): ReadonlySet<string> {
    const changed = new Set<string>();
    try {
      for (const { from, to, deleted, added } of changes) {
        if (this.#soa?.serial !== from.serial) throw notApplicable(`the change is of serial ${from.serial}`);
        for (const record of this.#kept(deleted, changed)) this.#delete(record);
        for (const record of this.#kept(added, changed)) this.#add(record);
        this.#soa = to;
      }
    } catch (error) {
      this.#clear();
      throw error;
    }
    return changed;
  }

  *#kept(records: readonly ResourceRecord[], names: Set<string>): Generator<ResourceRecord> {
    for (const record of records) {
      if (this.#isSkipped(record)) continue;
      names.add(record.name);
      yield record;
    }
  }

  #isSkipped(record: ResourceRecord): boolean {
    return this.skips.has(typeNameOf(record));
  }

  #add(record: ResourceRecord): void {
    const records = this.#rrset(record);
    const key = recordKey(record);
    if (records.has(key)) throw notApplicable(`"${record.name}" has the added record already`);
    records.set(key, record);
  }

  #delete(record: ResourceRecord): void {
    const records = this.#rrset(record);
    if (!records.delete(recordKey(record))) throw notApplicable(`"${record.name}" has no such record to delete`);
    if (records.size > 0) return;
    const types = this.#names.get(record.name);
    types?.delete(typeNameOf(record));
    if (types?.size === 0) this.#names.delete(record.name);
  }

  #rrset(record: ResourceRecord): Rrset {
    const type = typeNameOf(record);
    const types = this.#names.get(record.name) ?? new Map<string, Rrset>();
    this.#names.set(record.name, types);
    const records = types.get(type) ?? new Map<string, ResourceRecord>();
    types.set(type, records);
    return records;
  }

  #clear(): void {
    this.#soa = undefined;
    this.#names = new Map();
  }
}

function notApplicable(detail: string): DnsError {
  return new DnsError({ kind: "notApplicable", detail });
}
