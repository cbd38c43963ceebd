import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../base/errors";
import { isRetired, zoneRetirement } from "../mesh/limits";
import type { Mesh } from "../mesh/model";
import type { SharedConfig } from "../settings/shared-settings";
import { findStack, type FormerOutputs, type FoundStack, qualified } from "./former-outputs";
import { heldBack } from "./held-back";
import { leavesAnything, primaryIn, type Published, publishedOf, readPublished } from "./published";

type Listed = Pick<SharedConfig, "mesh" | "emptied">;

/** What a removal is judged by. */
export interface RemovalFacts {
  /** What the shared stack said when it was brought up last. */
  readonly former: FormerOutputs | undefined;
  /** ISO date. */
  readonly today: string;
  /** Looks up a stack of this project. @throws UserError when it is there, or may be, and cannot be read. */
  readonly find: (stack: string) => Promise<FoundStack>;
}

/**
 * Makes sure that no zone leaves the list that was not retired before, or that still has DnsRecords, and that the sites
 * will not hold back what leaves: by what this stack said when it was brought up last, the owners' stacks, where they are
 * called as the sites are, and the primary's. A site that leaves takes its zones along, which is reported.
 *
 * @throws UserError that names each such zone and site and what to do.
 */
export async function requireRetired(listed: Listed, facts: Omit<RemovalFacts, "find">): Promise<void> {
  const found = await reviewRemovals(listed, { ...facts, find: (stack) => findStack(qualified(stack)) });
  if (found.refused.length > 0) throw new UserError(found.refused.join("\n"));
  for (const warning of found.warnings) await pulumi.log.warn(warning);
}

/** Why what is gone from the list may not leave yet, and what else there is to say of it; a sentence each. */
export async function reviewRemovals(
  { mesh, emptied }: Listed,
  facts: RemovalFacts,
): Promise<{ readonly refused: readonly string[]; readonly warnings: readonly string[] }> {
  const before = formerZones(readPublished(facts.former?.["sites"]));
  const owners = new Map<string, OwnerReport>();
  for (const { owner } of removedZones(before, mesh))
    if (!owners.has(owner)) owners.set(owner, await reportOf(owner, facts));
  const input = { before, mesh, today: facts.today, owners, emptied };
  const unseen = unseenRemovals(input).map(
    ({ name, owner }) =>
      `there is no stack "${owner}" to say whether DnsRecords are in the zone "${name}", which leaves the list; if ${owner} was brought up under another name, its own up looks`,
  );
  const leaving = zonesLeavingWithSites(input).map(
    ({ name, owner }) =>
      `the zone "${name}" leaves the mesh with ${owner}; ${owner} alone goes on answering it, and keeps its DnsRecords`,
  );
  return {
    refused: [...refusedRemovals(input), ...(await heldBackNow(mesh, facts))],
    warnings: [...unseen, ...leaving],
  };
}

async function reportOf(owner: string, { find }: RemovalFacts): Promise<OwnerReport> {
  try {
    const stack = await find(owner);
    return stack.kind === "missing" ? stack : { kind: "known", stillIn: stillInOf(stack.outputs) };
  } catch (error) {
    return { kind: "unreadable", reason: messageOf(error) };
  }
}

/** What the sites would hold back. They know what the primary published last, which may be older than the shared stack's last time. */
async function heldBackNow(mesh: Mesh, facts: RemovalFacts): Promise<readonly string[]> {
  const [listed, after] = [readPublished(facts.former?.["sites"]), publishedOf(mesh)];
  if (!leavesAnything(listed, after)) return [];
  const before = await publishedBy(primaryIn(facts.former?.["sites"]), listed, facts);
  return heldBack({ before, after, today: facts.today });
}

/**
 * What a primary published last; nothing where it was never brought up. Where that cannot be read, what this stack said
 * last must do. A primary whose stack is called otherwise looks once more in its own `up`.
 */
async function publishedBy(primary: string | undefined, listed: Published, { find }: RemovalFacts): Promise<Published> {
  if (primary === undefined) return listed;
  try {
    const stack = await find(primary);
    if (stack.kind === "missing") return {};
    const { published } = stack.outputs;
    return published === undefined ? listed : readPublished(published);
  } catch {
    return listed;
  }
}

/** Shapes that this release does not write count as nothing reported. */
function stillInOf({ retiring }: FormerOutputs): StillIn {
  if (typeof retiring !== "object" || retiring === null) return {};
  return Object.fromEntries(
    Object.entries(retiring).flatMap(([zone, names]) => (Array.isArray(names) ? [[zone, names.map(String)]] : [])),
  );
}

/** A zone as the list had it when the shared stack was brought up last. */
export interface FormerZone {
  readonly name: string;
  readonly owner: string;
  /** The earlier of its own date and its site's. */
  readonly retired?: string;
}

