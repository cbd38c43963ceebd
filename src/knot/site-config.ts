import { peersOf } from "../plan/peers";
import { audienceOf, centralSourcesOf, sourcesOf } from "../plan/topology";
import type { KeyRing, WelcomePacket, Zone } from "../mesh/model";
import type { MeshView, SiteView } from "../plan/view";
import { renderCatalogZone } from "./catalog-text";
import { soaLines } from "./central-zones";
import { cookiesFile, renderCookies } from "./cookies";
import { memberId } from "./member-id";
import { isWriter, siblings, type SiteRuntime } from "./site-runtime";
import { section, type Stanza } from "./stanza";
import { centralTimers, memberTimers, type Timers } from "./timers";

export { renderKnotConf } from "./knot-conf";
export type { SiteRuntime } from "./site-runtime";

/** The zone that Knot interprets: the members that the plan lets through. Never leaves the server. */
export const localCatalogZone = "local-catalog.invalid";

/** Where the local catalog's file stands on the volume. Rewriting it and `zone-reload` is all that a membership takes. */
export const localCatalogFile = `zones/${localCatalogZone}.zone`;

/** What the files of a site are made from. */
export interface SiteInput {
  readonly packet: WelcomePacket;
  readonly ring: KeyRing;
  readonly view: MeshView;
  readonly runtime: SiteRuntime;
}

/**
 * Every file that changes while a site runs, by its path on the volume.
 *
 * Own zones are those of the packet and stay static, whatever the view says of them: nothing in a central zone can
 * purge an origin. Every other zone of the view is a member of the local catalog, under the template of its owner. A
 * zone that the view gives to this site, but the packet does not yet, stays a member (fetched from the catalog sites),
 * so that it is served until this site takes it over.
 */
export function renderSiteFiles(input: SiteInput): Map<string, string> {
  const peers = peersOf(input);
  const members = membersOf(input);
  const outline: Outline = { ...input, peers, members, owners: ownersOf({ ...input, peers, members }) };
  return new Map([
    ["conf/keys.conf", renderKeys(input.ring)],
    [cookiesFile, renderCookies(input.ring, input.packet.site.name)],
    ["conf/peers.d/10-remotes.conf", renderRemotes(outline)],
    ["conf/peers.d/20-templates.conf", renderTemplates(outline)],
    ["conf/peers.d/30-catalog.conf", renderLocalCatalogStanza(outline)],
    ["conf/zones.d/central.conf", renderCentralStanzas(input.packet)],
    ["conf/zones.d/own.conf", renderOwnStanzas(input)],
    [localCatalogFile, renderLocalCatalog(outline)],
  ]);
}

/** A zone that is taken from another site. */
interface Member {
  readonly name: string;
  readonly owner: string;
}

/** What the files are made from, with what follows from it and several of them need. */
interface Outline extends SiteInput {
  readonly peers: readonly SiteView[];
  readonly members: readonly Member[];
  /** Sites that have a template. */
  readonly owners: readonly string[];
}

/** The zones that the site takes from others, and the site that owns each. */
export function membersOf({ packet, view }: Pick<SiteInput, "packet" | "view">): readonly Member[] {
  const own = new Set([...packet.site.zones.map((zone) => zone.name), packet.directoryZone, packet.catalogZone]);
  return view.zones.filter((zone) => !own.has(zone.name)).map(({ name, owner }) => ({ name, owner }));
}

/**
 * Id of Knot's template for an owner's zones. The prefix keeps a site's name from meeting `default` or another of ours.
 * Long names give way to a hash: all ids stand in one list, `catalog-template`, and Knot keeps a list in 65,535 octets.
 */
export function ownerTemplate(owner: string): string {
  return owner.length <= 10 ? `owner-${owner}` : `owner_${memberId(owner).slice(0, 10)}`;
}

function remoteId(site: string): string {
  return `peer-${site}`;
}

