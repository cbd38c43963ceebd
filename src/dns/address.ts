/** IP addresses and ranges of them, as texts and as octets. */
import { malformed } from "./errors";

/** Four octets as `192.0.2.1`. */
export function formatIpv4(octets: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return `${a}.${b}.${c}.${d}`;
}

/** @throws DnsError `malformed` unless `text` is four decimal octets without leading zeros. */
export function parseIpv4(text: string): Uint8Array {
  return ipv4Octets(text) ?? malformed(`no IPv4 address: ${JSON.stringify(text)}`);
}

function ipv4Octets(text: string): Uint8Array | undefined {
  const value = ipv4Value(text);
  return value === undefined ? undefined : Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

const [dot, colon, zero, nine] = [0x2e, 0x3a, 0x30, 0x39];

/**
 * The 32 bits of an IPv4 address; undefined for what is none.
 *
 * Character by character: large zones are mostly addresses, and patterns took most of the time in which they were read.
 */
export function ipv4Value(text: string): number | undefined {
  let [value, parts, digits, octet] = [0, 0, 0, 0];
  for (let at = 0; at <= text.length; at++) {
    const code = at === text.length ? dot : text.charCodeAt(at);
    if (code === dot) {
      if (digits === 0 || parts === 4) return undefined;
      value = value * 256 + octet;
      parts++;
      digits = octet = 0;
    } else {
      const hasLeadingZero = digits > 0 && octet === 0;
      if (code < zero || code > nine || hasLeadingZero) return undefined;
      octet = octet * 10 + code - zero;
      digits++;
      if (octet > 255) return undefined;
    }
  }
  return parts === 4 ? value : undefined;
}

/** Sixteen octets in the canonical form of RFC 5952 section 4 (all groups in hexadecimal). */
export function formatIpv6(octets: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((octets[i] ?? 0) * 256 + (octets[i + 1] ?? 0));
  const [start, length] = longestZeroRun(groups);
  return length < 2
    ? groupTexts(groups, 0, 8)
    : `${groupTexts(groups, 0, start)}::${groupTexts(groups, start + length, 8)}`;
}

function groupTexts(groups: readonly number[], from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += (i === from ? "" : ":") + (groups[i] ?? 0).toString(16);
  return text;
}

/** @throws DnsError `malformed` unless `text` is an IPv6 address (RFC 4291 section 2.2), the last 32 bits dotted or not. */
export function parseIpv6(text: string): Uint8Array {
  return ipv6Octets(text) ?? malformed(`no IPv6 address: ${JSON.stringify(text)}`);
}

function ipv6Octets(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(16);
  const isShort = text.startsWith("::");
  let [filled, at] = [0, isShort ? 2 : 0];
  /** Octets before the `::`; -1 as long as there is none. */
  let gap = isShort ? 0 : -1;
  while (at < text.length) {
    const end = endOfGroup(text, at);
    const taken = takeGroup({ octets, filled, text, at, end });
    if (taken === 0) return undefined;
    filled += taken;
    if (end === text.length || taken === 4) break;
    at = end + 1;
    if (text.charCodeAt(end) !== colon || at === text.length) return undefined;
    if (text.charCodeAt(at) !== colon) continue;
    if (gap !== -1) return undefined;
    gap = filled;
    at++;
  }
  if (gap === -1) return filled === 16 ? octets : undefined;
  if (filled > 14) return undefined;
  const tail = 16 - (filled - gap);
  octets.copyWithin(tail, gap, filled);
  return octets.fill(0, gap, tail);
}

/** Puts the group from `at` to `end` behind what is there, or the dotted 32 bits that begin at `at`; returns how many octets that took. */
function takeGroup(place: {
  readonly octets: Uint8Array;
  readonly filled: number;
  readonly text: string;
  readonly at: number;
  readonly end: number;
}): 0 | 2 | 4 {
  const { octets, filled, text, at, end } = place;
  if (text.charCodeAt(end) === dot) {
    const last = filled <= 12 ? ipv4Octets(text.slice(at)) : undefined;
    if (last === undefined) return 0;
    octets.set(last, filled);
    return 4;
  }
  if (filled === 16 || end === at || end - at > 4) return 0;
  const group = parseInt(text.slice(at, end), 16);
  octets[filled] = group >> 8;
  octets[filled + 1] = group & 0xff;
  return 2;
}

/** Where the hexadecimal digits that begin at `at` end. */
function endOfGroup(text: string, at: number): number {
  let end = at;
  while (end < text.length && isHexDigit(text.charCodeAt(end))) end++;
  return end;
}

function isHexDigit(code: number): boolean {
  const lower = code | 0x20;
  return (code >= zero && code <= nine) || (lower >= 0x61 && lower <= 0x66);
}

/** The IP version of an address in text form; undefined when it is none. Zone ids (`%eth0`) are none. */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (ipv4Value(text) !== undefined) return 4;
  return ipv6Octets(text) === undefined ? undefined : 6;
}

/** An address in its canonical text form (RFC 5952 for IPv6); undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  if (ipv4Value(text) !== undefined) return text;
  const octets = ipv6Octets(text);
  return octets && formatIpv6(octets);
}

/** Whether a text is an address, a slash and a prefix length that fits it (RFC 4632, RFC 4291 section 2.3). */
export function isCidr(text: string): boolean {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const version = ipVersion(address);
  if (version === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  return Number(prefix) <= (version === 4 ? 32 : 128);
}

/** A server's address and port, as Knot writes them: `192.0.2.53`, or `192.0.2.53@5353` where the port is not 53. */
export function splitServer(server: string): { readonly address: string; readonly port: number } {
  const [address = "", port = "53"] = server.split("@");
  return { address, port: Number(port) };
}

/** The CIDR of a single address. */
export function hostCidr(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let length = 0;
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best[1]) best = [i - length + 1, length];
  });
  return best;
}
