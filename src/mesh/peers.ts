import { byName } from "../base/text";
import type { CatalogServer, WelcomePacket } from "./model";
import type { MeshView, SiteView } from "./view";

/** The other sites, sorted by name: those of the view, and the packet's catalog sites before there is any view. */
export function peersOf({
  packet,
  view,
}: {
  readonly packet: WelcomePacket;
  readonly view?: Pick<MeshView, "sites">;
}): readonly SiteView[] {
  const sites = (view ?? bootstrapView(packet)).sites.filter((site) => site.name !== packet.site.name);
  return byName(sites);
}

/** The catalog sites that the view knows, the primary first; the packet's when the view knows none. */
export function catalogSitesOf({
  packet,
  view,
}: {
  readonly packet: WelcomePacket;
  readonly view: MeshView;
}): readonly SiteView[] {
  const catalogs = view.sites.filter((site) => site.role !== "standard");
  const known = catalogs.length > 0 ? catalogs : packet.catalogs;
  return [...known.filter(isPrimary), ...known.filter((site) => !isPrimary(site))];
}

/** Whether a site has the primary catalog. */
export function isPrimary(site: Pick<SiteView, "role">): boolean {
  return site.role === "primary-catalog";
}

/** What a site knows before it has read a central zone: itself and the catalog sites, no zone. Both serials are 0. */
export function bootstrapView(packet: WelcomePacket): MeshView {
  const others = packet.catalogs.filter((catalog) => catalog.name !== packet.site.name);
  const sites = [siteView(packet.site), ...others].map((site) => ({
    ...site,
    addresses: [...site.addresses].sort(),
    sources: [...site.sources].sort(),
  }));
  return { directorySerial: 0, catalogSerial: 0, sites: byName(sites), zones: [] };
}

/** What other sites know of a site. */
export function siteView({ name, role, addresses, sources, retired }: WelcomePacket["site"]): SiteView {
  return { name, role, addresses, sources, ...(retired !== undefined && { retired }) };
}

/** Whether a view has never been confirmed by the central zones (see {@link bootstrapView}). */
export function isBootstrap(view: MeshView): boolean {
  return view.directorySerial === 0 && view.catalogSerial === 0;
}

/**
 * The view with the packet's catalog sites in it, their packet addresses after those that the view knows.
 *
 * For a site that was handed a newer packet while it could not read the directory: where the catalogs moved meanwhile,
 * the packet is the only way back. Not for every day, since the packet of a site that is long up may be the older one.
 */
export function withPacketCatalogs(view: MeshView, packet: WelcomePacket): MeshView {
  const merged = view.sites.map((site) => {
    const catalog = packet.catalogs.find((candidate) => candidate.name === site.name);
    return catalog === undefined ? site : { ...site, ...joinReach(site, catalog) };
  });
  const missing = packet.catalogs.filter((catalog) => !view.sites.some((site) => site.name === catalog.name));
  return { ...view, sites: byName([...merged, ...missing]) };
}

function joinReach(site: SiteView, catalog: CatalogServer): Pick<SiteView, "addresses" | "sources"> {
  return {
    addresses: [...new Set([...site.addresses, ...catalog.addresses])],
    sources: [...new Set([...site.sources, ...catalog.sources])],
  };
}
