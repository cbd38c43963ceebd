import { fields } from "../base/json";
import type { Mesh } from "../mesh/model";

/** A date from which something may leave the mesh, if any. */
export interface Mark {
  readonly retired?: string;
}

/** Sites with their zones as the central zones have them: what every site goes by. */
export type Published = Readonly<Record<string, Mark & { readonly zones: Readonly<Record<string, Mark>> }>>;

/** What a mesh publishes. */
export function publishedOf(mesh: Pick<Mesh, "sites">): Published {
  return Object.fromEntries(
    mesh.sites.map((site) => [
      site.name,
      { ...markOf(site), zones: Object.fromEntries(site.zones.map((zone) => [zone.name, markOf(zone)])) },
    ]),
  );
}

/**
 * Reads it from the output of a stack, or from the welcome packets among the shared stack's. What cannot be read counts
 * as not published: it may come from any release.
 */
export function readPublished(output: unknown): Published {
  return Object.fromEntries(
    Object.entries(fields(output)).map(([name, value]) => {
      const site = "site" in fields(value) ? fields(fields(value)["site"]) : fields(value);
      return [name, { ...markOf(site), zones: readZones(site["zones"]) }];
    }),
  );
}

/** In a packet zones are a list. */
function readZones(zones: unknown): Readonly<Record<string, Mark>> {
  const entries = Array.isArray(zones)
    ? zones.map(fields).map((zone) => [zone["name"], zone] as const)
    : Object.entries(fields(zones));
  return Object.fromEntries(
    entries.flatMap(([name, zone]) => (typeof name === "string" ? [[name, markOf(fields(zone))]] : [])),
  );
}

/** Names of all zones, in no order. */
export function zonesIn(published: Published): readonly string[] {
  return Object.values(published).flatMap(({ zones }) => Object.keys(zones));
}

/** The site that had the primary catalog, by the welcome packets among the shared stack's outputs. */
export function primaryIn(packets: unknown): string | undefined {
  const roleOf = (packet: unknown): unknown => fields(fields(packet)["site"])["role"];
  return Object.entries(fields(packets)).find(([, packet]) => roleOf(packet) === "primary-catalog")?.[0];
}

/** Whether a site or a zone is in the first and not in the second. */
export function leavesAnything(before: Published, after: Published): boolean {
  const { sites, zones } = leavingOf(before, after);
  return sites.length + zones.length > 0;
}

/** Sites and zones that are on their way out, by name. */
export interface Leaving {
  readonly sites: readonly string[];
  readonly zones: readonly string[];
}

/** What is in the first and not in the second. A zone that another site has now stays. */
export function leavingOf(before: Published, after: Published): Leaving {
  const zones = new Set(zonesIn(after));
  return {
    sites: Object.keys(before).filter((site) => !(site in after)),
    zones: zonesIn(before).filter((zone) => !zones.has(zone)),
  };
}

/** The mark of anything that may have one. */
export function markOf({ retired }: { readonly retired?: unknown }): Mark {
  return typeof retired === "string" ? { retired } : {};
}
