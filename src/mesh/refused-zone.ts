import type { ResourceRecord } from "../dns/record";
import type { RefusalKind } from "./view";

/** A central zone that cannot be trusted as a whole. */
export class RefusedZone extends Error {
  override readonly name = "RefusedZone";

  constructor(
    readonly kind: RefusalKind,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The serial of a transferred zone.
 *
 * @throws RefusedZone when there is no SOA record at the apex.
 */
export function serialOf(zone: string, records: readonly ResourceRecord[]): number {
  if (records.length === 0) throw new RefusedZone("empty", `zone ${zone} has no records`);
  const soa = records.find((record) => record.type === "SOA" && record.name === zone);
  if (soa?.type !== "SOA") throw new RefusedZone("malformed", `zone ${zone} has no SOA record`);
  return soa.serial;
}

/** The strings of all TXT records of a zone, by name. A name with several records has several lists. */
export function textsByName(records: readonly ResourceRecord[]): ReadonlyMap<string, readonly (readonly string[])[]> {
  const texts = new Map<string, (readonly string[])[]>();
  for (const record of records) {
    if (record.type !== "TXT" || record.class !== "IN") continue;
    const known = texts.get(record.name);
    if (known === undefined) texts.set(record.name, [record.strings]);
    else known.push(record.strings);
  }
  return texts;
}
