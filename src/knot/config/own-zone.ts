import { stampSerial } from "../../dns/master-file";
import type { ResourceRecord } from "../../dns/record";
import { printZone, soaRecord, type SoaTimers } from "../../dns/zone-text";
import type { Site, Zone } from "../../mesh/model";
import { serverName } from "../../mesh/welcome";

/** A site's own zone: secondaries look again every five minutes should a NOTIFY be lost, and serve it for 42 days. */
const ownTimers: SoaTimers = { refresh: 300, retry: 30, expire: 3_628_800, minimum: 60 };

/**
 * The content that a site's own zone starts from: the model's zone file with the serial stamped, or a skeleton and
 * the records that the list has.
 *
 * @param o.serial - 32 bits, usually seconds since 1970.
 * @param o.nameServers - Absolute names for the skeleton's NS records besides the owner's, for example the catalog
 *   servers', which serve every zone of the mesh.
 * @throws Error when the zone file has no SOA record.
 */
export function renderOwnZone(o: {
  readonly zone: Zone;
  readonly site: Site;
  readonly directoryZone: string;
  readonly serial: number;
  readonly nameServers?: readonly string[];
}): string {
  if (o.zone.zoneFile !== undefined) return stampSerial(o.zone.zoneFile, o.serial);
  const owner = serverName(o.site.name, o.directoryZone);
  const { name } = o.zone;
  const soa = soaRecord(name, { mname: owner, rname: `hostmaster.${name}`, serial: o.serial, timers: ownTimers });
  const servers = [...new Set([owner, ...(o.nameServers ?? [])])];
  const records = servers.map((target): ResourceRecord => ({ name, class: "IN", ttl: soa.ttl, type: "NS", target }));
  return [printZone(name, [soa, ...records]), ...(o.zone.records ?? []).map((line) => `${line}\n`)].join("");
}
