import { hash32 } from "../base/text";
import type { WelcomePacket } from "./model";
import { catalogSitesOf, peersOf } from "./peers";
import type { MeshView, SiteView } from "./view";

/** A site's packet and the mesh as it knows it. */
export interface KnownMesh {
  readonly packet: WelcomePacket;
  readonly view: MeshView;
}

/**
 * Which sites get a NOTIFY for the zones that originate with a site, sorted by name.
 *
 * | topology | site     | notified                                   |
 * |----------|----------|--------------------------------------------|
 * | full     | any      | every other site                           |
 * | hub      | standard | the hubs, which are the catalog sites      |
 * | hub      | hub      | the other hubs, and the sites at home here |
 */
export function audienceOf(at: KnownMesh): readonly SiteView[] {
  const peers = peersOf(at);
  if (!isHubbed(at.view)) return peers;
  const hubs = hubNames(at);
  const { name } = at.packet.site;
  return peers.filter((peer) => hubs.includes(peer.name) || (hubs.includes(name) && homeOf(peer.name, hubs) === name));
}

/** Which sites a hub notifies of other sites' zones that changed here: the standard sites at home at one of these hubs. */
export function relayAudienceOf(at: KnownMesh, homes: readonly string[]): readonly SiteView[] {
  if (!isHub(at)) return [];
  const hubs = hubNames(at);
  return peersOf(at).filter((peer) => !hubs.includes(peer.name) && homes.includes(homeOf(peer.name, hubs)));
}

/** Whether a site passes other sites' zones on. */
export function isHub(at: KnownMesh): boolean {
  return isHubbed(at.view) && hubNames(at).includes(at.packet.site.name);
}

/**
 * Whom a site asks for another's zone, by name, in this order and never itself; for any owner, since there may be many.
 *
 * In a full mesh, and at the hubs, that is the owner and then the catalog sites. A standard site of a mesh with hubs asks
 * the hub that it is at home at, then the other hubs; the owner stays the fallback.
 */
export function sourcesOf(at: KnownMesh): (owner: string) => readonly string[] {
  const self = at.packet.site.name;
  const sites = new Set(at.view.sites.map(({ name }) => name));
  const hubs = hubNames(at);
  const home = isHubbed(at.view) && !hubs.includes(self) ? fromHome(self, hubs) : undefined;
  return (owner) => {
    const first = sites.has(owner) ? [owner] : [];
    const order = home === undefined ? [...first, ...hubs] : [...home, ...first];
    return [...new Set(order)].filter((name) => name !== self);
  };
}

/** Whom a site asks for the central zones: the catalog sites, the primary first, or the hub at home. Never itself. */
export function centralSourcesOf(at: KnownMesh): readonly string[] {
  const self = at.packet.site.name;
  const hubs = hubNames(at);
  const order = isHubbed(at.view) && !hubs.includes(self) ? fromHome(self, hubs) : hubs;
  return order.filter((name) => name !== self);
}

/** The hub that a standard site is at home at: all sites come to the same result, and few move when a hub comes or goes. */
export function homeOf(site: string, hubs: readonly string[]): string {
  const [best] = [...hubs].sort((a, b) => hash32(`${site} ${b}`) - hash32(`${site} ${a}`));
  return best ?? "";
}

function fromHome(site: string, hubs: readonly string[]): readonly string[] {
  const home = homeOf(site, hubs);
  return [home, ...hubs.filter((hub) => hub !== home)];
}

function isHubbed(view: MeshView): boolean {
  return view.topology === "hub";
}

function hubNames(at: KnownMesh): readonly string[] {
  return catalogSitesOf(at).map(({ name }) => name);
}
