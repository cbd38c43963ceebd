import { siteNameProblem } from "../../../base/names";
import { formatRecord, typeNameOf } from "../../../dns/rdata";
import { signerTypes } from "../../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../../dns/record";
import { serialAfter } from "../../../dns/serial";
import type { WelcomePacket } from "../../../mesh/model";
import { serverName } from "../../../mesh/welcome";

/**
 * A transferred zone as a master file (RFC 1035 section 5) for a server that takes the zone over: without signatures,
 * with a serial that follows the transferred one.
 *
 * @param content.now - Seconds since 1970, which become the serial when they are newer.
 * @throws Error when the records have no SOA.
 */
export function renderTakenOverZone(content: {
  readonly records: readonly ResourceRecord[];
  readonly now: number;
}): string {
  const soa = content.records.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") throw new Error("a zone without an SOA record cannot be taken over");
  const serial = serialAfter(content.now * 1000, soa.serial);
  const others = content.records.filter((record) => record.type !== "SOA" && !signerTypes.has(typeNameOf(record)));
  return `${[formatRecord({ ...soa, serial }), ...others.map(formatRecord)].join("\n")}\n`;
}

/**
 * The records of a zone that comes from another owner, with this site in its place: as the primary (SOA MNAME) and among
 * the apex name servers. Only names that the mesh itself wrote give way, which are those of its servers; one that a user
 * chose stays. Catalog sites go on as name servers, since they serve every zone.
 *
 * @param formerOwner - The site that had the zone by the directory, where that is known.
 */
export function followOwner(
  records: readonly ResourceRecord[],
  { packet, formerOwner }: { readonly packet: WelcomePacket; readonly formerOwner?: string | undefined },
): readonly ResourceRecord[] {
  const { site, directoryZone, catalogs } = packet;
  const self = serverName(site.name, directoryZone);
  const soa = records.find((record) => record.type === "SOA");
  const primary = soa?.type === "SOA" && isServer(soa.mname, directoryZone) ? soa.mname : undefined;
  const former = new Set([primary, formerOwner && serverName(formerOwner, directoryZone)].filter(Boolean));
  former.delete(self);
  const staying = new Set(catalogs.map(({ name }) => serverName(name, directoryZone)));
  const apex = records.filter((record) => record.type === "NS" && record.name === soa?.name);
  const written = apex.find((record) => record.type === "NS" && former.has(record.target));
  const stands = apex.some((record) => record.type === "NS" && record.target === self);
  const goes = (record: ResourceRecord): boolean =>
    record.type === "NS" && apex.includes(record) && former.has(record.target) && !staying.has(record.target);
  const kept = records
    .filter((record) => !goes(record))
    .map((record) => (record.type === "SOA" && primary !== undefined ? { ...record, mname: self } : record));
  if (written?.type !== "NS" || stands) return kept;
  return [...kept, { ...written, target: self }];
}

/** Whether a name is that of a site's server. */
function isServer(name: string, directoryZone: string): boolean {
  const suffix = `.${directoryZone}`;
  return name.endsWith(suffix) && siteNameProblem(name.slice(0, -suffix.length)) === undefined;
}
