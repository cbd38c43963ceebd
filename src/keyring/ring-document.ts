import * as z from "zod/mini";

import { UserError } from "../base/errors";
import { objectOf, problem, readShape, type Shape, textWithout } from "../base/shape";
import type { TsigKey } from "../dns/tsig-key";
import { tsigKeyFields } from "./tsig-key";

/** Every key that a site accepts at a time, and the name of the one that it signs with; what a ring document then means. */
export interface KeyRing {
  readonly signing: string;
  readonly accepted: readonly TsigKey[];
}

const time = textWithout((plainText) =>
  Number.isNaN(Date.parse(plainText)) ? "must be a time such as 2026-12-31T12:00:00Z" : undefined,
);

const ringKey = objectOf({
  ...tsigKeyFields,
  /** When it was made. Left out where keys come by generation. */
  createdAt: z.exactOptional(time),
  /** Of `next`: from when on it signs. Left out as long as that is not known. */
  signFrom: z.exactOptional(time),
  /** Of `previous`: until when it is accepted. For ever when left out. */
  acceptUntil: z.exactOptional(time),
});

const ringDocument = objectOf({
  version: z.literal(1, "must be 1; bring the shared stack, the sites and what rotates the ring to the same release"),
  previous: z.exactOptional(ringKey),
  current: ringKey,
  next: z.exactOptional(ringKey),
}).check(
  problem(({ previous, current, next }) => {
    const names = [previous, current, next].flatMap((key) => (key === undefined ? [] : [key.name]));
    return new Set(names).size === names.length ? undefined : "two keys have the same name; give each its own";
  }),
);

/** A key of the ring with the times that say what it is good for, ISO 8601. */
export type RingKey = Shape<typeof ringKey>;

/**
 * The key ring of the mesh as it is kept and handed round. Every site accepts all of its keys and signs with `current`,
 * until the time comes from which `next` signs. So a rotation needs no more agreement than this document and clocks that
 * are about right.
 */
export type RingDocument = Shape<typeof ringDocument>;

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
  return readShape(ringDocument, json, "key ring:");
}
