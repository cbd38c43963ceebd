import { malformed } from "./errors";

/** Four octets as `192.0.2.1`. */
export function formatIpv4(octets: Uint8Array): string {
  return octets.join(".");
}

/** @throws DnsError `malformed` unless `text` is four decimal octets without leading zeros. */
export function parseIpv4(text: string): Uint8Array {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    malformed(`no IPv4 address: ${JSON.stringify(text)}`);
  return Uint8Array.from(parts, Number);
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
  const fail = () => malformed(`no IPv6 address: ${JSON.stringify(text)}`);
  const halves = dottedToHex(text).split("::");
  if (halves.length > 2) fail();
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) fail();
  const groups = [...head, ...Array<string>(Math.max(0, missing)).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) fail();
  return Uint8Array.from(groups.map((group) => parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]));
}

function dottedToHex(text: string): string {
  const start = text.lastIndexOf(":") + 1;
  if (start === 0 || !text.includes(".")) return text;
  const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(text.slice(start));
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
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
