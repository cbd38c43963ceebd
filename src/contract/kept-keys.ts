import * as z from "zod/mini";

import { countingNumber, listOf, objectOf, plainText, readShape, type Shape } from "../base/shape";

const keptKeys = objectOf({
  version: z.literal(1, "must be 1"),
  site: plainText,
  /** Counts up with each change of the site's key database. */
  generation: countingNumber,
  /** ISO 8601. */
  madeAt: plainText,
  /** Zones that were signed then. */
  zones: listOf(plainText),
  /** Ids of the private keys, which Knot derives from the public ones. */
  keys: listOf(plainText),
  /** SHA-256 of the database's files. */
  digest: plainText,
  /** Which key the content is sealed with; missing where it stands in the clear, which is in Vault alone. */
  sealedWith: z.exactOptional(plainText),
  /** Base64. */
  content: plainText,
});

/** A copy of a site's DNSSEC keys, as it is kept beside the volume of its writer. Secret unless it is sealed. */
export type KeptKeys = Shape<typeof keptKeys>;

/** What a copy says of itself. Public. */
export type KeptHeader = Omit<KeptKeys, "content">;

/** The field of the Secret `zone-keys` that holds the copy. */
export const keptKeysFile = "zone-keys.json";

/** The field of that Secret which is there from its creation: with it alone, there certainly is no copy. */
export const keptKeysMarker = "site";

/** Most octets of a copy: a Secret holds 1 MiB. */
export const mostKeptOctets = 1_000_000;

/**
 * Reads a copy from parsed JSON.
 *
 * @throws UserError that names the field, without its content.
 */
export function parseKeptKeys(json: unknown): KeptKeys {
  return readShape(keptKeys, json, "");
}

/** What becomes of a copy that is to take the place of the one that is kept. */
export type Replacement =
  | { readonly kind: "same" | "write" }
  /** The copy that is kept must stay. `reason` is a sentence. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Whether a copy may take the place of the one that is kept. An older one never does, and neither does one of other keys:
 * a volume that began anew would replace the only copy of the keys that the parent zones trust. Generations never go back,
 * also where the content is the same: an older volume would pass for the newer one by them.
 */
export function replacement(kept: KeptHeader | undefined, offered: KeptHeader): Replacement {
  if (kept === undefined) return { kind: "write" };
  if (kept.site !== offered.site) return refused(`it is of site ${kept.site}`);
  const isSame = kept.digest === offered.digest;
  const { generation, madeAt } = kept;
  if (isSame && kept.sealedWith === offered.sealedWith && generation >= offered.generation) return { kind: "same" };
  if (isSame && generation <= offered.generation) return { kind: "write" };
  if (generation >= offered.generation)
    return refused(`it is newer: generation ${generation} of ${madeAt}, the volume is at ${offered.generation}`);
  const known = new Set(kept.keys);
  if (kept.keys.length > 0 && !offered.keys.some((key) => known.has(key)))
    return refused(`the volume has none of the ${kept.keys.length} keys in it, made at ${madeAt}`);
  return { kind: "write" };
}

function refused(why: string): Replacement {
  return { kind: "refused", reason: `the copy of the zones' keys is not replaced: ${why}` };
}
