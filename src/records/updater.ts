import { UserError } from "../base/errors";
import { array, object, text, zoneName } from "../base/json-fields";
import type { TsigKey } from "../dns/tsig-key";
import { parseTsigKey } from "../keyring/tsig-key";
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

/** What holds where nobody says otherwise: all that a DnsRecord may have, but for NS, which gives names away. */
export const defaultUpdateTypes = recordTypes.filter((type) => type !== "NS");

/** Somebody outside who may change some of the site's own zones by DNS UPDATE. Fields are called as Knot calls them. */
export interface Updater extends TsigKey {
  /** Own zones of the site. */
  readonly zones: readonly string[];
  readonly updateOwner: (typeof updateOwners)[number];
  readonly updateOwnerMatch: (typeof updateOwnerMatches)[number];
  /** Within each of the zones, `@` for the zone itself; with a dot at its end absolute. */
  readonly updateOwnerName: readonly string[];
  readonly updateType: readonly string[];
  /** Whether it may take the zones whole. */
  readonly transfer: boolean;
}

const ownerName =
  /^(?:@|(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?))*\.?)$/;

/** What is wrong with an item of `updateOwnerName`, as the end of a sentence; undefined when nothing is. */
export function ownerNameProblem(name: string): string | undefined {
  if (name.length <= 254 && ownerName.test(name)) return undefined;
  return "must be a name in lower case within the zone, such as apps, @ for the zone itself, or with a dot at its end absolute";
}

/**
 * Reads the list of updaters from parsed JSON.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseUpdaters(json: unknown): readonly Updater[] {
  return array(json, "updaters").map((item, i) => parseUpdater(item, `updaters[${i}]`));
}

function parseUpdater(json: unknown, path: string): Updater {
  const fields = object(json, path);
  const texts = (name: string): readonly string[] =>
    array(fields[name], `${path}.${name}`).map((item, i) => text(item, `${path}.${name}[${i}]`));
  const one = <T extends string>(name: string, known: readonly T[]): T => {
    const found = known.find((each) => each === fields[name]);
    if (found === undefined) throw new UserError(`${path}.${name} must be one of ${known.join(", ")}`);
    return found;
  };
  const updateOwnerName = texts("updateOwnerName");
  const bad = updateOwnerName.findIndex((name) => ownerNameProblem(name) !== undefined);
  if (bad >= 0) throw new UserError(`${path}.updateOwnerName[${bad}] ${ownerNameProblem("") ?? ""}`);
  const updateType = texts("updateType");
  if (updateType.length === 0 || updateType.some((type) => !(updateTypes as readonly string[]).includes(type)))
    throw new UserError(`${path}.updateType must be types out of ${updateTypes.join(", ")}`);
  return {
    ...parseTsigKey(json, path),
    zones: texts("zones").map((name, i) => zoneName(name, `${path}.zones[${i}]`)),
    updateOwner: one("updateOwner", updateOwners),
    updateOwnerMatch: one("updateOwnerMatch", updateOwnerMatches),
    updateOwnerName,
    updateType,
    transfer: fields["transfer"] === true,
  };
}
