/**
 * What of a text's form a JSON Schema can say, for editors. The program's own checks are narrower, and have the messages.
 */

const label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const slashed = label.replace("_-]", "_/-]");

/** A name without any slash, with or without the dot at its end. */
export const plainNameShape = { pattern: `^${label}(?:\\.${label})*\\.?$`, maxLength: 254 };

/** A zone's name; a reverse zone's may have slashes (RFC 2317). */
export const zoneNameShape = {
  pattern: `^(?:${label}(?:\\.${label})*|(?:${slashed}\\.)+(?:in-addr|ip6)\\.arpa)\\.?$`,
  maxLength: 254,
};

/** A single DNS label in lower case. */
export const labelShape = { pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" };

/** The full name of a server, with or without the dot at its end. */
export const hostNameShape = {
  pattern: "^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+\\.?$",
  maxLength: 254,
};

/** An IP address. */
export const addressShape = { anyOf: [{ format: "ipv4" }, { format: "ipv6" }] };

/** A network. */
export const cidrShape = { pattern: "^[0-9A-Fa-f.:]+/[0-9]{1,3}$" };

/** A day. */
export const dateShape = {
  pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:T00:00:00(?:\\.0+)?Z| 00:00:00 \\+0000 UTC)?$",
};

/** The key of a TSIG. */
export const secretShape = { pattern: "^[A-Za-z0-9+/]{22,}={0,2}$" };

/** Certificates in PEM. */
export const certificatesShape = { pattern: "^-----BEGIN CERTIFICATE-----" };

/** A server's address, with a port where it is another than 53. */
export const serverShape = { pattern: "^[0-9A-Fa-f.:]+(?:@[0-9]{1,5})?$" };

/** A list with exactly one primary catalog. */
export const sitesShape = {
  contains: { type: "object", required: ["role"], properties: { role: { const: "primary-catalog" } } },
  maxContains: 1,
};

/** A site of which addresses were found, which it has from its load balancer. */
export const foundShape = {
  if: { required: ["found"] },
  then: { properties: { addresses: { const: "auto" } } },
};

/** A zone that is taken from elsewhere, whose content and signatures come from there. */
export const takenInShape = {
  if: { required: ["primaries"] },
  then: {
    properties: { zoneFile: false, records: false, nameServers: false, dnssec: { const: false } },
  },
};

/** A whole number above 0 as YAML has it, and as `pulumi config set` writes it. */
export const numberShape = { type: ["integer", "string"], pattern: "^[1-9][0-9]*$" } as const;

/** A switch as YAML has it, and as `pulumi config set` writes it. */
export const switchShape = { type: ["boolean", "string"], enum: [true, false, "true", "false"] } as const;
