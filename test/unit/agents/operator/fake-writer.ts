import type { DnsServer } from "../../../../src/dns/client/dns-client";
import { DnsError, type DnsFailure } from "../../../../src/dns/errors";
import type { IncrementalTransfer, ZoneChange } from "../../../../src/dns/incremental";
import { recordKey } from "../../../../src/dns/rdata";
import type { Message } from "../../../../src/dns/message";
import type { ResourceRecord } from "../../../../src/dns/record";
import type { Soa } from "../../../../src/dns/transfer-stream";
import type { Prerequisite, ZoneUpdate } from "../../../../src/dns/update";
import { ZoneCopy } from "../../../../src/dns/zone-copy";
import type { TestClock } from "./test-clock";

interface Zone {
  readonly copy: ZoneCopy;
  readonly changes: ZoneChange[];
}

/** A site's server, which takes updates and gives transfers as Knot does. */
export class FakeWriter {
  /** What was asked for, in order: `SOA zone`, `AXFR zone`, `IXFR zone`, `UPDATE zone`. */
  readonly asked: string[] = [];
  readonly updates: ZoneUpdate[] = [];
  /** Addresses that were asked. */
  readonly servers = new Set<string>();
  /** What the server has against an update, beside its prerequisites. */
  refusal: (update: ZoneUpdate) => DnsFailure | undefined = () => undefined;
  /** Called before an update is looked at: what others change at the last moment. */
  beforeUpdate: () => void = () => undefined;
  /** The server takes updates, and leaves their changes out. */
  isDeaf = false;
  /** Zones about which the server does not answer, or all. */
  readonly silent = new Set<string>();
  /** As `UPDATE`, what of these the server does not answer, about any zone. */
  readonly silentTo = new Set<string>();
  /** Zones about which the server refuses everything. */
  readonly refusing = new Set<string>();
  readonly #zones = new Map<string, Zone>();

  constructor(private readonly clock: TestClock) {}

  /** Serves a zone, from these records on. */
  serve(zone: string, records: readonly ResourceRecord[] = [], serial = 1): void {
    const copy = new ZoneCopy();
    copy.load([soaOf(zone, serial), ...records]);
    this.#zones.set(zone, { copy, changes: [] });
  }

  /** Serves records as they are, SOA included. */
  load(zone: string, records: readonly ResourceRecord[]): void {
    const copy = new ZoneCopy();
    copy.load(records);
    this.#zones.set(zone, { copy, changes: [] });
  }

  /** Everything that a zone has. */
  records(zone: string): readonly ResourceRecord[] {
    return this.#zone(zone).copy.records();
  }

  serial(zone: string): number {
    return this.#zone(zone).copy.soa?.serial ?? 0;
  }

  /** Addresses of A records at a name, relative to the zone. */
  addresses(name: string, zone = "a.example"): readonly string[] {
    const records = this.#zone(zone).copy.at(`${name}.${zone}`).get("A") ?? [];
    return records.flatMap((each) => (each.type === "A" ? each.address : [])).sort();
  }

