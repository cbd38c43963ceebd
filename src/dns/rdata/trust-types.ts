import { malformed } from "../errors";
import { type Form, named, octets, salt, sequence, u8, u16, u32 } from "./parts";
import { carried, decodeOctets, encodeOctets, type TypeForm } from "./type-form";

/** RDATA of TLSA and SMIMEA (RFC 6698 section 2.1). */
export interface Tlsa {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

const tlsa: Form<Tlsa> = sequence({
  usage: u8("usage"),
  selector: u8("selector"),
  matchingType: u8("matching type"),
  data: octets("certificate data", "hex"),
});

/** Mnemonics of algorithms (IANA, DNS Security Algorithm Numbers), those of BIND beside. */
const algorithm = named("algorithm", {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  NSEC3DSA: 6,
  "DSA-NSEC3-SHA1": 6,
  NSEC3RSASHA1: 7,
  "RSASHA1-NSEC3-SHA1": 7,
  RSASHA256: 8,
  RSASHA512: 10,
  ECCGOST: 12,
  "ECC-GOST": 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
});

const digestType = named("digest type", {
  "SHA-1": 1,
  SHA1: 1,
  "SHA-256": 2,
  SHA256: 2,
  GOST: 3,
  "SHA-384": 4,
  SHA384: 4,
});

const ds = sequence({ keyTag: u16("key tag"), algorithm, digestType, digest: octets("digest", "HEX") });
const dnskey = sequence({ flags: u16("flags"), protocol: u8("protocol"), algorithm, key: octets("key", "base64") });

/** Keys, and what they and certificates are checked by. */
export const trustTypes: readonly TypeForm[] = [
  ...["TLSA", "SMIMEA"].map((type) => carried(type, tlsa)),
  ...["DS", "CDS"].map((type) => carried(type, ds)),
  ...["DNSKEY", "CDNSKEY"].map((type) => carried(type, dnskey)),
  carried(
    "NSEC3PARAM",
    sequence({ hash: u8("hash algorithm"), flags: u8("flags"), iterations: u16("iterations"), salt: salt("salt") }),
  ),
  carried(
    "SSHFP",
    sequence({
      algorithm: u8("algorithm"),
      fingerprintType: u8("fingerprint type"),
      fingerprint: octets("fingerprint", "hex"),
    }),
  ),
  carried(
    "ZONEMD",
    sequence({ serial: u32("serial"), scheme: u8("scheme"), hash: u8("hash"), digest: octets("digest", "hex") }),
  ),
  ...["OPENPGPKEY", "DHCID"].map((type) => carried(type, sequence({ data: octets("data", "base64") }))),
];

/** Reads the RDATA of a TLSA record. @throws DnsError `malformed` when it is cut. */
export function decodeTlsa(rdata: Uint8Array): Tlsa {
  return decodeOctets(tlsa, rdata);
}

/** RDATA for a record of type TLSA. @throws DnsError `malformed` for values that do not fit. */
export function encodeTlsa(data: Tlsa): Uint8Array {
  return encodeOctets(tlsa, data);
}

/** RDATA of a DS or CDS record as text: key tag, algorithm, digest type, digest (RFC 4034 section 5.3). */
export function dsText(rdata: Uint8Array): string {
  return ds.format(decodeOctets(ds, rdata)) ?? "";
}

/** RDATA of a DNSKEY record as text: flags, protocol, algorithm, key (RFC 4034 section 2.2). */
export function dnskeyText(rdata: Uint8Array): string {
  return dnskey.format(decodeOctets(dnskey, rdata)) ?? "";
}

/** Whether the RDATA of a CDS record asks the parent to drop every DS record (RFC 8078 section 4). */
export function isCdsDelete(rdata: Uint8Array): boolean {
  return Buffer.from(rdata).toString("hex") === "0000000000";
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

/** Made by a signer from the rest of a zone; a new owner signs anew. */
export const signerTypes: ReadonlySet<string> = new Set([
  ...["RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"],
  ...["DNSKEY", "CDS", "CDNSKEY"],
]);
