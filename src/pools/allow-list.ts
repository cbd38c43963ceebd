import { UserError } from "../base/errors";
import { ipVersion, isCidr, parseIpv4, parseIpv6 } from "../dns/address";

/** A network of which ports may be probed, both ends included. */
export interface AllowedTargets {
  readonly network: string;
  readonly ports: readonly [number, number];
}

const form = "must have the form NETWORK@PORT or NETWORK@PORT-PORT, for example 10.0.0.0/8@80 or 10.0.0.0/8@8000-8100";

/**
 * Reads `10.0.0.0/8@80` or `2001:db8::/32@8000-8100`.
 *
 * @throws UserError with the text and what it must be.
 */
export function parseAllowed(text: string): AllowedTargets {
  const [, network = "", first = "", last = first] = /^([^@\s]+)@(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (!isCidr(network) || from < 1 || to > 65_535 || from > to) throw new UserError(`"${text}" ${form}`);
  return { network, ports: [from, to] };
}

/** Whether an address and a port may be probed. Nothing may that no entry lists. */
export function isAllowed(
  allowed: readonly AllowedTargets[],
  { address, port }: { readonly address: string; readonly port: number },
): boolean {
  const octets = octetsOf(address);
  return allowed.some(({ network, ports: [from, to] }) => {
    const [base = "", prefix] = network.split("/");
    return port >= from && port <= to && octets !== undefined && isWithin(octets, octetsOf(base), Number(prefix));
  });
}

/** Four or sixteen octets; an IPv4 address in IPv6 form is the same target as without it. */
function octetsOf(address: string): Uint8Array | undefined {
  const version = ipVersion(address);
  if (version === undefined) return undefined;
  if (version === 4) return parseIpv4(address);
  const octets = parseIpv6(address);
  const isMapped = octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 255 && octets[11] === 255;
  return isMapped ? octets.subarray(12) : octets;
}

function isWithin(octets: Uint8Array, base: Uint8Array | undefined, bits: number): boolean {
  if (base?.length !== octets.length) return false;
  return base.every((octet, i) => {
    const shift = 8 - Math.max(0, Math.min(8, bits - 8 * i));
    return octet >> shift === (octets[i] ?? 0) >> shift;
  });
}
