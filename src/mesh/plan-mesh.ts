import { byName } from "../base/text";
import { compareSerials } from "../dns/serial";
import { type Epoch, highestEpoch, isAbove } from "./epoch";
import { replacement } from "./fence";
import { isRetired, type Limits, mostRemovals } from "./limits";
import { isBootstrap } from "./peers";
import type { DiscoveredMesh, RefusedDiscovery } from "./read-view";
import type { Held, MeshChange, MeshPlan, MeshView, SiteView, ZoneView } from "./view";

/** What a pass knows and found. No clock, no network: equal inputs give equal plans. */
export interface PlanInput {
  /** Name of the site that plans. */
  readonly self: string;
  /** The last good view; undefined (or a bootstrap view) when the central zones were never read. */
  readonly known: MeshView | undefined;
  readonly discovered: DiscoveredMesh | RefusedDiscovery;
  readonly limits: Limits;
  /** ISO date. */
  readonly today: string;
  /** The highest epoch that is known from elsewhere, such as the packet or another catalog site. */
  readonly epoch?: Epoch | undefined;
}

const nothing: MeshView = { directorySerial: 0, catalogSerial: 0, sites: [], zones: [] };

/**
 * Decides what becomes of the known view, given what the central zones say now.
 *
 * | discovered                                             | next                                        |
 * |--------------------------------------------------------|---------------------------------------------|
 * | refused, older than known, or without this site        | what is known                               |
 * | of an epoch below one that is known                    | what is known, whatever the serials         |
 * | of an epoch above the known view's                     | as below, whatever the serials              |
 * | more sites or zones                                    | they are added                              |
 * | other addresses, sources, role, owner                  | changed                                     |
 * | fewer, within the limits                               | removed                                     |
 * | fewer, marked retired (in what is *known*) and due     | removed, not counted                        |
 * | fewer than that                                        | all of these stay, held until confirmed     |
 * | fewer zones, within the limits, of a site that is held | these stay, held with their site            |
 * | an entry that the two zones disagree on, or a bad one  | what is known of it stays                   |
 *
 * Planning again with the result as what is known changes nothing: `next` is then the very object that is known.
 */
export function planMesh(input: PlanInput): MeshPlan {
  const { discovered, limits, today } = input;
  const known = input.known ?? nothing;
  const refusal = discovered.kind === "refused" ? discovered.refusal : refusalOf(input, known, discovered);
  if (refusal !== undefined || discovered.kind === "refused") {
    return { next: known, changes: [], held: heldIn(known), ...(refusal !== undefined && { refusal }) };
  }
  const bound = isBootstrap(known) ? { least: Infinity, share: 1 } : limits;
  const retiredSites = namesOf(known.sites.filter((site) => isRetired(site, today)));
  const foundSites = namesOf(discovered.view.sites);
  const heldZones = new Set(known.held?.zones ?? []);
  // A retired site takes its zones along. A zone that is held already was gone before the mark came, unless the site went too.
  const goesWithOwner = ({ name, owner }: ZoneView): boolean =>
    retiredSites.has(owner) && !(heldZones.has(name) && foundSites.has(owner));
  const sites = settle({
    known: known.sites,
    found: discovered.view.sites,
    uncertain: discovered.uncertain.sites,
    held: known.held?.sites ?? [],
    mayGo: (site) => retiredSites.has(site.name),
    limits: bound,
  });
  const heldSites = new Set(sites.held);
  const zones = settle({
    known: known.zones,
    found: discovered.view.zones,
    uncertain: discovered.uncertain.zones,
    held: known.held?.zones ?? [],
    mayGo: (zone) => isRetired(zone, today) || goesWithOwner(zone),
    stays: (zone) => heldSites.has(zone.owner),
    limits: bound,
  });
  const next = assemble({ known, view: discovered.view, sites, zones });
  return { next, changes: changesBetween(known, next), held: heldIn(next) };
}

