import { malformed } from "./errors";
import { WireReader, WireWriter } from "./wire";

/** RDATA of TLSA (RFC 6698 section 2.1). */
export interface Tlsa {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

/** RDATA of NAPTR (RFC 3403 section 4.1). Strings have one character per octet (latin-1). */
export interface Naptr {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly services: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** Reads the RDATA of a TLSA record, which messages carry as octets. @throws DnsError `malformed` when it is cut. */
export function decodeTlsa(rdata: Uint8Array): Tlsa {
  const reader = new WireReader(rdata);
  const [usage, selector, matchingType] = [reader.u8(), reader.u8(), reader.u8()];
  if (reader.offset === reader.length) malformed("a TLSA record without data");
  return { usage, selector, matchingType, data: new Uint8Array(reader.take(reader.length - reader.offset)) };
}

/** RDATA for a record of type TLSA. @throws DnsError `malformed` for values that do not fit. */
export function encodeTlsa(tlsa: Tlsa): Uint8Array {
  const writer = new WireWriter();
  for (const value of [tlsa.usage, tlsa.selector, tlsa.matchingType]) writer.u8(value);
  if (tlsa.data.length === 0) malformed("a TLSA record without data");
  writer.bytes(tlsa.data);
  return new Uint8Array(writer.finish());
}

/**
 * Reads the RDATA of a NAPTR record, which messages carry as octets with its name unfolded.
 *
 * @throws DnsError `malformed` when it is cut or padded.
 */
export function decodeNaptr(rdata: Uint8Array): Naptr {
  const reader = new WireReader(rdata);
  const naptr = {
    order: reader.u16(),
    preference: reader.u16(),
    flags: reader.characterString(),
    services: reader.characterString(),
    regexp: reader.characterString(),
    replacement: reader.plainName(),
  };
  if (reader.offset !== reader.length) malformed("octets behind the name of a NAPTR record");
  return naptr;
}

/** RDATA for a record of type NAPTR. @throws DnsError `malformed` for values that do not fit. */
export function encodeNaptr(naptr: Naptr): Uint8Array {
  const writer = new WireWriter();
  writer.u16(naptr.order);
  writer.u16(naptr.preference);
  for (const text of [naptr.flags, naptr.services, naptr.regexp]) writer.characterString(text);
  writer.name(naptr.replacement, false);
  return new Uint8Array(writer.finish());
}
