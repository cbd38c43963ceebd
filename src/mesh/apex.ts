import type { ResourceRecord } from "../dns/record";
import { soaRecord } from "../dns/zone-text";
import type { Mesh } from "./model";
import { catalogSites, serverName } from "./welcome";

/** Sites poll a central zone every minute even when a NOTIFY was lost, and serve it for 42 days without the primary. */
const timers = { refresh: 60, retry: 10, expire: 3_628_800, minimum: 60 };

/** The SOA record of a central zone. */
export function apexRecord(mesh: Mesh, zone: string): ResourceRecord {
  const primary = catalogSites(mesh)[0];
  const mname = primary === undefined ? "invalid" : serverName(primary.name, mesh.directoryZone);
  return soaRecord(zone, { mname, rname: `hostmaster.${mesh.directoryZone}`, serial: 1, timers });
}
