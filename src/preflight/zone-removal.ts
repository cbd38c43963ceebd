import type { Mesh } from "../mesh/model";
import { isRetired, zoneRetirement } from "../mesh/limits";

/** A zone as the list had it when the shared stack was brought up last. */
export interface FormerZone {
  readonly name: string;
  readonly owner: string;
  /** The earlier of its own date and its site's. */
  readonly retired?: string;
}

/** What an owner's stack said of its zones that retire: for each the DnsRecords that were still in it. */
export type StillIn = Readonly<Record<string, readonly string[]>>;

/** What {@link refusedRemovals} decides on. */
export interface RemovalInput {
  readonly before: readonly FormerZone[];
  readonly mesh: Mesh;
  /** ISO date. */
  readonly today: string;
  /** By owner; undefined for one whose stack cannot be read. */
  readonly stillIn: ReadonlyMap<string, StillIn | undefined>;
}

const guide = "docs/guides/retiring-a-zone.md";

/**
 * Reads the zones of the last time from the welcome packets in the shared stack's outputs. What cannot be read counts as
 * none: it may come from any release.
 */
export function formerZones(packets: unknown): readonly FormerZone[] {
  return Object.entries(fields(packets)).flatMap(([owner, packet]) => {
    const site = fields(fields(packet)["site"]);
    const zones = Array.isArray(site["zones"]) ? site["zones"].map(fields) : [];
    return zones.flatMap(({ name, retired }) => {
      if (typeof name !== "string") return [];
      return [{ name, owner, ...zoneRetirement(markOf(retired), markOf(site["retired"])) }];
    });
  });
}

/** Zones that nobody has any more, although their owner stays. One that another site has now has moved. */
export function removedZones(before: readonly FormerZone[], mesh: Mesh): readonly FormerZone[] {
  const sites = new Set(mesh.sites.map(({ name }) => name));
  return goneZones(before, mesh).filter(({ owner }) => sites.has(owner));
}

/** Zones that go with a site that leaves, unless they were retired. */
export function zonesLeavingWithSites(o: Pick<RemovalInput, "before" | "mesh" | "today">): readonly FormerZone[] {
  const stay = new Set(removedZones(o.before, o.mesh));
  return goneZones(o.before, o.mesh).filter((zone) => !stay.has(zone) && !isRetired(zone, o.today));
}

/**
 * Why zones may not leave the list yet, a sentence each: they were not retired, or DnsRecords are in them. A site that
 * leaves takes its zones along all the same: that is often an emergency, and everything of it stays in its own cluster.
 */
export function refusedRemovals({ before, mesh, today, stillIn }: RemovalInput): readonly string[] {
  return removedZones(before, mesh).flatMap((zone) => {
    const problem = problemOf(zone, today, stillIn.get(zone.owner));
    return problem === undefined ? [] : [`mesh.sites: the zone "${zone.name}" of ${zone.owner} ${problem} (${guide})`];
  });
}

/** Most names that a text lists. */
const mostNames = 20;

/** Names in their order, and beyond twenty how many more there are. */
export function namesText(names: readonly string[]): readonly string[] {
  const sorted = [...names].sort();
  const more = sorted.length - mostNames;
  return more <= 0 ? sorted : [...sorted.slice(0, mostNames), `and ${more} more`];
}

function problemOf({ name, owner, retired }: FormerZone, today: string, stillIn?: StillIn): string | undefined {
  if (retired === undefined)
    return (
      `is gone from the list and was not retired, and every site would stop answering it at once; ` +
      `put it back with "retired: ${today}", bring up shared, the primary and ${owner}, and take it off after that`
    );
  if (retired > today)
    return `is retired from ${retired}, which has not come; put it back until then, or bring it up with an earlier date first`;
  if (stillIn === undefined) return undefined;
  const records = stillIn[name];
  if (records === undefined)
    return `is retired, but ${owner} was not brought up since, so nobody knows which DnsRecords are in it; put it back, bring up shared and ${owner}, and take it off after that`;
  if (records.length === 0) return undefined;
  return `still has DnsRecords: ${records.join(", ")}; put it back, delete them at ${owner}, bring up ${owner}, and take it off after that`;
}

function goneZones(before: readonly FormerZone[], mesh: Mesh): readonly FormerZone[] {
  const there = new Set(mesh.sites.flatMap(({ zones }) => zones.map(({ name }) => name)));
  return before.filter(({ name }) => !there.has(name));
}

function markOf(retired: unknown): { readonly retired?: string } {
  return typeof retired === "string" ? { retired } : {};
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
