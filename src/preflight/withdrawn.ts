import { UserError } from "../base/errors";
import { fields } from "../base/json";
import type { Dnssec, Mesh, Site } from "../mesh/model";
import type { FormerOutputs } from "./former-outputs";

/**
 * Makes sure that no zone stops being signed at once, by what this stack said when it was brought up last.
 *
 * @throws UserError that names each such zone and what to write instead.
 */
export function requireWithdrawn(mesh: Mesh, former: FormerOutputs | undefined): void {
  const found = unwithdrawn(signedBefore(former?.["sites"]), mesh);
  if (found.length > 0) throw new UserError(found.join("\n"));
}

/** Zones at each site that were signed and not withdrawn when the list was brought up last, by the site's name. */
export type SignedBefore = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads that from the welcome packets that stand in the shared stack's outputs. What cannot be read counts as nothing
 * signed: it may come from any release.
 */
export function signedBefore(packets: unknown): SignedBefore {
  const found = Object.entries(fields(packets)).map(([site, packet]) => {
    const zones = fields(fields(packet)["site"])["zones"];
    const signed = (Array.isArray(zones) ? zones : []).map(fields).filter(({ dnssec }) => needsWithdrawal(dnssec));
    return [site, new Set(signed.map(({ name }) => String(name)))] as const;
  });
  return new Map(found);
}

/**
 * Zones that stop being signed at their site without having been withdrawn, a sentence each: the DS record at the parent
 * would make every answer bogus. A zone that leaves the list or moves is another matter, and often an emergency.
 */
export function unwithdrawn(before: SignedBefore, mesh: Mesh): readonly string[] {
  // Places in the list are known as long as no site is set apart.
  const placeOf = (site: Site, i: number): string =>
    mesh.waiting === undefined ? `mesh.sites[${i}]` : `mesh.sites (${site.name})`;
  return mesh.sites.flatMap((site, i) =>
    site.zones.flatMap(({ name, dnssec }, j) =>
      dnssec === false && before.get(site.name)?.has(name) === true
        ? [
            `${placeOf(site, i)}.zones[${j}].dnssec: "${name}" is signed, and validating resolvers would refuse it for as long as its DS record is at the parent; ` +
              `write "dnssec: { withdraw: true }", bring up shared and ${site.name}, and leave it out once the DS record is gone and its TTL is over (docs/guides/dnssec.md)`,
          ]
        : [],
    ),
  );
}

function needsWithdrawal(dnssec: unknown): boolean {
  if (typeof dnssec !== "object" || dnssec === null) return dnssec === true;
  return (dnssec as Dnssec).withdraw !== true;
}
