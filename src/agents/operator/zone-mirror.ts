import { recordKey } from "../../dns/rdata";
import type { ResourceRecord } from "../../dns/record";
import type { DnsClient, DnsServer } from "../../io/dns-client";
import type { TsigKey } from "../../mesh/model";
import type { ServedName } from "../../plan/records";

/** What Knot makes by itself when it signs a zone, and what the zone's owner alone writes. */
const ignored = new Set(["SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"]);
const nothing: ServedName = new Map();

/** A zone as its writer has it: transferred once, and followed by what changed since. */
export class ZoneMirror {
  #serial: number | undefined;
  #names = new Map<string, Map<string, Map<string, ResourceRecord>>>();

  constructor(
    private readonly o: {
      readonly zone: string;
      readonly dns: Pick<DnsClient, "transfer" | "transferIncremental">;
      readonly writer: DnsServer;
      readonly key: TsigKey;
    },
  ) {}

  /** The serial of what we have; undefined before the first {@link follow}. */
  get serial(): number | undefined {
    return this.#serial;
  }

  /** RRsets at a name, by type. */
  at(name: string): ServedName {
    const types = this.#names.get(name);
    if (types === undefined) return nothing;
    return new Map([...types].map(([type, records]) => [type, [...records.values()]]));
  }

  /**
   * Takes what changed at the writer.
   *
   * @returns the names that changed; undefined when the zone came as a whole.
   * @throws DnsError when the writer does not give it.
   */
  async follow(): Promise<ReadonlySet<string> | undefined> {
    const { zone, dns, writer, key } = this.o;
    if (this.#serial === undefined) {
      this.#load(await dns.transfer(writer, zone, key));
      return undefined;
    }
    const answer = await dns.transferIncremental(writer, { zone, serial: this.#serial }, key);
    if (answer.kind === "upToDate") {
      if (answer.soa.serial === this.#serial) return new Set();
      // The zone went back: its volume was lost. What we have says nothing of it.
      this.#load(await dns.transfer(writer, zone, key));
      return undefined;
    }
    if (answer.kind === "full") {
      this.#load(answer.records);
      return undefined;
    }
    const changed = new Set<string>();
    for (const { deleted, added, to } of answer.changes) {
      for (const record of deleted) this.#take(record, changed, (records, id) => records.delete(id));
      for (const record of added) this.#take(record, changed, (records, id) => records.set(id, record));
      this.#serial = to.serial;
    }
    return changed;
  }

  #load(records: readonly ResourceRecord[]): void {
    this.#names = new Map();
    for (const record of records) {
      if (record.type === "SOA") this.#serial = record.serial;
      this.#take(record, new Set(), (all, id) => all.set(id, record));
    }
  }

  #take(
    record: ResourceRecord,
    changed: Set<string>,
    act: (records: Map<string, ResourceRecord>, id: string) => void,
  ): void {
    const type = record.type === "OTHER" ? record.typeName : record.type;
    if (ignored.has(type)) return;
    changed.add(record.name);
    const types = this.#names.get(record.name) ?? new Map<string, Map<string, ResourceRecord>>();
    const records = types.get(type) ?? new Map<string, ResourceRecord>();
    act(records, recordKey(record));
    if (records.size > 0) types.set(type, records);
    else types.delete(type);
    if (types.size > 0) this.#names.set(record.name, types);
    else this.#names.delete(record.name);
  }
}
