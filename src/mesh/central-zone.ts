import type { ResourceRecord } from "../dns/record";
import { soaRecord } from "../dns/zone-text";
import type { Mesh } from "./model";
import type { RefusalKind } from "./view";
import { catalogSites, serverName } from "./welcome";

/** Sites poll a central zone every minute even when a NOTIFY was lost, and serve it for 42 days without the primary. */
const timers = { refresh: 60, retry: 10, expire: 3_628_800, minimum: 60 };

/** The SOA record of a central zone. */
export function apexRecord(mesh: Mesh, zone: string): ResourceRecord {
  const primary = catalogSites(mesh)[0];
  const mname = primary === undefined ? "invalid" : serverName(primary.name, mesh.directoryZone);
  return soaRecord(zone, { mname, rname: `hostmaster.${mesh.directoryZone}`, serial: 1, timers });
}

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

/** `key=value` strings, by key. What has another form is ignored, so that later versions may add to it. */
export function factsOf(strings: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const facts = new Map<string, string[]>();
  for (const string of strings) {
    const at = string.indexOf("=");
    if (at < 1) continue;
    const key = string.slice(0, at);
    facts.set(key, [...(facts.get(key) ?? []), string.slice(at + 1)]);
  }
  return facts;
}
