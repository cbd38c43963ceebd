import { absolute } from "./name";
import { formatRdata, typeNameOf } from "./rdata";
import type { ResourceRecord, SoaData } from "./record";

/**
 * A zone in master-file format (RFC 1035 section 5), a record a line: owners relative to the zone's name, and the TTL only
 * where it is not that of the first record.
 */
export function printZone(zone: string, records: readonly ResourceRecord[]): string {
  const ttl = records[0]?.ttl ?? 0;
  const end = `.${zone}`;
  const owner = (name: string): string => {
    if (name === zone) return "@";
    return name.endsWith(end) ? absolute(name.slice(0, -end.length)).slice(0, -1) : absolute(name);
  };
  const lines = records.map((record) => {
    const own = record.ttl === ttl ? "" : `${record.ttl} `;
    return `${owner(record.name)} ${own}${typeNameOf(record)} ${formatRdata(record)}`;
  });
  return [`$ORIGIN ${absolute(zone)}`, `$TTL ${ttl}`, ...lines, ""].join("\n");
}

/** Times of a zone's SOA record (RFC 1035 section 3.3.13), in seconds. */
export type SoaTimers = Pick<SoaData, "refresh" | "retry" | "expire" | "minimum">;

/** A zone's SOA record. Its TTL is that of negative answers (RFC 2308 section 4). */
export function soaRecord(
  zone: string,
  soa: Omit<SoaData, "type" | keyof SoaTimers> & { readonly timers: SoaTimers },
): ResourceRecord {
  const { timers, mname, rname, serial } = soa;
  return { name: zone, class: "IN", ttl: timers.minimum, type: "SOA", mname, rname, serial, ...timers };
}
