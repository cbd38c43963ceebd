import { UserError } from "../base/errors";
import { object, text } from "../base/json-fields";
import type { TsigKey } from "../dns/tsig-key";
import { parseTsigKey } from "./tsig-key";

/** Every key that a site accepts at a time, and the name of the one that it signs with; what a ring document then means. */
export interface KeyRing {
  readonly signing: string;
  readonly accepted: readonly TsigKey[];
}

/** A key of the ring with the times that say what it is good for, ISO 8601. */
export interface RingKey extends TsigKey {
  /** When it was made. Left out where keys come by generation. */
  readonly createdAt?: string;
  /** Of `next`: from when on it signs. Left out as long as that is not known. */
  readonly signFrom?: string;
  /** Of `previous`: until when it is accepted. For ever when left out. */
  readonly acceptUntil?: string;
}

/**
 * The key ring of the mesh as it is kept and handed round. Every site accepts all of its keys and signs with `current`,
 * until the time comes from which `next` signs. So a rotation needs no more agreement than this document and clocks that
 * are about right.
 */
export interface RingDocument {
  readonly version: 1;
  readonly previous?: RingKey;
  readonly current: RingKey;
  readonly next?: RingKey;
}

/**
 * What a document means at a time.
 *
 * @param now - Milliseconds since 1970.
 */
export function effectiveRing({ previous, current, next }: RingDocument, now: number): KeyRing {
  const reached = (time: string | undefined): boolean => time !== undefined && Date.parse(time) <= now;
  const signing = next !== undefined && reached(next.signFrom) ? next : current;
  const kept = previous === undefined || reached(previous.acceptUntil) ? [] : [previous];
  const accepted = [...kept, current, ...(next === undefined ? [] : [next])];
  return {
    signing: signing.name,
    accepted: accepted.map(({ name, algorithm, secret }) => ({ name, algorithm, secret })),
  };
}

/** The key that a ring signs with. */
export function signingKey(ring: KeyRing): TsigKey {
  const key = ring.accepted.find(({ name }) => name === ring.signing);
  if (key === undefined) throw new UserError(`the key ring has no key "${ring.signing}" to sign with`);
  return key;
}

/**
 * Reads a ring document from parsed JSON.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseRingDocument(json: unknown): RingDocument {
  const document = object(json, "key ring");
  if (document["version"] !== 1) {
    throw new UserError(
      "key ring: version must be 1; bring the shared stack, the sites and what rotates the ring to the same release",
    );
  }
  const previous = optionalKey(document["previous"], "key ring: previous");
  const current = parseRingKey(document["current"], "key ring: current");
  const next = optionalKey(document["next"], "key ring: next");
  const names = [previous, current, next].flatMap((key) => (key === undefined ? [] : [key.name]));
  if (new Set(names).size !== names.length)
    throw new UserError("key ring: two keys have the same name; give each its own");
  return { version: 1, ...(previous && { previous }), current, ...(next && { next }) };
}

function optionalKey(json: unknown, path: string): RingKey | undefined {
  return json === undefined ? undefined : parseRingKey(json, path);
}

function parseRingKey(json: unknown, path: string): RingKey {
  const key = object(json, path);
  return {
    ...parseTsigKey(json, path),
    ...time(key, "createdAt", path),
    ...time(key, "signFrom", path),
    ...time(key, "acceptUntil", path),
  };
}

function time<Name extends string>(
  key: Readonly<Record<string, unknown>>,
  name: Name,
  path: string,
): Partial<Record<Name, string>> {
  if (key[name] === undefined) return {};
  const value = text(key[name], `${path}.${name}`);
  if (Number.isNaN(Date.parse(value)))
    throw new UserError(`${path}.${name} must be a time such as 2026-12-31T12:00:00Z`);
  return { [name]: value } as Record<Name, string>;
}
