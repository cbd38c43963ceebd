import { malformed } from "./errors";
import { WireReader } from "./wire";

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

/** RDATA of a DS or CDS record as text: key tag, algorithm, digest type, digest (RFC 4034 section 5.3). */
export function dsText(rdata: Uint8Array): string {
  const reader = new WireReader(rdata);
  const fields = [reader.u16(), reader.u8(), reader.u8()];
  const digest = reader.take(reader.length - reader.offset);
  return [...fields, Buffer.from(digest).toString("hex").toUpperCase()].join(" ");
}

/** Whether the RDATA of a CDS record asks the parent to drop every DS record (RFC 8078 section 4). */
export function isCdsDelete(rdata: Uint8Array): boolean {
  return dsText(rdata) === "0 0 0 00";
}

/** RDATA of a DNSKEY record as text: flags, protocol, algorithm, key (RFC 4034 section 2.2). */
export function dnskeyText(rdata: Uint8Array): string {
  const reader = new WireReader(rdata);
  const fields = [reader.u16(), reader.u8(), reader.u8()];
  const key = reader.take(reader.length - reader.offset);
  return [...fields, Buffer.from(key).toString("base64")].join(" ");
}

/**
 * When a signature ends, by the RDATA of its RRSIG record (RFC 4034 section 3.1.5), in seconds since 1970. The field has
 * 32 bits and wraps; the time nearest to now is meant.
 */
export function signatureEnd(rdata: Uint8Array, now: number): number {
  if (rdata.length < 18) malformed("an RRSIG record that is cut");
  const field = Buffer.from(rdata).readUInt32BE(8);
  return now + ((field - (now >>> 0)) | 0);
}
