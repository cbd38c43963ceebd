/** IP addresses and CIDRs as texts. What they are as octets is in `dns/address`. */
import { isIP } from "node:net";

/** The IP version of an address in text form; undefined when it is none. Zone ids (`%eth0`) are none. */
export function ipVersion(text: string): 4 | 6 | undefined {
  const version = text.includes("%") ? 0 : isIP(text);
  return version === 4 || version === 6 ? version : undefined;
}

/** Whether a text is an address, a slash and a prefix length that fits it (RFC 4632, RFC 4291 section 2.3). */
export function isCidr(text: string): boolean {
  const [address, prefix, ...rest] = text.split("/");
  if (address === undefined || prefix === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  const version = ipVersion(address);
  return version !== undefined && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** The CIDR of a single address. */
export function hostCidr(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}
