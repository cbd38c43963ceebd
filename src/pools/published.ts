import * as z from "zod/mini";

import { countingNumber, listOf, objectOf, plainText, readShape, type Shape } from "../base/shape";
import { compareText } from "../base/text";
import type { Decision } from "./decision";
import { type Pool, poolTypes, strategies } from "./model";

/**
 * What a site publishes of its pools in its zone of pools, for people and `mesh`: operators need none of it. A text for each pool,
 * and their ids in an index of sixteen parts, so that a change is small and everything can be asked for by questions.
 */

/** Names below the zone: `<pool>.pool`, and `<first digit of the ids>.pools`. */
const [poolLabel, indexLabel] = ["pool", "pools"];
const verdicts = [
  "Healthy",
  "TooFewHealthy",
  "NoneHealthy",
  "NotProbed",
] as const satisfies readonly Decision["verdict"][];

const publishedShape = objectOf({
  name: plainText,
  zone: plainText,
  type: z.enum(poolTypes),
  strategy: z.enum(strategies),
  minHealthy: countingNumber,
  /** Missing as long as nothing was decided. */
  verdict: z.exactOptional(z.enum(verdicts)),
  answer: listOf(plainText),
  targets: listOf(
    objectOf({
      value: plainText,
      priority: z.number(),
      /** Id of its check; missing for one that has none. */
      check: z.exactOptional(plainText),
      /** Missing as long as it is not known. */
      healthy: z.exactOptional(z.boolean()),
    }),
  ),
  /** Sites that see no healthy target, and do not count. */
  distrusted: listOf(plainText),
});

/** A pool as its site publishes it. */
export type PublishedPool = Shape<typeof publishedShape>;

/** What is published of a pool that is served. */
export function publishedOf(
  { name, zone, type, strategy, minHealthy, targets }: Pool,
  {
    checkIds,
    decision,
  }: { readonly checkIds: readonly (string | undefined)[]; readonly decision: Decision | undefined },
): PublishedPool {
  const verdictOf = new Map(decision?.targets.map(({ value, isHealthy }) => [value, isHealthy]));
  return {
    ...{ name, zone, type, strategy, minHealthy },
    ...(decision && { verdict: decision.verdict }),
    answer: decision?.memory.answer ?? [],
    targets: targets.map(({ value, priority }, i) => {
      const [check, healthy] = [checkIds[i], verdictOf.get(value)];
      return { value, priority, ...(check !== undefined && { check }), ...(healthy !== undefined && { healthy }) };
    }),
    distrusted: decision?.distrusted ?? [],
  };
}

/** Texts by their names. */
export function encodePublished(pools: ReadonlyMap<string, PublishedPool>, zone: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const parts = new Map<string, string[]>();
  for (const id of pools.keys()) {
    const name = indexName(id, zone);
    parts.set(name, [...(parts.get(name) ?? []), id]);
  }
  for (const [name, ids] of parts) texts.set(name, indexText(ids));
  for (const [id, pool] of pools) texts.set(publishedName(id, zone), JSON.stringify(pool));
  return texts;
}

/** The name of the part of the index that a pool is in, and what such a part says. */
export function indexName(id: string, zone: string): string {
  return `${id.slice(0, 1)}.${indexLabel}.${zone}`;
}
export function indexText(ids: Iterable<string>): string {
  return [...ids].toSorted(compareText).join(" ");
}

/** The names of a zone's index. */
export function indexNames(zone: string): readonly string[] {
  return Array.from({ length: 16 }, (_, i) => indexName(i.toString(16), zone));
}

/** Ids of pools in a text of the index. */
export function decodeIndex(strings: readonly string[]): readonly string[] {
  return strings
    .join("")
    .split(" ")
    .filter((id) => /^[0-9a-f]{16}$/.test(id));
}

/** The name of what is published of a pool. */
export function publishedName(id: string, zone: string): string {
  return `${id}.${poolLabel}.${zone}`;
}

/** @throws Error with what is wrong in it. */
export function decodePublished(strings: readonly string[]): PublishedPool {
  return readShape(publishedShape, JSON.parse(strings.join("")), "pool");
}
