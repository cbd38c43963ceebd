import * as z from "zod/mini";

import {
  flag,
  listOf,
  objectOf,
  plainText,
  problem,
  readShape,
  type Shape,
  textWithout,
  zoneName,
} from "../base/shape";
import { tsigKeyFields } from "../keyring/tsig-key";
import { recordTypes } from "./model";

/** What names are compared with: every name of the zone, the key's own name, or names that are listed. */
export const updateOwners = ["zone", "key", "name"] as const;

/** How they are compared. In a `pattern`, a label `*` stands for any one label. */
export const updateOwnerMatches = ["sub-or-equal", "equal", "sub", "pattern"] as const;

/** Types that an updater may be given. `ANY` is the deletion of everything that a name has (RFC 2136 section 2.5.3). */
export const updateTypes = [
  ...recordTypes,
  ...(["DNAME", "DS", "SSHFP", "URI", "LOC", "HINFO", "RP", "CERT", "SMIMEA", "OPENPGPKEY", "ANY"] as const),
] as const;

/** By default, all types that a DnsRecord may have except NS, which delegates names. */
export const defaultUpdateTypes = recordTypes.filter((type) => type !== "NS");

const ownerName =
  /^(?:@|(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?))*\.?)$/;

/** What is wrong with an item of `updateOwnerName`, as the end of a sentence; undefined when nothing is. */
export function ownerNameProblem(name: string): string | undefined {
  if (name.length <= 254 && ownerName.test(name)) return undefined;
  return "must be a name in lower case within the zone, such as apps, @ for the zone itself, or with a dot at its end absolute";
}

const updater = objectOf({
  ...tsigKeyFields,
  /** Own zones of the site. */
  zones: listOf(zoneName),
  updateOwner: z.enum(updateOwners, `must be one of ${updateOwners.join(", ")}`),
  updateOwnerMatch: z.enum(updateOwnerMatches, `must be one of ${updateOwnerMatches.join(", ")}`),
  /** Within each of the zones, `@` for the zone itself; with a dot at its end absolute. */
  updateOwnerName: listOf(textWithout(ownerNameProblem)),
  updateType: listOf(plainText).check(
    problem((types) =>
      types.length > 0 && types.every((type) => (updateTypes as readonly string[]).includes(type))
        ? undefined
        : `must be types out of ${updateTypes.join(", ")}`,
    ),
  ),
  /** Whether it may take the zones whole. */
  transfer: z._default(flag, false),
});
const updaters = listOf(updater);

/** Somebody outside who may change some of the site's own zones by DNS UPDATE. Fields are called as Knot calls them. */
export type Updater = Shape<typeof updater>;

/**
 * Reads the list of updaters from parsed JSON.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseUpdaters(json: unknown): readonly Updater[] {
  return readShape(updaters, json, "updaters");
}
