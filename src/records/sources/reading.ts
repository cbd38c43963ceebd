import { ipVersion } from "../../dns/address";
import type { RecordType } from "../model";

/** What every source has, as far as it counts here. */
export interface SourceMetadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A name with its targets of one type. */
export interface SourceRecord {
  /** Absolute, lower case, without the trailing dot. */
  readonly name: string;
  readonly type: RecordType;
  /** As external-dns has them, sorted: addresses, names without the trailing dot, or the other types' data. */
  readonly targets: readonly string[];
  /** Seconds; missing where the object says none. */
  readonly ttl?: number;
}

/** What of a source cannot be a record: one that is there already stays. */
export interface SourceFault {
  readonly name: string;
  readonly type: string;
  /** A sentence. */
  readonly message: string;
}

/** Types of records with addresses. */
export const addressTypes = ["A", "AAAA"] as const;

/** A name that leads to no address of a family now. */
export interface BareName {
  readonly name: string;
  readonly type: (typeof addressTypes)[number];
}

/** What a source asks for. */
export interface SourceReading {
  readonly records: readonly SourceRecord[];
  readonly faults: readonly SourceFault[];
  /** Names that it asks for, with the types of addresses of which they have none now; without those that lead to a name. */
  readonly bare?: readonly BareName[];
  /**
   * Something that it takes is not known, so that nothing may be made or taken away; what to do about it, or nothing where it will be
   * known by itself.
   */
  readonly unknown?: { readonly cure?: string };
}

export const nothing: SourceReading = { records: [], faults: [] };

/** Names with what they point to, before it is told apart by type. */
export interface Pointing {
  readonly host: string;
  readonly targets: readonly string[];
}

/** What a source asks for that says where its names lead. */
export function readingOfPointing(pointing: readonly Pointing[], ttl: number | undefined): SourceReading {
  const records = recordsOfPointing(pointing, ttl);
  const led = new Set(records.map(({ name, type }) => `${name} ${type}`));
  const names = [...new Set(pointing.map(({ host }) => plainName(host)))];
  const bare = names
    .filter((name) => !led.has(`${name} CNAME`))
    .flatMap((name) =>
      addressTypes.filter((type) => !led.has(`${name} ${type}`)).map((type): BareName => ({ name, type })),
    );
  return { records, faults: [], ...(bare.length > 0 && { bare }) };
}

/** Records of names that point to addresses and names. */
function recordsOfPointing(pointing: readonly Pointing[], ttl: number | undefined): readonly SourceRecord[] {
  return merged(
    pointing.flatMap(({ host, targets }) =>
      targets.map((target) => ({
        name: plainName(host),
        type: typeOf(target),
        targets: [plainName(target)],
        ...(ttl !== undefined && { ttl }),
      })),
    ),
  );
}

/**
 * One record for each name and type, with all targets. A CNAME beside other types cannot be (RFC 1034 section 3.6.2), and gives way to
 * them, as it does with external-dns.
 */
export function merged(parts: readonly SourceRecord[]): readonly SourceRecord[] {
  const found = new Map<string, SourceRecord>();
  for (const part of parts) {
    const key = `${part.name} ${part.type}`;
    const targets = new Set([...(found.get(key)?.targets ?? []), ...part.targets]);
    found.set(key, { ...part, ...found.get(key), targets: [...targets].sort() });
  }
  const others = new Set([...found.values()].flatMap(({ name, type }) => (type === "CNAME" ? [] : [name])));
  return [...found.values()].filter(({ name, type }) => type !== "CNAME" || !others.has(name));
}

/** A name in lower case without the trailing dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function typeOf(target: string): "A" | "AAAA" | "CNAME" {
  const version = ipVersion(target);
  return version === undefined ? "CNAME" : version === 6 ? "AAAA" : "A";
}
