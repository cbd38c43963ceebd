/** IP addresses and ranges of them, as texts and as octets. */
import { malformed } from "./errors";

/** Four octets as `192.0.2.1`. */
export function formatIpv4(octets: Uint8Array): string {
  return octets.join(".");
}

/** @throws DnsError `malformed` unless `text` is four decimal octets without leading zeros. */
export function parseIpv4(text: string): Uint8Array {
  return ipv4Octets(text) ?? malformed(`no IPv4 address: ${JSON.stringify(text)}`);
}

function ipv4Octets(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const isAddress =
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isAddress ? Uint8Array.from(parts, Number) : undefined;
}

/** Sixteen octets in the canonical form of RFC 5952 section 4 (all groups in hexadecimal). */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (octets[2 * i] ?? 0) * 256 + (octets[2 * i + 1] ?? 0));
  const [start, length] = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return length < 2 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

/** @throws DnsError `malformed` unless `text` is an IPv6 address (RFC 4291 section 2.2), the last 32 bits dotted or not. */
export function parseIpv6(text: string): Uint8Array {
  return ipv6Octets(text) ?? malformed(`no IPv6 address: ${JSON.stringify(text)}`);
}

function ipv6Octets(text: string): Uint8Array | undefined {
  const halves = dottedToHex(text)?.split("::") ?? [];
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (head === undefined || halves.length > 2) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(groups.map((group) => parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]));
}

function dottedToHex(text: string): string | undefined {
  const start = text.lastIndexOf(":") + 1;
  if (start === 0 || !text.includes(".")) return text;
  const octets = ipv4Octets(text.slice(start));
  if (octets === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** The IP version of an address in text form; undefined when it is none. Zone ids (`%eth0`) are none. */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (ipv4Octets(text) !== undefined) return 4;
  return ipv6Octets(text) === undefined ? undefined : 6;
}

/** An address in its canonical text form (RFC 5952 for IPv6); undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  if (ipv4Octets(text) !== undefined) return text;
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
