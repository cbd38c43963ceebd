import { formatRecord, typeNameOf } from "../../../dns/rdata";
import { signerTypes } from "../../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";

/**
 * A transferred zone as a master file (RFC 1035 section 5) for a server that takes the zone over: without signatures,
 * with a serial that follows the transferred one.
 *
 * @param o.now - Seconds since 1970, which become the serial when they are newer.
 * @throws Error when the records have no SOA.
 */
export function renderTakenOverZone(o: { readonly records: readonly ResourceRecord[]; readonly now: number }): string {
  const soa = o.records.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") throw new Error("a zone without an SOA record cannot be taken over");
  const serial = isNewerSerial(o.now >>> 0, soa.serial) ? o.now >>> 0 : (soa.serial + 1) >>> 0;
  const others = o.records.filter((record) => record.type !== "SOA" && !signerTypes.has(typeNameOf(record)));
  return `${[formatRecord({ ...soa, serial }), ...others.map(formatRecord)].join("\n")}\n`;
}
