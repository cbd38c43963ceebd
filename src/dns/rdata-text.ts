import { DnsError } from "./errors";
import { decodeNaptr, decodeTlsa } from "./octet-rdata";
import { encodeRdata } from "./rdata";
import type { RecordData, SoaData } from "./record";
import { decodeServiceBinding } from "./service-binding";
import { serviceParameterText } from "./service-parameters";
import { quoted } from "./tokens";
import { WireWriter } from "./wire";

/** The type's mnemonic of any record data, `TYPE1234` when there is none. */
export function typeNameOf(data: RecordData): string {
  return data.type === "OTHER" ? data.typeName : data.type;
}

/** A name as master files have it, with its trailing dot. */
export function absolute(name: string): string {
  return `${name}.`;
}

/**
 * A record's data as master files have it (RFC 1035 section 5.1), names absolute; what has no form of its own as
 * `\# LENGTH HEX` (RFC 3597 section 5). `parseRdata` reads it back the same.
 */
export function formatRdata(data: RecordData): string {
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
      return plainTag.test(data.tag) ? `${data.flags} ${data.tag} ${quoted(data.value)}` : genericText(octetsOf(data));
    case "OTHER":
      return octetText(data.typeName, data.rdata);
  }
}

/** What a tag may have (RFC 8659 section 4.1); any other goes as octets. */
const plainTag = /^[a-z0-9]+$/i;

function octetsOf(data: RecordData): Uint8Array {
  const writer = new WireWriter();
  encodeRdata(writer, data);
  return writer.finish();
}

function soaText(soa: SoaData): string {
  const { refresh, retry, expire, minimum } = soa;
  return `${absolute(soa.mname)} ${absolute(soa.rname)} ${soa.serial} ${refresh} ${retry} ${expire} ${minimum}`;
}

/** Octets that break their type's rules are still data: they are written as octets. */
function octetText(typeName: string, rdata: Uint8Array): string {
  try {
    return typedText(typeName, rdata) ?? genericText(rdata);
  } catch (error) {
    if (error instanceof DnsError) return genericText(rdata);
    throw error;
  }
}

function typedText(typeName: string, rdata: Uint8Array): string | undefined {
  switch (typeName) {
    case "TLSA": {
      const { usage, selector, matchingType, data } = decodeTlsa(rdata);
      return `${usage} ${selector} ${matchingType} ${Buffer.from(data).toString("hex")}`;
    }
    case "NAPTR": {
      const { order, preference, flags, services, regexp, replacement } = decodeNaptr(rdata);
      return `${order} ${preference} ${[flags, services, regexp].map(quoted).join(" ")} ${absolute(replacement)}`;
    }
    case "SVCB":
    case "HTTPS": {
      const { priority, target, parameters } = decodeServiceBinding(rdata);
      return [priority, absolute(target), ...parameters.map(serviceParameterText)].join(" ");
    }
    default:
      return undefined;
  }
}

function genericText(rdata: Uint8Array): string {
  return rdata.length === 0 ? "\\# 0" : `\\# ${rdata.length} ${Buffer.from(rdata).toString("hex")}`;
}
