import type { RecordData, ResourceRecord, SoaData } from "../../dns/record";
import { isNewerSerial } from "../../dns/serial";

/** Made by a signer from the rest of a zone; a new owner signs anew. */
export const signerTypes: ReadonlySet<string> = new Set([
  "RRSIG",
  "NSEC",
  "NSEC3",
  "NSEC3PARAM",
  "DNSKEY",
  "CDS",
  "CDNSKEY",
]);

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
  const others = o.records.filter((record) => record.type !== "SOA" && !signerTypes.has(typeName(record)));
  return `${[recordLine({ ...soa, serial }), ...others.map(recordLine)].join("\n")}\n`;
}

function recordLine(record: ResourceRecord): string {
  return `${absolute(record.name)} ${record.ttl} IN ${typeName(record)} ${rdataText(record)}`;
}

function typeName(data: RecordData): string {
  return data.type === "OTHER" ? data.typeName : data.type;
}

function rdataText(data: RecordData): string {
  switch (data.type) {
    case "SOA":
      return soaText(data);
    case "A":
    case "AAAA":
      return data.address;
    case "NS":
    case "CNAME":
    case "PTR":
    case "DNAME":
      return absolute(data.target);
    case "TXT":
      return data.strings.map(quoted).join(" ");
    case "MX":
      return `${data.preference} ${absolute(data.exchange)}`;
    case "SRV":
      return `${data.priority} ${data.weight} ${data.port} ${absolute(data.target)}`;
    case "CAA":
      return `${data.flags} ${data.tag} ${quoted(data.value)}`;
    case "OTHER":
      return genericText(data.rdata);
  }
}

function soaText(soa: SoaData): string {
  const { refresh, retry, expire, minimum } = soa;
  return `${absolute(soa.mname)} ${absolute(soa.rname)} ${soa.serial} ${refresh} ${retry} ${expire} ${minimum}`;
}

/** RFC 3597 section 5: good for every type. */
function genericText(rdata: Uint8Array): string {
  return rdata.length === 0 ? "\\# 0" : `\\# ${rdata.length} ${Buffer.from(rdata).toString("hex")}`;
}

/** One character per octet; what is not plain is written as \DDD. */
function quoted(text: string): string {
  const escaped = text.replace(/[^ -~]|["\\]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, "0")}`);
  return `"${escaped}"`;
}

function absolute(name: string): string {
  return `${name}.`;
}
