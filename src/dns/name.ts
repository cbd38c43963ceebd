import { malformed } from "./errors";

/** Octets a label may have (RFC 1035 section 2.3.4). */
export const maxLabelLength = 63;

/** Octets a name may have on the wire, its length octets and the root's included (RFC 1035 section 2.3.4). */
export const maxNameLength = 255;

const special = new Set(Buffer.from('"().;\\@$', "latin1"));

/** For each octet: 1 for letters of either case, digits, hyphens and underscores. */
const simpleOctets = Uint8Array.from({ length: 256 }, (_, octet) =>
  /[a-z0-9_-]/i.test(String.fromCharCode(octet)) ? 1 : 0,
);

/** For each octet: 1 when it stands for itself in a normalised name, 0 when it is upper-case or must be escaped. */
export const plainOctets = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet > 0x20 && octet < 0x7f && !special.has(octet) && !(octet >= 0x41 && octet <= 0x5a) ? 1 : 0,
);

/**
 * The one spelling of a name: absolute, lower-case, no trailing dot; the root is "". Other octets than plain ones are
 * escaped (`\.`, `\DDD`; RFC 1035 section 5.1).
 *
 * @throws DnsError `malformed` for empty labels, bad escapes, labels over 63 octets, names over 255.
 */
export function parseName(text: string): string {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  if (bare.length <= maxNameLength - 2 && isSimple(bare)) return bare.toLowerCase();
  return encodeLabels(text).map(formatLabel).join(".");
}

/** Whether a text is labels of letters, digits, hyphens and underscores, of the right lengths. */
function isSimple(text: string): boolean {
  let label = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) {
      if (label === 0) return false;
      label = 0;
    } else {
      label++;
      if (label > maxLabelLength || simpleOctets[code] !== 1) return false;
    }
  }
  return label > 0;
}

/** A normalised name as master files have it, with its trailing dot. */
export function absolute(name: string): string {
  return `${name}.`;
}

/** Labels of a normalised name, most specific first; none for the root. An escaped dot does not part labels. */
export function labelsOf(name: string): string[] {
  if (name === "") return [];
  if (!name.includes("\\")) return name.split(".");
  return name.match(/(?:\\[\s\S]|[^.\\])+/g) ?? [];
}

/** Whether `child` is `parent` or below it. Both normalised. */
export function isSubdomain(child: string, parent: string): boolean {
  if (parent === "" || child === parent) return true;
  if (!child.endsWith(`.${parent}`)) return false;
  let escapes = 0;
  for (let at = child.length - parent.length - 2; child[at] === "\\"; at--) escapes++;
  return escapes % 2 === 0;
}

/** A label's octets as text: lower-case, special characters with a backslash, others as `\DDD`. */
export function formatLabel(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) {
    const lower = octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet;
    if (plainOctets[lower] === 1) text += String.fromCharCode(lower);
    else if (special.has(lower)) text += `\\${String.fromCharCode(lower)}`;
    else text += `\\${lower.toString().padStart(3, "0")}`;
  }
  return text;
}

/**
 * A name in any spelling as the octets of its labels, lower-case.
 *
 * @throws DnsError `malformed` as {@link parseName}.
 */
export function encodeLabels(text: string): Uint8Array[] {
  if (text === "" || text === ".") return [];
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let ended = false;
  for (let at = 0; at < text.length;) {
    ended = text[at] === ".";
    if (ended) {
      labels.push(finishLabel(label, text));
      label = [];
      at++;
    } else {
      const [octet, used] = readCharacter(text, at);
      label.push(octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet);
      at += used;
    }
  }
  if (!ended) labels.push(finishLabel(label, text));
  if (labels.reduce((sum, each) => sum + each.length + 1, 1) > maxNameLength) malformed("a name over 255 octets");
  return labels;
}

/** A name as octets without compression: the form that digests and TSIG need (RFC 8945 section 4.3.3). */
export function encodeName(text: string): Buffer {
  const parts: Uint8Array[] = [];
  for (const label of encodeLabels(text)) parts.push(Uint8Array.of(label.length), label);
  return Buffer.concat([...parts, Uint8Array.of(0)]);
}

function finishLabel(octets: number[], name: string): Uint8Array {
  if (octets.length === 0) malformed(`an empty label in ${JSON.stringify(name.slice(0, 300))}`);
  if (octets.length > maxLabelLength) malformed("a label over 63 octets");
  return Uint8Array.from(octets);
}

function readCharacter(text: string, at: number): [octet: number, used: number] {
  if (text[at] !== "\\") return [printable(text.charCodeAt(at)), 1];
  const digits = /^[0-9]{1,3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (digits === undefined) return [printable(text.charCodeAt(at + 1)), 2];
  if (digits.length < 3 || Number(digits) > 255) malformed(`a bad escape in a name: \\${digits}`);
  return [Number(digits), 4];
}

function printable(code: number): number {
  return code > 0x20 && code < 0x7f ? code : malformed("a character in a name that must be written as \\DDD");
}
