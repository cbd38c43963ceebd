import { isDeepStrictEqual } from "node:util";

import { isMap, isScalar, isSeq, parse, type YAMLMap } from "yaml";

import { UserError } from "../../base/errors";
import { foldName, siteNameProblem, zoneNameProblem } from "../../base/names";
import { canonicalAddress } from "../../dns/address";
import type { Mesh, Site, SiteRole } from "../../mesh/model";
import { listedSites, primaryOf } from "../../mesh/waiting";
import { parseMesh } from "../../settings/parse";
import { type ListFile, readList, zoneIndex, zonesOf } from "./list-file";
import { appended, byHand, inOneLine, rangeOf, type Splice, spliced, withField, without } from "./yaml-text";

/** An edit of the one list. */
export interface ListEdit {
  /** The file's new text; the old one when nothing is to do. */
  readonly text: string;
  /** The mesh that the new text has. */
  readonly mesh: Mesh;
  /** What was done, or that nothing was to do, in a sentence. */
  readonly said: string;
  /** Stacks to bring up next, in this order; none when nothing changed. */
  readonly next: readonly string[];
  /** What else to do, before or after that. */
  readonly hints: readonly string[];
}

/** A site to be. */
export interface NewSite {
  readonly name: string;
  readonly role: SiteRole;
  /** `auto`: those that its load balancer gets. */
  readonly addresses: readonly string[] | "auto";
  readonly sources?: readonly string[];
  readonly zones?: readonly string[];
}

/** A zone to be. */
export interface NewZone {
  readonly name: string;
  readonly site: string;
  readonly dnssec?: boolean;
  readonly zoneFile?: string;
}

/** One more site at the end of the list. @throws UserError when a site of that name is there and is another one, or a rule is broken. */
export function addSite(list: ListFile, site: NewSite): ListEdit {
  const there = listedSites(list.mesh).find(({ name }) => name === site.name);
  if (there !== undefined) {
    const differing = differences(there, site);
    if (differing.length === 0) return unchanged(list, `${list.file} has the site ${site.name} already`);
    throw new UserError(
      `${list.file}: there is a site "${site.name}" already, with other ${differing.join(", ")}; edit its entry, or choose another name`,
    );
  }
  const { name, role, addresses, sources = [], zones = [] } = site;
  const entry = {
    name,
    role,
    addresses,
    ...(sources.length > 0 && { sources }),
    ...(zones.length > 0 && { zones }),
  };
  const edit = edited(list, appended(list.text, list.sites, entry), (sites) => [...sites, entry]);
  return {
    ...edit,
    said: `${list.file}: ${name} is a ${role} site`,
    next: upOrder(list, edit.mesh, name),
    hints: [
      `Before the first up of ${name}, its stack (with Pulumi Cloud the first word is your organization; the context is that of its cluster):`,
      `  pulumi stack init ${name}`,
      `  pulumi config set dns-mesh:shared organization/dns-mesh/${list.stack} -s ${name}`,
      `  pulumi config set dns-mesh:context ${name} -s ${name}`,
    ],
  };
}

function differences(there: Site, { role, addresses, sources, zones = [] }: NewSite): readonly string[] {
  const fieldsOf: Readonly<Record<string, readonly [unknown, unknown]>> = {
    role: [there.role, role],
    addresses: [
      there.auto === true ? "auto" : there.addresses,
      addresses === "auto" ? addresses : addresses.map((address) => canonicalAddress(address) ?? address),
    ],
    ...(sources !== undefined && { sources: [there.sources, sources] }),
    zones: [there.zones.map(({ name }) => name), zones.map(foldName)],
  };
  return Object.entries(fieldsOf).flatMap(([field, [one, other]]) => (isDeepStrictEqual(one, other) ? [] : [field]));
}

