import { createHash } from "node:crypto";

import * as z from "zod/mini";

import { countingNumber, listOf, objectOf, plainText, readShape } from "../base/shape";
import { ipVersion } from "../dns/address";
import type { ResourceRecord } from "../dns/record";
import { type Check, dnsCheckTypes, type Pool, type Seen } from "./model";
import { encodePublished, type PublishedPool } from "./published";
import { askedName, isHost, isPath } from "./spec";

/**
 * What sites tell one another of pools, as TXT records in a zone that each of them has for it: the pools of its other zones, what
 * it sees of every site's pools, and a sign of life.
 */

/** The first label of such a zone, which no other zone of the mesh may have. */
export const poolZoneLabel = "_pools";

/** TTL of all that stands in it. Nobody resolves it; servers of the mesh get it by transfer. */
const ttl = 60;
/** Names below a zone: `<pool>.checks`, `<pool>.seen` and `beat`. */
const [checksLabel, seenLabel, beatLabel] = ["checks", "seen", "beat"] as const;
/** Octets of one string of a TXT record (RFC 1035 section 3.3.14). */
const stringLength = 255;

/** Whether a zone is one in which a site tells of pools. */
export function isPoolZone(zone: string): boolean {
  return zone.startsWith(`${poolZoneLabel}.`);
}

/** What a pool is called in these zones: its name may be longer than there is room for. */
export function poolId({ zone, name, type }: Pick<Pool, "zone" | "name" | "type">): string {
  return digest([zone, name, type]);
}

/** What a check is called: equal ones are the same. */
export function checkId(check: Check): string {
  return digest(entriesOf(check));
}

function digest(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

function entriesOf(check: Check): readonly unknown[] {
  const { address, port, intervalMs, timeoutMs, rise, fall } = check;
  const pace = [intervalMs, timeoutMs, rise, fall];
  if (check.kind === "tcp") return [check.kind, address, port, ...pace];
  if (check.kind === "dns") return [check.kind, address, port, ...pace, check.name, check.recordType];
  return [check.kind, address, port, ...pace, check.path, check.host ?? "", check.status ?? 0];
}

/** A site's sign of life: a text that is another one each time, and the milliseconds within which the next one comes. */
export interface Beat {
  readonly text: string;
  readonly everyMs: number;
}

/** All that a site tells. */
export interface Told {
  /** The checks of each of its pools that has any, by the pool's id. */
  readonly checks: ReadonlyMap<string, readonly Check[]>;
  /** What it sees, by the pool's id and the check's. */
  readonly seen: ReadonlyMap<string, ReadonlyMap<string, Seen>>;
  readonly beat?: Beat;
  /** What is published of its pools, by their ids. */
  readonly pools?: ReadonlyMap<string, PublishedPool>;
}

/** Strings of TXT records by their names. */
export function encodeTold(
  { checks, seen, beat, pools = new Map() }: Told,
  zone: string,
): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, readonly string[]>();
  for (const [pool, of] of checks) texts.set(checksName(pool, zone), parted(JSON.stringify(of)));
  for (const [pool, of] of seen) {
    const strings = [...of].map(([check, what]) => `${check}=${what}`).toSorted();
    if (strings.length > 0) texts.set(seenName(pool, zone), strings);
  }
  for (const [name, text] of encodePublished(pools, zone)) texts.set(name, parted(text));
  if (beat !== undefined) texts.set(beatName(zone), [beat.text, String(beat.everyMs)]);
  return texts;
}

/** A text as strings of a TXT record. */
export function parted(text: string): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / stringLength) }, (_, i) =>
    text.slice(i * stringLength, (i + 1) * stringLength),
  );
}

/** The TXT record of such a text. */
export function txtRecord(name: string, strings: readonly string[]): ResourceRecord {
  return { name, class: "IN", ttl, type: "TXT", strings };
}

