/** IP addresses and CIDRs without a library: these checks go into the agent's bundle, and `node:net` is I/O. */

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}$/;

/** The IP version of an address in text form; undefined when it is none. Zone ids (`%eth0`) are none. */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (ipv4.test(text) && !text.endsWith(".")) return 4;
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(":")) return undefined;
  return URL.canParse(`http://[${text}]/`) ? 6 : undefined;
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
