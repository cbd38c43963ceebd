/**
 * Resource records as the rest of the house sees them.
 *
 * Names are absolute, lower-case, in presentation form without the trailing dot; the root is "". Octets that are not
 * plain label characters are escaped as in RFC 1035 section 5.1 (`\.` and `\DDD`).
 */

/** What stands in the CLASS field. NONE and ANY occur in updates (RFC 2136) and in TSIG (RFC 8945). */
export type RecordClass = "IN" | "CH" | "NONE" | "ANY";

/** SOA RDATA (RFC 1035 section 3.3.13); times in seconds. */
export interface SoaData {
  readonly type: "SOA";
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** RDATA by type. A type without a variant of its own is carried as its octets (RFC 3597). */
export type RecordData =
  | SoaData
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "NS" | "CNAME" | "PTR" | "DNAME"; readonly target: string }
  /** One character per octet (latin-1), at most 255 octets a string. */
  | { readonly type: "TXT"; readonly strings: readonly string[] }
  | { readonly type: "MX"; readonly preference: number; readonly exchange: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: "CAA"; readonly flags: number; readonly tag: string; readonly value: string }
  /** `typeName` is the mnemonic when there is one, `TYPE1234` otherwise (RFC 3597 section 5). */
  | { readonly type: "OTHER"; readonly typeName: string; readonly rdata: Uint8Array };

/** One resource record. TTL in seconds. */
export type ResourceRecord = {
  readonly name: string;
  readonly class: RecordClass;
  readonly ttl: number;
} & RecordData;

/** The serial of a whole zone; undefined without an SOA record. */
export function serialIn(records: readonly ResourceRecord[]): number | undefined {
  const soa = records.find(({ type }) => type === "SOA");
  return soa?.type === "SOA" ? soa.serial : undefined;
}
