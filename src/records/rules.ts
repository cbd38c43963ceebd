import { group } from "./model";

/** A validation rule of a CRD (Common Expression Language), and the sentence that whoever breaks it reads. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

const u8 = "([0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])";
const u16 = "([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/** Characters of a label that need no escape, and escapes (RFC 1035 section 5.1). */
const label = `([!#%-'*-\\-/-:<-?A-\\[\\]-~]|\\\\[0-9]{3}|\\\\[^0-9])+`;
const names = `${label}(\\.${label})*`;
const target = `(@|\\.|${names}\\.?)`;
const address = "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+";
const inQuotes = `"([^"\\\\]|\\\\.)*"`;
const string = `(${inQuotes}|[^"\\s]+)`;

/** All values of a spec, whichever way they are written. */
const values = "(has(self.value) ? [self.value] : has(self.values) ? self.values : [])";

/** A CEL string that means the same as `text`. */
function literal(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function matches(pattern: string): string {
  return `v.matches(${literal(`^\\s*${pattern}\\s*$`)})`;
}

/** Each value of an object of these types must be so; octets as of RFC 3597 are left to the operator. */
function eachValue(types: readonly string[], condition: string): string {
  const other = types.map((type) => `self.type != '${type}'`).join(" && ");
  return `${other} || ${values}.all(v, v.startsWith('\\\\#') || ${condition})`;
}

const isNoAddress = `!(isIP(v) || v.matches(${literal(`(^|\\s)${address}$`)}))`;

const byType: readonly Rule[] = [
  {
    rule: eachValue(["A"], "(isIP(v) && ip(v).family() == 4)"),
    message: "type A takes IPv4 addresses, for example 192.0.2.1; an IPv6 address belongs to type AAAA",
  },
  {
    rule: eachValue(["AAAA"], "(isIP(v) && ip(v).family() == 6)"),
    message: "type AAAA takes IPv6 addresses, for example 2001:db8::1; an IPv4 address belongs to type A",
  },
  {
    rule: eachValue(["CNAME", "NS", "PTR", "MX", "SRV"], isNoAddress),
    message:
      "the value names an address, but this type takes a name; give the address to an A or AAAA record and name that here",
  },
  {
    rule: eachValue(["CNAME", "NS", "PTR"], matches(target)),
    message: "this type takes one name: web (within the zone) or web.example.org. (elsewhere, with the dot at its end)",
  },
  {
    rule: eachValue(["MX"], matches(`${u16}\\s+${target}`)),
    message: "type MX takes a preference from 0 to 65535 and a name, for example 10 mail.example.org.",
  },
  {
    rule: eachValue(["SRV"], matches(`${u16}\\s+${u16}\\s+${u16}\\s+${target}`)),
    message:
      "type SRV takes priority, weight, port (each from 0 to 65535) and a name, for example 0 5 5060 sip.example.org.",
  },
  {
    rule: eachValue(["TXT"], matches(`((${inQuotes}\\s*)+|[^"\\s]+)`)),
    message: `text with blanks or quotes in it stands in double quotes as a whole, for example '"v=spf1 -all"'`,
  },
  {
    rule: eachValue(["CAA"], matches(`${u8}\\s+[A-Za-z0-9]+\\s+${string}`)),
    message: `type CAA takes flags (0 or 128), a tag and a value in quotes, for example 0 issue "letsencrypt.org"`,
  },
  {
    rule: eachValue(["TLSA"], matches(`${u8}\\s+${u8}\\s+${u8}\\s+([0-9A-Fa-f]\\s*)+`)),
    message: "type TLSA takes usage, selector, matching type and hexadecimal digits, for example 3 1 1 d2abde…",
  },
  {
    rule: eachValue(["NAPTR"], matches(`${u16}\\s+${u16}(\\s+${string}){3}\\s+${target}`)),
    message: `type NAPTR takes order, preference, three strings in quotes and a name, for example 100 10 "U" "E2U+sip" "!^.*$!sip:info@example.org!" .`,
  },
  {
    rule: eachValue(["SVCB", "HTTPS"], matches(`${u16}\\s+${target}(\\s+[A-Za-z0-9-]+(=${string}?)?)*`)),
    message: `this type takes a priority, a name (. is the record's own) and parameters, for example 1 . alpn="h2,h3" port=8443`,
  },
];

/** What holds between the fields of a spec. Types and lengths of each field are the schema's. */
export const specRules: readonly Rule[] = [
  {
    rule: "has(self.value) != has(self.values)",
    message: "write either value or values: value for one, values for a list of several",
  },
  {
    rule: "!self.name.endsWith('.') || (self.name.lowerAscii() == self.zone + '.' || self.name.lowerAscii().endsWith('.' + self.zone + '.'))",
    message:
      "name ends with a dot, so it is absolute, but it is not within the zone; take the dot away, or put the right zone",
  },
  {
    rule: "!(self.name.lowerAscii() == self.zone || self.name.lowerAscii().endsWith('.' + self.zone))",
    message: "name repeats the zone; write only what stands before it (@ for the zone itself), or put a dot at the end",
  },
  {
    rule: "self.name.contains('\\\\') || self.name.endsWith('.') || size(self.name) + size(self.zone) <= 252",
    message: "name and zone together have more than the 253 characters of a DNS name; shorten the name",
  },
  {
    rule: "self.type != 'CNAME' || !(self.name == '@' || self.name.lowerAscii() == self.zone + '.')",
    message:
      "a CNAME cannot stand at the zone's apex, beside SOA and NS; use A and AAAA there, or HTTPS in alias mode (0 target.)",
  },
  {
    rule: "self.type != 'CNAME' || !has(self.values) || size(self.values) == 1",
    message: "a name has one CNAME at most; keep one value, or use A and AAAA records for several addresses",
  },
  {
    rule: "self.type != 'NS' || !(self.name == '@' || self.name.lowerAscii() == self.zone + '.')",
    message: "the NS records at the zone's apex are the mesh's own; a delegation needs a name below the apex",
  },
  ...byType,
];

/** An identity stays: the operator would otherwise have to guess what an object put on the server under its old one. */
export function immutable(field: string): Rule {
  return {
    rule: "self == oldSelf",
    message: `${field} cannot be changed; make another DnsRecord and delete this one (kubectl delete dnsrecords.${group} …)`,
  };
}

export const zoneRules: readonly Rule[] = [
  {
    rule: "!self.endsWith('.')",
    message: "write the zone without the dot at its end, as the mesh's list has it",
  },
  {
    rule: "self == self.lowerAscii()",
    message: "write the zone in lower case, as the mesh's list has it",
  },
  {
    rule: "self.endsWith('.') || (self.lowerAscii().matches('^([a-z0-9_]([a-z0-9_/-]{0,61}[a-z0-9_])?)(\\\\.[a-z0-9_]([a-z0-9_/-]{0,61}[a-z0-9_])?)*$') && (!self.contains('/') || self.lowerAscii().matches('[.](in-addr|ip6)[.]arpa$')))",
    message:
      "zone is not a zone's name; use letters, digits, hyphens and underscores between dots, at most 63 in a row, for example standard-1.internal.dns",
  },
  immutable("zone"),
];

export const nameRules: readonly Rule[] = [
  {
    rule: "!self.contains('://')",
    message: "name is an address of the web; write the host's name alone",
  },
  {
    rule: "!self.matches('^[.]|[.][.]')",
    message: "name has an empty label; take the leading or doubled dot away, and write @ for the zone itself",
  },
  {
    rule: "!self.matches('[^!-~]')",
    message: "name has blanks or characters outside ASCII; write international names as xn--…, other octets as \\\\DDD",
  },
  {
    rule: `self == '@' || self.matches('[^!-~]|^[.]|[.][.]') || self.matches(${literal(`^${names}\\.?$`)})`,
    message: 'name has a character that must be escaped with a backslash: one of " $ ( ) ; @ \\',
  },
  {
    rule: "!self.matches('^[*][^.]|[^*].*[*]')",
    message: "a * stands for the whole first label only; a wildcard is * or *.name",
  },
  {
    rule: "self.contains('\\\\') || self.split('.').all(label, size(label) <= 63)",
    message: "name has a label over 63 characters; shorten what stands between two dots",
  },
  immutable("name"),
];