function renderKeys(ring: KeyRing): string {
  const keys = [...ring.accepted].sort((a, b) => compareText(a.name, b.name));
  return (
    section(
      "key",
      keys.map((key) => ({ id: key.name, algorithm: key.algorithm, secret: key.secret })),
    ) + section("acl", [{ id: "mesh", key: keys.map((key) => key.name), action: ["transfer", "notify"] }])
  );
}

function renderRemotes(outline: Outline): string {
  const { peers, ring, runtime } = outline;
  const replicas = siblings(runtime);
  const remote = (id: string, addresses: readonly string[]): Stanza => ({ id, address: addresses, key: ring.signing });
  const lists = [
    ...audienceLists(outline).map(({ id, names }) => ({ id, remote: names.map(remoteId) })),
    { id: "siblings", remote: replicas.map((replica) => replica.id) },
  ];
  return (
    section("remote", [
      ...peers.map((peer) =>
        remote(
          remoteId(peer.name),
          peer.addresses.map((address) => `${address}@${runtime.remotePort}`),
        ),
      ),
      ...replicas.map(({ id, address, port }) => remote(id, [`${address}@${port}`])),
    ]) +
    section(
      "remotes",
      lists.filter((list) => list.remote.length > 0),
    )
  );
}

/** Octets of one list; Knot takes 65,535, three more for each id included. */
const longestList = 60_000;

/** Lists of those whom Knot sends NOTIFY for the zones of this site. */
function audienceLists(outline: Outline): readonly { readonly id: string; readonly names: readonly string[] }[] {
  const lists: string[][] = [];
  let room = 0;
  for (const { name } of audienceOf(outline)) {
    room -= remoteId(name).length + 3;
    if (room < 0) {
      lists.push([]);
      room = longestList;
    }
    lists.at(-1)?.push(name);
  }
  return lists.map((names, i) => ({ id: i === 0 ? "mesh" : `mesh-${i}`, names }));
}

/** What a zone is that comes from elsewhere: kept in the journal over restarts. */
const secondary: Stanza = {
  "journal-content": "all",
  "zonefile-load": "none",
  "zonefile-sync": -1,
  acl: "mesh",
};

function renderTemplates(input: Outline): string {
  const { packet, runtime } = input;
  const notifySiblings = siblings(runtime).length > 0 ? ["siblings"] : [];
  const notifyMesh = audienceLists(input).map(({ id }) => id);
  const own = isWriter(runtime)
    ? ownTemplates([...notifyMesh, ...notifySiblings])
    : [{ ...secondary, id: "own", "retry-max-interval": 30, master: ["replica-0"] }];
  const all: readonly Stanza[] = [
    ...own,
    centralTemplate(input, [...(isCatalog(packet.site) ? notifyMesh : []), ...notifySiblings]),
    ...input.owners.map((owner) => ({ ...memberTemplate(input, owner), ...notify(notifySiblings) })),
  ];
  // A zone with a template takes nothing from the default one.
  return section(
    "template",
    all.map((template) => ({ ...template, storage: `"${runtime.storage}/zones"` })),
  );
}

/** How a zone is taken from its owner. Hubs pass changes on by their agents, which know whom a zone belongs to. */
function memberTemplate(input: Outline, owner: string): Stanza {
  const sources = sourcesOf(input, owner);
  const { sites, zones } = input.view;
  const spread = `${input.packet.site.name} ${owner}`;
  const timers = memberTimers({ sites: sites.length, zones: zones.length, sources: sources.length, spread });
  return {
    ...secondary,
    id: ownerTemplate(owner),
    ...intervals(timers),
    ...masters(sources.map(remoteId)),
  };
}

/** A zone without content is asked for at shorter intervals, which a least one would stretch. */
function intervals({ refresh, retry }: Timers): Stanza {
  const rare = retry > 30 ? { "retry-min-interval": retry } : {};
  return { "refresh-min-interval": refresh, ...rare, "retry-max-interval": retry };
}

