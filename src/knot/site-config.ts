import { catalogSitesOf, peersOf } from "../plan/peers";
import type { KeyRing, WelcomePacket, Zone } from "../mesh/model";
import type { MeshView, SiteView } from "../plan/view";
import { renderCatalogZone } from "./catalog-text";
import { soaLines } from "./central-zones";
import { isWriter, siblings, type SiteRuntime } from "./site-runtime";

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
  return new Map([
    ["conf/keys.conf", renderKeys(input.ring)],
    ["conf/peers.d/10-remotes.conf", renderRemotes(input)],
    ["conf/peers.d/20-templates.conf", renderTemplates(input)],
    ["conf/peers.d/30-catalog.conf", renderLocalCatalogStanza(input)],
    ["conf/zones.d/central.conf", renderCentralStanzas(input.packet)],
    ["conf/zones.d/own.conf", renderOwnStanzas(input)],
    [localCatalogFile, renderLocalCatalog(input)],
  ]);
}

/** The zones that the site takes from others, and the site that owns each. */
export function membersOf({
  packet,
  view,
}: Pick<SiteInput, "packet" | "view">): readonly { readonly name: string; readonly owner: string }[] {
  const own = new Set([...packet.site.zones.map((zone) => zone.name), packet.directoryZone, packet.catalogZone]);
  return view.zones.filter((zone) => !own.has(zone.name)).map(({ name, owner }) => ({ name, owner }));
}

/** Ids of Knot's templates for owners have a prefix, so that no site's name can meet `default` or another of ours. */
export function ownerTemplate(owner: string): string {
  return `owner-${owner}`;
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

function renderRemotes({ packet, ring, view, runtime }: SiteInput): string {
  const peers = peersOf({ packet, view });
  const replicas = siblings(runtime);
  const remote = (id: string, addresses: readonly string[]): Stanza => ({ id, address: addresses, key: ring.signing });
  const lists = [
    { id: "mesh", remote: peers.map((peer) => remoteId(peer.name)) },
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

/** What a zone is that comes from elsewhere: kept in the journal over restarts, asked for again within 30 s at worst. */
const secondary: Stanza = {
  "journal-content": "all",
  "zonefile-load": "none",
  "zonefile-sync": -1,
  "retry-max-interval": 30,
  acl: "mesh",
};

function renderTemplates(input: SiteInput): string {
  const { packet, view, runtime } = input;
  const notifySiblings = siblings(runtime).length > 0 ? ["siblings"] : [];
  const notifyMesh = peersOf({ packet, view }).length > 0 ? ["mesh"] : [];
  const own = isWriter(runtime)
    ? ownTemplates([...notifyMesh, ...notifySiblings])
    : [{ ...secondary, id: "own", master: ["replica-0"] }];
  const all: readonly Stanza[] = [
    ...own,
    centralTemplate(input, [...(isCatalog(packet.site) ? notifyMesh : []), ...notifySiblings]),
    ...ownersOf(input).map((owner) => ({
      ...secondary,
      id: ownerTemplate(owner),
      ...masters(mastersFor(input, owner)),
      ...notify(notifySiblings),
    })),
  ];
  // A zone with a template takes nothing from the default one.
  return section(
    "template",
    all.map((template) => ({ ...template, storage: `"${runtime.storage}/zones"` })),
  );
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
function centralTemplate(input: SiteInput, targets: readonly string[]): Stanza {
  const { packet, runtime } = input;
  if (packet.site.role === "primary-catalog" && isWriter(runtime)) {
    return { id: "central", ...fileDriven, acl: "mesh", ...notify(targets) };
  }
  const writer = packet.site.role === "primary-catalog" ? ["replica-0"] : [];
  // All else waits for these two, so that they are asked for sooner than members.
  return {
    ...secondary,
    id: "central",
    "retry-max-interval": 10,
    ...masters([...writer, ...catalogRemotes(input)]),
    ...notify(targets),
  };
}

/** A zone that comes from a file: differences go out, the serial is Knot's own business, the file is never written. */
const fileDriven: Stanza = {
  "journal-content": "all",
  "zonefile-load": "difference-no-serial",
  "zonefile-sync": -1,
  "serial-policy": "unixtime",
};

function renderLocalCatalogStanza(input: SiteInput): string {
  const templates = ownersOf(input).map(ownerTemplate);
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

function renderLocalCatalog(input: SiteInput): string {
  const apex = soaLines({
    zone: localCatalogZone,
    mname: "invalid",
    rname: "invalid",
    serial: 1,
    timers: { refresh: 3600, retry: 600, expire: 2_147_483_646, minimum: 0 },
  });
  return renderCatalogZone({
    apex,
    members: membersOf(input).map(({ name, owner }) => ({ name, group: ownerTemplate(owner) })),
  });
}

/** Sites that get a template: every peer, and owners of members beyond (this site itself, a site that is held back). */
function ownersOf(input: SiteInput): readonly string[] {
  const owners = [...peersOf(input).map((peer) => peer.name), ...membersOf(input).map((member) => member.owner)];
  return owners.length === 0 ? [input.packet.site.name] : [...new Set(owners)].sort(compareText);
}

/** Whom to ask for a zone: its owner first, then the catalog sites. Never the server itself. */
function mastersFor(input: SiteInput, owner: string): readonly string[] {
  const isPeer = peersOf(input).some((peer) => peer.name === owner);
  return [...new Set([...(isPeer ? [remoteId(owner)] : []), ...catalogRemotes(input)])];
}

function catalogRemotes({ packet, view }: SiteInput): readonly string[] {
  return catalogSitesOf({ packet, view })
    .filter((site) => site.name !== packet.site.name)
    .map((site) => remoteId(site.name));
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

type Value = string | number | boolean | readonly string[];
type Stanza = Readonly<Record<string, Value>>;

/** A section of Knot's configuration; nothing when it has no items. The first field of an item must be its id. */
function section(name: string, items: readonly Stanza[]): string {
  if (items.length === 0) return "";
  return `${name}:\n${items.map(renderStanza).join("")}\n`;
}

function renderStanza(stanza: Stanza): string {
  const { id, domain, ...rest } = stanza;
  const head = id === undefined ? { domain } : { id };
  const fields = Object.entries({ ...head, ...rest });
  return fields.map(([key, value], i) => `${i === 0 ? "  - " : "    "}${key}: ${renderValue(value)}\n`).join("");
}

function renderValue(value: Value | undefined): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "object") return `[${value.join(", ")}]`;
  return String(value);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