/** The list without a site. Whether it may go is not judged here. */
export function removeSite(list: ListFile, name: string): ListEdit {
  const index = list.indexOf(name);
  if (index < 0) return unchanged(list, noSite(list, name));
  requireSite(list, name);
  if (primaryOf(list.mesh) === name)
    throw new UserError(
      `${list.file}: ${name} is the primary-catalog, without which there is no mesh; promote another site first: mesh promote SITE`,
    );
  const edit = edited(list, without(list.text, list.sites, index), (sites) => sites.filter((_, i) => i !== index));
  return {
    ...edit,
    said: `${list.file}: ${name} is off the list`,
    next: upOrder(list, edit.mesh),
    hints: [
      `${name} goes on answering until its stack is destroyed: docs/guides/onboarding-a-site.md, removing a site`,
    ],
  };
}

/** Marks a site, and with it its zones, to leave from a day on. */
export function retireSite(list: ListFile, name: string, day: string): ListEdit {
  const site = requireSite(list, name);
  const entry = list.entryOf(name);
  const index = list.indexOf(name);
  if (site.retired === day) return unchanged(list, `${list.file}: ${name} is retired from ${day} already`);
  const edit = edited(list, marked(list, entry, day), (sites) =>
    sites.map((each, i) => (i === index ? { ...(each as object), retired: day } : each)),
  );
  return {
    ...edit,
    said: `${list.file}: ${name} and its zones are retired from ${day}; they are served as ever`,
    next: upOrder(list, edit.mesh, name),
    hints: [`after that: mesh site remove ${name}`],
  };
}

/** One more zone of a site. */
export function addZone(list: ListFile, zone: NewZone): ListEdit {
  const site = requireSite(list, zone.site);
  const name = foldName(zone.name);
  const problem = zoneNameProblem(name);
  if (problem !== undefined) throw new UserError(`"${zone.name}" ${problem}`);
  const owner = listedSites(list.mesh).find(({ zones }) => zones.some((each) => each.name === name));
  if (owner === site) return unchanged(list, `${list.file}: ${site.name} has the zone ${name} already`);
  if (owner !== undefined)
    throw new UserError(
      `${list.file}: the zone "${name}" is ${owner.name}'s; to move it, edit the list, and see docs/guides/retiring-a-zone.md for what stays behind`,
    );
  const { dnssec = false, zoneFile } = zone;
  const isPlain = !dnssec && zoneFile === undefined;
  const value = isPlain ? name : { name, ...(dnssec && { dnssec }), ...(zoneFile !== undefined && { zoneFile }) };
  const entry = list.entryOf(site.name);
  const zones = zonesOf(entry);
  const splices =
    zones === undefined ? withField(list.text, entry, ["zones", [value]]) : appended(list.text, zones, value);
  const edit = edited(
    list,
    splices,
    changedZones(list, site.name, (before) => [...before, value]),
  );
  return {
    ...edit,
    said: `${list.file}: ${site.name} has the zone ${name}`,
    next: upOrder(list, edit.mesh, site.name),
    hints: [],
  };
}

/** Marks a zone to leave from a day on. */
export function retireZone(list: ListFile, wanted: string, day: string): ListEdit {
  const { site, zone, zones, index } = requireZone(list, wanted);
  if (zone.retired === day) return unchanged(list, `${list.file}: ${zone.name} is retired from ${day} already`);
  const item: unknown = zones.items[index];
  const edit = edited(
    list,
    isMap(item) ? marked(list, item, day) : [markedScalar(list, item, day)],
    changedZones(list, site.name, (before) =>
      before.map((each, i) => {
        if (i !== index) return each;
        return typeof each === "string" ? { name: each, retired: day } : { ...(each as object), retired: day };
      }),
    ),
  );
  return {
    ...edit,
    said: `${list.file}: ${zone.name} is retired from ${day}; it is served as ever`,
    next: upOrder(list, edit.mesh, site.name),
    hints: [
      `then see what is still in it (pulumi stack output retiring -s ${site.name}), and once nothing is: mesh zone remove ${zone.name}`,
    ],
  };
}