const text = (problem: (value: string) => boolean) => plainText.check(z.refine(problem, "is invalid"));
const milliseconds = countingNumber.check(z.lte(3_600_000, "is too long"));
const common = {
  address: text((value) => ipVersion(value) !== undefined),
  port: countingNumber.check(z.lte(65_535, "must be a port")),
  intervalMs: milliseconds.check(z.gte(1000, "is too short")),
  timeoutMs: milliseconds,
  rise: countingNumber,
  fall: countingNumber,
};
const http = {
  ...common,
  path: text(isPath),
  host: z.exactOptional(text(isHost)),
  status: z.exactOptional(countingNumber),
};
const dns = { name: text((value) => askedName(value) === value), recordType: z.enum(dnsCheckTypes) };
const checksShape = listOf(
  z.discriminatedUnion("kind", [
    objectOf({ kind: z.literal("tcp"), ...common }),
    objectOf({ kind: z.literal("http"), ...http }),
    objectOf({ kind: z.literal("https"), ...http }),
    objectOf({ kind: z.literal("dns"), ...common, ...dns }),
  ]),
);

/** What one name of such a zone tells. */
export type Telling =
  | { readonly kind: "checks"; readonly pool: string; readonly checks: readonly Check[] }
  | { readonly kind: "seen"; readonly pool: string; readonly seen: ReadonlyMap<string, Seen> }
  | { readonly kind: "beat"; readonly beat: Beat };

/**
 * Reads what a name tells; undefined for names that this version does not know: a newer one may tell more.
 *
 * @throws Error with what is wrong in it.
 */
export function decodeTelling(name: string, strings: readonly string[], zone: string): Telling | undefined {
  const [first = "", second] = name.slice(0, -zone.length - 1).split(".");
  if (second === checksLabel) return { kind: "checks", pool: first, checks: decodeChecks(strings.join("")) };
  if (second === seenLabel) return { kind: "seen", pool: first, seen: decodeSeen(strings) };
  return second === undefined && first === beatLabel ? { kind: "beat", beat: decodeBeat(strings) } : undefined;
}

/** What texts of a zone say that a site saw of a pool's checks; nothing where they do not say, or cannot be read. */
export function seenIn(
  texts: ReadonlyMap<string, readonly string[]>,
  { pool, zone }: { readonly pool: string; readonly zone: string },
): ReadonlyMap<string, Seen> {
  return decodeSeen(texts.get(seenName(pool, zone)) ?? []);
}

/** The names at which a site has a pool's checks, says what it sees of them, and gives its sign of life. */
export function checksName(pool: string, zone: string): string {
  return `${pool}.${checksLabel}.${zone}`;
}
export function seenName(pool: string, zone: string): string {
  return `${pool}.${seenLabel}.${zone}`;
}
export function beatName(zone: string): string {
  return `${beatLabel}.${zone}`;
}

/** What of a zone of pools went away with a name. */
export function kindOfName(name: string, zone: string): Telling["kind"] | undefined {
  const [first, second] = name.slice(0, -zone.length - 1).split(".");
  if (second === checksLabel || second === seenLabel) return second;
  return second === undefined && first === beatLabel ? beatLabel : undefined;
}

function decodeChecks(json: string): readonly Check[] {
  return readShape(checksShape, JSON.parse(json), "checks");
}

function decodeSeen(strings: readonly string[]): ReadonlyMap<string, Seen> {
  return new Map(
    strings.flatMap((each): [string, Seen][] => {
      const [id = "", what] = each.split("=");
      return what === "up" || what === "down" ? [[id, what]] : [];
    }),
  );
}

/** Longest time between signs of life that is believed. */
const longestBeatMs = 600_000;

function decodeBeat([text = "", every = ""]: readonly string[]): Beat {
  const everyMs = Number(every);
  if (!/^\d{1,9}$/.test(every) || everyMs < 1 || everyMs > longestBeatMs) throw new Error(`"${every}" is no time`);
  return { text, everyMs };
}

/** Milliseconds between signs of life in a mesh of so many sites: each of them costs every site a transfer. */
export function beatEveryMs(sites: number): number {
  return Math.min(Math.max(2000, 400 * sites), longestBeatMs);
}

/** For so many times the announced time a site is still heard. */
export const beatsUntilSilent = 3;