/** Own zones live from updates: the file is read at the start and written by Knot, the journal holds what came since. */
function ownTemplates(targets: readonly string[]): readonly Stanza[] {
  const own: Stanza = {
    "journal-content": "changes",
    "zonefile-load": "whole",
    "zonefile-sync": 300,
    "serial-policy": "unixtime",
    acl: "mesh",
    ...notify(targets),
  };
  return [
    { ...own, id: "own" },
    { ...own, id: "own-signed", "dnssec-signing": true, "dnssec-policy": "mesh" },
  ];
}

/**
 * The central zones. The primary's writer loads files and counts the serial up by itself. All others are plain
 * secondaries: they do not interpret the catalog, since a Knot that does obeys it before anybody could check it.
 */
function centralTemplate(input: Outline, targets: readonly string[]): Stanza {
  const { packet, runtime } = input;
  if (packet.site.role === "primary-catalog" && isWriter(runtime)) {
    return { id: "central", ...fileDriven, acl: "mesh", ...notify(targets) };
  }
  const writer = packet.site.role === "primary-catalog" ? ["replica-0"] : [];
  const sources = [...writer, ...centralSourcesOf(input).map(remoteId)];
  const sites = input.view.sites.length;
  // All else waits for these two, so that they are asked for sooner than members.
  const timers = centralTimers({ sites, sources: sources.length, spread: packet.site.name });
  return { ...secondary, id: "central", ...intervals(timers), ...masters(sources), ...notify(targets) };
}

/** A zone that comes from a file: differences go out, the serial is Knot's own business, the file is never written. */
const fileDriven: Stanza = {
  "journal-content": "all",
  "zonefile-load": "difference-no-serial",
  "zonefile-sync": -1,
  "serial-policy": "unixtime",
};

function renderLocalCatalogStanza(input: Outline): string {
  const templates = input.owners.map(ownerTemplate);
  return section("zone", [
    { domain: localCatalogZone, ...fileDriven, "catalog-role": "interpret", "catalog-template": templates },
  ]);
}

function renderCentralStanzas(packet: WelcomePacket): string {
  return section(
    "zone",
    [packet.directoryZone, packet.catalogZone].map((domain) => ({ domain, template: "central" })),
  );
}

function renderOwnStanzas({ packet, runtime }: SiteInput): string {
  const zones = [...packet.site.zones].sort((a, b) => compareText(a.name, b.name));
  const template = (zone: Zone): string => (zone.dnssec && isWriter(runtime) ? "own-signed" : "own");
  return section(
    "zone",
    zones.map((zone) => ({ domain: zone.name, template: template(zone) })),
  );
}

function renderLocalCatalog(input: Outline): string {
  const apex = soaLines({
    zone: localCatalogZone,
    mname: "invalid",
    rname: "invalid",
    serial: 1,
    timers: { refresh: 3600, retry: 600, expire: 2_147_483_646, minimum: 0 },
  });
  return renderCatalogZone({
    apex,
    members: input.members.map(({ name, owner }) => ({ name, group: ownerTemplate(owner) })),
  });
}

/** Sites that get a template: every peer, and owners of members beyond (this site itself, a site that is held back). */
function ownersOf({ packet, peers, members }: Omit<Outline, "owners">): readonly string[] {
  const owners = [...peers.map((peer) => peer.name), ...members.map((member) => member.owner)];
  return owners.length === 0 ? [packet.site.name] : [...new Set(owners)].sort(compareText);
}

function isCatalog(site: Pick<SiteView, "role">): boolean {
  return site.role !== "standard";
}

function masters(ids: readonly string[]): Stanza {
  return ids.length === 0 ? {} : { master: ids };
}

function notify(ids: readonly string[]): Stanza {
  return ids.length === 0 ? {} : { notify: ids };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