/** The list without a zone. Whether it may go is not judged here. */
export function removeZone(list: ListFile, wanted: string): ListEdit {
  const name = foldName(wanted);
  if (!listedSites(list.mesh).some(({ zones }) => zones.some((zone) => zone.name === name)))
    return unchanged(list, noZone(list, name));
  const { site, zones, index } = requireZone(list, wanted);
  const edit = edited(
    list,
    without(list.text, zones, index),
    changedZones(list, site.name, (before) => before.filter((_, i) => i !== index)),
  );
  return {
    ...edit,
    said: `${list.file}: ${name} is off the list`,
    next: upOrder(list, edit.mesh, site.name),
    hints: [],
  };
}

/**
 * The addresses that a site's load balancer has, beside `addresses: auto`.
 *
 * @throws UserError for a site whose addresses are written by hand, and for addresses that break a rule.
 */
export function setFound(list: ListFile, name: string, addresses: readonly string[]): ListEdit {
  const site = requireAuto(list, name);
  if (isDeepStrictEqual(site.addresses, addresses))
    return unchanged(list, `${list.file}: ${name} is at ${addresses.join(", ")}`);
  const entry = list.entryOf(name);
  const index = list.indexOf(name);
  const edit = edited(list, foundSplices(list.text, entry, addresses), (sites) =>
    sites.map((each, i) => (i === index ? { ...(each as object), found: addresses } : each)),
  );
  return { ...edit, said: foundText(list, site, addresses), next: upOrder(list, edit.mesh, name), hints: [] };
}

/** What the load balancer of a site has. */
export interface SiteAddresses {
  readonly site: string;
  readonly addresses: readonly string[];
}

/**
 * {@link setFound} of several sites at once: of two that have changed places neither address is free before the other.
 *
 * @returns the list's text, and a sentence for each.
 */
export function setFoundTogether(
  list: ListFile,
  found: readonly SiteAddresses[],
): { readonly text: string; readonly said: readonly string[] } {
  const said = found.map(({ site, addresses }) => foundText(list, requireAuto(list, site), addresses));
  const splices = found.flatMap(({ site, addresses }) => foundSplices(list.text, list.entryOf(site), addresses));
  const byIndex = new Map(found.map(({ site, addresses }) => [list.indexOf(site), addresses]));
  const { text } = edited(list, splices, (sites) =>
    sites.map((each, i) => (byIndex.has(i) ? { ...(each as object), found: byIndex.get(i) } : each)),
  );
  return { text, said };
}

function requireAuto(list: ListFile, name: string): Site {
  const site = requireSite(list, name);
  if (site.auto !== true)
    throw new UserError(`${list.file}: ${name} has addresses of its own in the list; write auto there first`);
  return site;
}

function foundText({ file }: ListFile, { name, addresses: before }: Site, addresses: readonly string[]): string {
  const was = before.length === 0 ? "" : ` instead of ${before.join(", ")}`;
  return `${file}: ${name} is at ${addresses.join(", ")}${was}, by its load balancer`;
}

function foundSplices(text: string, entry: YAMLMap, addresses: readonly string[]): readonly Splice[] {
  const found: unknown = entry.get("found", true);
  if (found === undefined) return withField(text, entry, ["found", addresses]);
  if (!isSeq(found)) throw byHand("found is not written in its place");
  // One by one, so that what is written beside each stays.
  if (found.items.length === addresses.length || found.flow !== true)
    return addresses.map((address, i) => {
      const item = found.items[i];
      if (item === undefined || found.items.length !== addresses.length)
        throw byHand(`found has ${found.items.length} lines, and there are ${addresses.length} addresses`);
      const [from, to] = rangeOf(item);
      return { from, to, text: inOneLine(address) };
    });
  const [from, to] = rangeOf(found);
  return [{ from, to, text: inOneLine(addresses) }];
}

