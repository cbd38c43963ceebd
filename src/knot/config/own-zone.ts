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
 * @param input.serial - 32 bits, usually seconds since 1970.
 * @param input.nameServers - Absolute names for the skeleton's NS records besides the owner's, for example the catalog
 *   servers', which serve every zone of the mesh.
 * @throws Error when the zone file has no SOA record.
 */
export function renderOwnZone(input: {
  readonly zone: Zone;
  readonly site: Site;
  readonly directoryZone: string;
  readonly serial: number;
  readonly nameServers?: readonly string[];
}): string {
  if (input.zone.zoneFile !== undefined) return stampSerial(input.zone.zoneFile, input.serial);
  const owner = serverName(input.site.name, input.directoryZone);
  const { name } = input.zone;
  const soa = soaRecord(name, { mname: owner, rname: `hostmaster.${name}`, serial: input.serial, timers: ownTimers });
  const servers = [...new Set([owner, ...(input.nameServers ?? [])])];
  const records = servers.map((target): ResourceRecord => ({ name, class: "IN", ttl: soa.ttl, type: "NS", target }));
  return [printZone(name, [soa, ...records]), ...(input.zone.records ?? []).map((line) => `${line}\n`)].join("");
}
