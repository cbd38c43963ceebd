/** Orders texts by their code units, whatever the language of the machine is. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A copy sorted by name. */
export function byName<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => compareText(a.name, b.name));
}

/** A host as it stands in a URL (RFC 3986, section 3.2.2): an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** The certificates of a PEM text, in its order. What stands between them is left out. */
export function certificateBlocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The host of a URL; an IPv6 address without its brackets. */
export function bareHost({ hostname }: Pick<URL, "hostname">): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** A 32-bit hash of a text (FNV-1a, then MurmurHash3's finisher): the same everywhere and always, and evenly spread. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * A line as a terminal or a comment may have it: what would steer these, or turn the order of what is read, stands as
 * `\u{…}`. For whatever others wrote: zone files, clusters, engines. A tab stays.
 */
export function printable(line: string): string {
  return line.replace(
    /(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (each) => `\\u{${each.codePointAt(0)?.toString(16) ?? ""}}`,
  );
}

/** {@link printable} for a text of several lines. */
export function printableText(text: string): string {
  return text.split(/\r?\n/).map(printable).join("\n");
}

/**
 * A time as Kubernetes writes it: ISO 8601 in UTC, in whole seconds.
 *
 * @param at - Milliseconds since 1970.
 */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

/** When a day of the calendar begins in UTC, in milliseconds since 1970; undefined for a text that is no `YYYY-MM-DD`, or no day that there is. */
export function startOfDay(day: string): number | undefined {
  const time = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  // The 31st of a month that has none would be taken for the day after.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day) ? time : undefined;
}