/** What an owner's stack said of its zones that retire: for each the DnsRecords that were still in it. */
export type StillIn = Readonly<Record<string, readonly string[]>>;

/** What is known of an owner's DnsRecords: its stack's output, that it has no stack, or why its stack cannot be read. */
export type OwnerReport =
  | { readonly kind: "known"; readonly stillIn: StillIn }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly reason: string };

/** What {@link refusedRemovals} decides on. */
export interface RemovalInput {
  readonly before: readonly FormerZone[];
  readonly mesh: Mesh;
  /** ISO date. */
  readonly today: string;
  /** By owner. */
  readonly owners: ReadonlyMap<string, OwnerReport>;
  /** Zones for which the user has looked for DnsRecords himself. */
  readonly emptied: readonly string[];
}

const guide = "docs/guides/retiring-a-zone.md";

/** All zones that were published, with their owners. */
export function formerZones(published: Published): readonly FormerZone[] {
  return Object.entries(published).flatMap(([owner, site]) =>
    Object.entries(site.zones).map(([name, zone]) => ({ name, owner, ...zoneRetirement(zone, site) })),
  );
}

/** Zones that no site has any more, although their owner stays. One that another site has now has moved. */
export function removedZones(before: readonly FormerZone[], mesh: Mesh): readonly FormerZone[] {
  const sites = new Set(mesh.sites.map(({ name }) => name));
  return goneZones(before, mesh).filter(({ owner }) => sites.has(owner));
}

/** Zones that go with a site that leaves, unless they were retired. */
export function zonesLeavingWithSites(input: Pick<RemovalInput, "before" | "mesh" | "today">): readonly FormerZone[] {
  const stay = new Set(removedZones(input.before, input.mesh));
  return goneZones(input.before, input.mesh).filter((zone) => !stay.has(zone) && !isRetired(zone, input.today));
}

/**
 * Why zones may not leave the list yet, a sentence each: they were not retired, or DnsRecords are in them. A site that
 * leaves takes its zones along all the same: that is often an emergency, and everything of it stays in its own cluster.
 */
export function refusedRemovals({ before, mesh, today, owners, emptied }: RemovalInput): readonly string[] {
  return removedZones(before, mesh).flatMap((zone) => {
    const report = emptied.includes(zone.name) ? undefined : owners.get(zone.owner);
    const problem = markProblem(zone, today) ?? recordsProblem(zone, report);
    return problem === undefined ? [] : [`mesh.sites: the zone "${zone.name}" of ${zone.owner} ${problem} (${guide})`];
  });
}

/** Zones that may leave although it is unknown whether DnsRecords are in them: their owner has no stack of its name. */
export function unseenRemovals({ before, mesh, owners, emptied }: RemovalInput): readonly FormerZone[] {
  return removedZones(before, mesh).filter(
    ({ name, owner }) => owners.get(owner)?.kind === "missing" && !emptied.includes(name),
  );
}

/** Most names that a text lists. */
const mostNames = 20;

/** Names in their order, and beyond twenty how many more there are. */
export function namesText(names: readonly string[]): readonly string[] {
  const sorted = [...names].sort();
  const more = sorted.length - mostNames;
  return more <= 0 ? sorted : [...sorted.slice(0, mostNames), `and ${more} more`];
}

function markProblem({ owner, retired }: FormerZone, today: string): string | undefined {
  if (retired === undefined)
    return (
      `is gone from the list and was not retired, and every site would stop answering it at once; ` +
      `put it back with "retired: ${today}", bring up shared, the primary and ${owner}, and take it off after that`
    );
  if (retired > today)
    return `is retired from ${retired}, which has not come; put it back until then, or bring it up with an earlier date first`;
  return undefined;
}

function recordsProblem({ name, owner }: FormerZone, report: OwnerReport | undefined): string | undefined {
  if (report === undefined || report.kind === "missing") return undefined;
  if (report.kind === "unreadable")
    return (
      `is retired, but the stack "${owner}" cannot be read (${report.reason}), so that DnsRecords may be in it; make it readable and run this again, ` +
      `or look yourself (kubectl get dnsrecords -A at ${owner}) and set dns-mesh:emptied to ["${name}"]`
    );
  const records = report.stillIn[name];
  if (records === undefined)
    return `is retired, but ${owner} was not brought up since, so it is not known which DnsRecords are in it; put it back, bring up shared and ${owner}, and take it off after that`;
  if (records.length === 0) return undefined;
  return `still has DnsRecords: ${records.join(", ")}; put it back, delete them at ${owner}, bring up ${owner}, and take it off after that`;
}

function goneZones(before: readonly FormerZone[], mesh: Mesh): readonly FormerZone[] {
  const there = new Set(mesh.sites.flatMap(({ zones }) => zones.map(({ name }) => name)));
  return before.filter(({ name }) => !there.has(name));
}
