import { malformed } from "./errors";
import type { RecordClass } from "./record";

/**
 * Mnemonics and numbers of all types (IANA, DNS Parameters, Resource Record TYPEs, as of June 2026); all others are
 * `TYPE1234`.
 */
const registry = `
A 1 NS 2 MD 3 MF 4 CNAME 5 SOA 6 MB 7 MG 8 MR 9 NULL 10 WKS 11 PTR 12 HINFO 13 MINFO 14 MX 15 TXT 16 RP 17 AFSDB 18
X25 19 ISDN 20 RT 21 NSAP 22 NSAP-PTR 23 SIG 24 KEY 25 PX 26 GPOS 27 AAAA 28 LOC 29 NXT 30 EID 31 NIMLOC 32 SRV 33 ATMA 34
NAPTR 35 KX 36 CERT 37 A6 38 DNAME 39 SINK 40 OPT 41 APL 42 DS 43 SSHFP 44 IPSECKEY 45 RRSIG 46 NSEC 47 DNSKEY 48
DHCID 49 NSEC3 50 NSEC3PARAM 51 TLSA 52 SMIMEA 53 HIP 55 NINFO 56 RKEY 57 TALINK 58 CDS 59 CDNSKEY 60 OPENPGPKEY 61
CSYNC 62 ZONEMD 63 SVCB 64 HTTPS 65 DSYNC 66 HHIT 67 BRID 68 SPF 99 UINFO 100 UID 101 GID 102 UNSPEC 103 NID 104 L32 105
L64 106 LP 107 EUI48 108 EUI64 109 NXNAME 128 TKEY 249 TSIG 250 IXFR 251 AXFR 252 MAILB 253 MAILA 254 ANY 255 URI 256
CAA 257 AVC 258 DOA 259 AMTRELAY 260 RESINFO 261 WALLET 262 CLA 263 IPN 264 TA 32768 DLV 32769`;

const numbers = new Map<string, number>(
  [...registry.matchAll(/(\S+) (\d+)/g)].map(([, name = "", number]) => [name, Number(number)]),
);
const names = new Map([...numbers].map(([name, number]) => [number, name]));

/**
 * The number of a mnemonic or of `TYPE1234` (RFC 3597 section 5).
 *
 * @throws DnsError `malformed` for anything else.
 */
export function typeNumber(name: string): number {
  const upper = name.toUpperCase();
  const known = numbers.get(upper);
  if (known !== undefined) return known;
  const number = /^TYPE(\d{1,5})$/.exec(upper)?.[1];
  if (number === undefined || Number(number) > 0xffff) malformed(`an unknown record type ${JSON.stringify(name)}`);
  return Number(number);
}

/** The mnemonic of a type, `TYPE1234` when there is none. */
export function typeName(number: number): string {
  return names.get(number) ?? `TYPE${number}`;
}

const classes: Readonly<Record<RecordClass, number>> = { IN: 1, CH: 3, NONE: 254, ANY: 255 };
const classNames = new Map(Object.entries(classes).map(([name, number]) => [number, name as RecordClass]));

/** The number of a class. */
export function classNumber(name: RecordClass): number {
  return classes[name];
}

/**
 * The name of a class.
 *
 * @throws DnsError `malformed` for a class that the house does not know.
 */
export function className(number: number): RecordClass {
  return classNames.get(number) ?? malformed(`an unknown class ${number}`);
}

/** Operations (RFC 1035, 1996, 2136). */
export const opcodes = { query: 0, notify: 4, update: 5 } as const;

/** Response codes, the extended ones of EDNS and TSIG included. */
export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, number]) => [number, name]));

/** The mnemonic of a response code, `RCODE27` when there is none. */
export function rcodeName(number: number): string {
  return rcodeNames.get(number) ?? `RCODE${number}`;
}
