import type { Mesh, Site } from "./model";

/**
 * A mesh of which each site is listed, with those set apart that nobody can ask yet: whatever knows nothing of them leaves
 * them out. Without an address of the primary, nothing can be published, and every site waits.
 */
export function withWaiting(listed: Mesh): Mesh {
  const isKnown = ({ addresses }: Site): boolean => addresses.length > 0;
  const primary = listed.sites.find(({ role }) => role === "primary-catalog");
  if (primary !== undefined && !isKnown(primary)) return { ...listed, sites: [], waiting: listed.sites };
  const waiting = listed.sites.filter((site) => !isKnown(site));
  return waiting.length === 0 ? listed : { ...listed, sites: listed.sites.filter(isKnown), waiting };
}

/** Every listed site: those that can be asked, and then those that wait. */
export function listedSites({ sites, waiting = [] }: Pick<Mesh, "sites" | "waiting">): readonly Site[] {
  return [...sites, ...waiting];
}

/** Sites that wait for an address of their own. */
export function withoutAddress({ waiting = [] }: Pick<Mesh, "waiting">): readonly Site[] {
  return waiting.filter(({ addresses }) => addresses.length === 0);
}

/** The name of the site that has the primary catalog, also while it waits. */
export function primaryOf(mesh: Pick<Mesh, "sites" | "waiting">): string {
  return listedSites(mesh).find(({ role }) => role === "primary-catalog")?.name ?? "";
}