/** A view that is whole in itself, but may not follow the one that is known. */
function refusalOf(
  { self, epoch }: Pick<PlanInput, "self" | "epoch">,
  known: MeshView,
  { view, uncertain }: DiscoveredMesh,
): MeshPlan["refusal"] {
  const replaced = replacement(view.epoch, highestEpoch(known.epoch, epoch));
  if (replaced !== undefined) return replaced;
  const older = setBack(known, view);
  if (older !== undefined) return older;
  if (view.sites.some((site) => site.name === self) || uncertain.sites.includes(self)) return undefined;
  return {
    kind: "self-missing",
    reason: `the directory does not know this site, ${self}; what was known last stays in service`,
  };
}

/** Why a view may not follow one that is known, by the serials (RFC 1982); those of an epoch above need not follow. */
export function setBack(
  known: Pick<MeshView, "directorySerial" | "catalogSerial" | "epoch">,
  view: Pick<MeshView, "directorySerial" | "catalogSerial" | "epoch">,
): MeshPlan["refusal"] {
  if (isAbove(view.epoch, known.epoch)) return undefined;
  const pairs = [
    { what: "directory", from: known.directorySerial, to: view.directorySerial },
    { what: "catalog", from: known.catalogSerial, to: view.catalogSerial },
  ];
  const back = pairs.find(({ from, to }) => from !== 0 && from !== to && compareSerials(from, to) !== -1);
  return (
    back && {
      kind: "older",
      reason: `the ${back.what} has serial ${back.to}, which does not follow ${back.from} (RFC 1982)`,
    }
  );
}

interface Settled<T> {
  readonly entries: readonly T[];
  readonly held: readonly string[];
}

/** Sites or zones: what is found, plus what is known and may not go. */
function settle<T extends { readonly name: string }>(input: {
  readonly known: readonly T[];
  readonly found: readonly T[];
  readonly uncertain: readonly string[];
  readonly held: readonly string[];
  readonly mayGo: (entry: T) => boolean;
  /** Held however few they are. @default none */
  readonly stays?: (entry: T) => boolean;
  readonly limits: Limits;
}): Settled<T> {
  const found = new Set(input.found.map((entry) => entry.name));
  const uncertain = new Set(input.uncertain);
  const wasHeld = new Set(input.held);
  const absent = input.known.filter((entry) => !found.has(entry.name));
  const doubtful = absent.filter((entry) => uncertain.has(entry.name));
  const missing = absent.filter((entry) => !uncertain.has(entry.name) && !input.mayGo(entry));
  const stuck = missing.filter((entry) => wasHeld.has(entry.name));
  const fresh = missing.filter((entry) => !wasHeld.has(entry.name));
  // What leaves with leave, and what is held already, says nothing about how large the mesh is.
  const confirmed = absent.length - doubtful.length - missing.length;
  const tooMany = fresh.length > mostRemovals(input.limits, input.known.length - stuck.length - confirmed);
  const held = [...stuck, ...fresh.filter((entry) => tooMany || input.stays?.(entry) === true)];
  return { entries: [...input.found, ...doubtful, ...held], held: held.map((entry) => entry.name).sort() };
}

function assemble(parts: {
  known: MeshView;
  view: MeshView;
  sites: Settled<SiteView>;
  zones: Settled<ZoneView>;
}): MeshView {
  const names = new Set(parts.sites.entries.map((site) => site.name));
  // A zone that stays needs its owner's addresses: a site that may go stays as long as zones of its are held.
  const needed = new Set(parts.zones.entries.map((zone) => zone.owner).filter((owner) => !names.has(owner)));
  const owners = parts.known.sites.filter((site) => needed.has(site.name));
  const held = { sites: parts.sites.held, zones: parts.zones.held };
  return shareView(parts.known, {
    directorySerial: parts.view.directorySerial,
    catalogSerial: parts.view.catalogSerial,
    sites: byName([...parts.sites.entries, ...owners]),
    zones: byName(parts.zones.entries),
    ...(parts.view.topology !== undefined && { topology: parts.view.topology }),
    ...(parts.view.nameServers !== undefined && { nameServers: parts.view.nameServers }),
    ...(parts.view.epoch !== undefined && { epoch: parts.view.epoch }),
    ...(held.sites.length + held.zones.length > 0 && { held }),
  });
}