  /** TTLs of A records at a name, relative to the zone. */
  ttls(name: string, zone = "a.example"): readonly number[] {
    return (this.#zone(zone).copy.at(`${name}.${zone}`).get("A") ?? []).map(({ ttl }) => ttl);
  }

  /** How often something was asked for. */
  count(what: string): number {
    return this.asked.filter((each) => each.startsWith(what)).length;
  }

  /** What somebody else changes. */
  change(zone: string, records: { deleted?: readonly ResourceRecord[]; added?: readonly ResourceRecord[] }): void {
    const { copy, changes } = this.#zone(zone);
    const { soa } = copy;
    if (soa === undefined) throw new Error(`${zone} is empty`);
    const change = { from: soa, to: soaOf(zone, soa.serial + 1), deleted: [], added: [], ...records };
    copy.apply([change]);
    changes.push(change);
  }

  /** A client that ends with a signal. */
  client(signal?: AbortSignal) {
    const answer = async <T>(
      { address }: DnsServer,
      { what, zone }: { readonly what: string; readonly zone: string },
      act: () => T,
    ): Promise<T> => {
      this.servers.add(address);
      this.asked.push(`${what} ${zone}`);
      await Promise.resolve();
      const isSilent = (): boolean => this.silent.has(zone) || this.silentTo.has(what);
      if (isSilent()) await this.clock.pause(2000, signal ?? new AbortController().signal);
      if (signal?.aborted === true) throw new DnsError({ kind: "aborted" });
      if (isSilent()) throw new DnsError({ kind: "timeout", afterMs: 2000 });
      if (this.refusing.has(zone)) throw new DnsError({ kind: "rcode", rcode: "SERVFAIL" });
      return act();
    };
    return {
      query: (at: DnsServer, name: string, type: string) => {
        const zone = [...this.#zones.keys()].find((each) => name === each || name.endsWith(`.${each}`)) ?? name;
        return answer(at, { what: type, zone }, () => {
          const { copy } = this.#zone(zone);
          return {
            answers: copy.records().filter((each) => each.name === name && each.type === type),
          } as unknown as Message;
        });
      },
      querySoa: (at: DnsServer, zone: string) => answer(at, { what: "SOA", zone }, () => this.#soa(zone)),
      transfer: (at: DnsServer, zone: string) =>
        answer(at, { what: "AXFR", zone }, () => this.#zone(zone).copy.records()),
      transferIncremental: (at: DnsServer, { zone, serial }: { zone: string; serial: number }) =>
        answer(at, { what: "IXFR", zone }, () => this.#since(zone, serial)),
      update: (at: DnsServer, update: ZoneUpdate) =>
        answer(at, { what: "UPDATE", zone: update.zone }, () => {
          this.#update(update);
        }),
    };
  }

  #zone(zone: string): Zone {
    const found = this.#zones.get(zone);
    if (found === undefined) throw new DnsError({ kind: "refused" });
    return found;
  }

  #soa(zone: string): Soa {
    const { soa } = this.#zone(zone).copy;
    if (soa === undefined) throw new DnsError({ kind: "rcode", rcode: "SERVFAIL" });
    return soa;
  }

  #since(zone: string, serial: number): IncrementalTransfer {
    const { changes, copy } = this.#zone(zone);
    const from = changes.findIndex((change) => change.from.serial === serial);
    if (from >= 0) return { kind: "incremental", changes: changes.slice(from) };
    const soa = this.#soa(zone);
    return serial >= soa.serial ? { kind: "upToDate", soa } : { kind: "full", records: copy.records() };
  }

  #update(update: ZoneUpdate): void {
    this.beforeUpdate();
    this.updates.push(update);
    for (const prerequisite of update.prerequisites ?? []) this.#check(update.zone, prerequisite);
    const failure = this.refusal(update);
    if (failure !== undefined) throw new DnsError(failure);
    if (this.isDeaf) return;
    const { copy } = this.#zone(update.zone);
    const deleted = update.changes.flatMap((each) =>
      each.kind === "deleteRrset"
        ? [...(copy.at(each.name).get(each.type) ?? [])]
        : each.kind === "deleteRecord"
          ? [each.record]
          : [],
    );
    const records = update.changes.flatMap((each) => (each.kind === "add" ? each.record : []));
    const added = records.filter(({ type }) => type !== "SOA");
    const isNewer = records.some((each) => each.type === "SOA" && each.serial > this.serial(update.zone));
    // Knot takes TTLs alone for no change.
    if (isNewer || keysOf(deleted) !== keysOf(added)) this.change(update.zone, { deleted, added });
  }

  #check(zone: string, prerequisite: Prerequisite): void {
    const { copy } = this.#zone(zone);
    if (prerequisite.kind === "rrsetAbsent") {
      if (copy.at(prerequisite.name).has(prerequisite.type)) throw new DnsError({ kind: "rcode", rcode: "YXRRSET" });
    } else if (prerequisite.kind === "rrsetExists") {
      if (!copy.at(prerequisite.name).has(prerequisite.type)) throw new DnsError({ kind: "rcode", rcode: "NXRRSET" });
    } else if (prerequisite.kind === "rrsetIs") {
      const [first] = prerequisite.records;
      const there = (first && copy.at(first.name).get(first.type === "OTHER" ? first.typeName : first.type)) ?? [];
      if (keysOf(there) !== keysOf(prerequisite.records)) throw new DnsError({ kind: "rcode", rcode: "NXRRSET" });
    } else throw new Error(`the operator does not use ${prerequisite.kind}`);
  }
}

function keysOf(records: readonly ResourceRecord[]): string {
  return records.map(recordKey).sort().join();
}

/** An A record. */
export function addressAt(name: string, address: string, ttl = 60): ResourceRecord {
  return { name, class: "IN", ttl, type: "A", address };
}

function soaOf(zone: string, serial: number): Soa {
  const times = { refresh: 60, retry: 10, expire: 3600, minimum: 60 };
  return { name: zone, class: "IN", ttl: 60, type: "SOA", mname: "m", rname: "r", serial, ...times };
}