function unchanged(list: ListFile, said: string): ListEdit {
  return { text: list.text, mesh: list.mesh, said: `${said}: nothing to do`, next: [], hints: [] };
}

/** Shared first, then the primary, then the site at hand. */
function upOrder({ stack }: ListFile, mesh: Mesh, site?: string): readonly string[] {
  return [...new Set([stack, primaryOf(mesh), ...(site === undefined ? [] : [site])])];
}

function noSite({ file, mesh }: ListFile, name: string): string {
  return `${file}: there is no site "${name}"; there are ${listedSites(mesh)
    .map((site) => site.name)
    .join(", ")}`;
}

function noZone({ file }: ListFile, name: string): string {
  return `${file}: no site has the zone "${name}"`;
}

function requireSite(list: ListFile, name: string): Site {
  const problem = siteNameProblem(name);
  if (problem !== undefined) throw new UserError(`"${name}" ${problem}`);
  const site = listedSites(list.mesh).find((each) => each.name === name);
  if (site === undefined) throw new UserError(noSite(list, name));
  return site;
}

function requireZone(list: ListFile, wanted: string) {
  const name = foldName(wanted);
  for (const site of listedSites(list.mesh)) {
    const zone = site.zones.find((each) => each.name === name);
    const zones = zone === undefined ? undefined : zonesOf(list.entryOf(site.name));
    if (zone !== undefined && zones !== undefined) return { site, zone, zones, index: zoneIndex(zones, name) };
  }
  throw new UserError(noZone(list, name));
}

function marked({ text }: ListFile, entry: YAMLMap, day: string): readonly Splice[] {
  const before: unknown = entry.get("retired", true);
  if (before === undefined) return withField(text, entry, ["retired", day]);
  const [from, to] = rangeOf(before);
  return [{ from, to, text: JSON.stringify(day) }];
}

function markedScalar({ text }: ListFile, item: unknown, day: string): Splice {
  if (!isScalar(item)) throw byHand("the zone is not written in its place");
  const [from, to] = rangeOf(item);
  return { from, to, text: `{ name: ${text.slice(from, to)}, retired: ${JSON.stringify(day)} }` };
}

type Sites = readonly unknown[];

function changedZones(list: ListFile, site: string, change: (zones: Sites) => Sites): (sites: Sites) => Sites {
  const index = list.indexOf(site);
  return (sites) =>
    sites.map((each, i) => {
      if (i !== index) return each;
      const entry = each as { readonly zones?: Sites };
      return { ...entry, zones: change(entry.zones ?? []) };
    });
}

/**
 * Carries an edit out, and makes sure that the new text says what was meant and nothing else.
 *
 * @param change - What the edit makes of the list of sites.
 * @throws UserError when the list that comes out breaks a rule, or is not what was meant.
 */
function edited(
  list: ListFile,
  splices: readonly Splice[],
  change: (sites: Sites) => Sites,
): Pick<ListEdit, "text" | "mesh"> {
  const meant = withSites(parse(list.text), change);
  const text = spliced(list.text, splices);
  // Rules first: what is wrong with the values is for the user, with the values' places.
  parseMesh(meshIn(meant));
  if (!isDeepStrictEqual(readable(text), meant))
    throw byHand(`${list.file} is written in a way that an edit would damage`);
  return { text, mesh: readList(list.file, text).mesh };
}

function readable(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

interface SharedFile {
  readonly config: { readonly "dns-mesh:mesh": { readonly sites: Sites } };
}

function meshIn(file: unknown): unknown {
  return (file as SharedFile).config["dns-mesh:mesh"];
}

function withSites(file: unknown, change: (sites: Sites) => Sites): unknown {
  const shared = file as SharedFile;
  const mesh = shared.config["dns-mesh:mesh"];
  return { ...shared, config: { ...shared.config, "dns-mesh:mesh": { ...mesh, sites: change(mesh.sites) } } };
}