function heldIn({ sites, zones, held }: MeshView): readonly Held[] {
  const [heldSites, heldZones] = [new Set(held?.sites), new Set(held?.zones)];
  const ofHeldSites =
    heldZones.size > 0 && zones.some(({ name, owner }) => heldSites.has(owner) && heldZones.has(name));
  const tooMany = "more than may leave at once";
  const lists = [
    { kind: "sites" as const, why: tooMany, names: held?.sites ?? [], total: sites.length },
    {
      kind: "zones" as const,
      why: ofHeldSites ? `${tooMany}, or zones of sites that stay` : tooMany,
      names: held?.zones ?? [],
      total: zones.length,
    },
  ];
  return lists
    .filter(({ names }) => names.length > 0)
    .map(({ kind, why, names, total }) => ({
      kind,
      names,
      reason:
        `${names.length} of ${total} ${kind} are gone from the central zones, ${why}; they stay in service. ` +
        `To confirm, put them back with a retired date, bring the primary up, and then remove them; to undo, put them back`,
    }));
}

function namesOf(entries: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(entries.map((entry) => entry.name));
}

/**
 * The later view with everything that is equal in the earlier one taken from there: an equal view is the earlier object
 * itself, an equal entry the earlier entry. So what changed shows by identity, and two views of a large mesh take little
 * more memory than one.
 */
function shareView(earlier: MeshView, later: MeshView): MeshView {
  const shared = { ...later, sites: share(earlier.sites, later.sites), zones: share(earlier.zones, later.zones) };
  return isEqual(earlier, shared) ? earlier : shared;
}

function share<T extends { readonly name: string }>(earlier: readonly T[], later: readonly T[]): readonly T[] {
  const known = new Map(earlier.map((entry) => [entry.name, entry]));
  const shared = later.map((entry) => {
    const old = known.get(entry.name);
    return old !== undefined && isEqual(old, entry) ? old : entry;
  });
  return isEqual(earlier, shared) ? earlier : shared;
}

/** Equality of plain data; what is the same object is equal without a look inside. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), b as Readonly<Record<string, unknown>>];
  return left.length === Object.keys(b).length && left.every(([key, value]) => isEqual(value, right[key]));
}

/** The steps from one view to another: the topology, then sites and zones, each kind sorted by name. */
function changesBetween(from: MeshView, to: MeshView): readonly MeshChange[] {
  const topology: readonly MeshChange[] =
    from.topology === to.topology ? [] : [{ kind: "topology-changed", to: to.topology ?? "full" }];
  return [...topology, ...siteChanges(from.sites, to.sites), ...zoneChanges(from.zones, to.zones)];
}

function siteChanges(from: readonly SiteView[], to: readonly SiteView[]): readonly MeshChange[] {
  const before = new Map(from.map((site) => [site.name, site]));
  const after = new Map(to.map((site) => [site.name, site]));
  return eitherName(before, after).flatMap((site): readonly MeshChange[] => {
    const [old, now] = [before.get(site), after.get(site)];
    if (now === undefined) return [{ kind: "site-removed", site }];
    if (old === undefined) return [{ kind: "site-added", site }];
    if (old === now) return [];
    const fields = (["role", "addresses", "sources", "nameServer", "retired"] as const).filter(
      (field) => JSON.stringify(old[field]) !== JSON.stringify(now[field]),
    );
    return fields.length > 0 ? [{ kind: "site-changed", site, fields }] : [];
  });
}

function zoneChanges(from: readonly ZoneView[], to: readonly ZoneView[]): readonly MeshChange[] {
  const before = new Map(from.map((zone) => [zone.name, zone]));
  const after = new Map(to.map((zone) => [zone.name, zone]));
  return eitherName(before, after).flatMap((zone): readonly MeshChange[] => {
    const [old, now] = [before.get(zone), after.get(zone)];
    if (now === undefined) return old === undefined ? [] : [{ kind: "zone-removed", zone, owner: old.owner }];
    if (old === undefined) return [{ kind: "zone-added", zone, owner: now.owner }];
    return old.owner === now.owner ? [] : [{ kind: "zone-moved", zone, from: old.owner, to: now.owner }];
  });
}

/** The names that either has, sorted. */
function eitherName(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort();
}
