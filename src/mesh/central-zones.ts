import type { Mesh, Site, Zone } from "./model";
import { catalogSites, serverName } from "./welcome";
import { renderCatalogZone } from "./catalog-text";

/** SOA timers in seconds. */
export interface SoaTimers {
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** Sites poll a central zone every minute even when a NOTIFY was lost, and serve it for 42 days without the primary. */
const centralTimers: SoaTimers = { refresh: 60, retry: 10, expire: 3_628_800, minimum: 60 };

/** Label below the directory that says how much the directory holds. */
export const meshLabel = "_mesh";

/** Label below the directory under which zones stand by their full names. */
export const zoneLabel = "_zone";

/**
 * The directory zone in master-file format, its serial a placeholder (see `stampSerial`; Knot counts it up by itself).
 *
 * Sorted by name, so that the order of the list does not show and the text changes only with the content.
 */
export function renderDirectory(mesh: Mesh, o: { readonly timers?: SoaTimers } = {}): string {
  const zone = mesh.directoryZone;
  const sites = [...mesh.sites].sort((a, b) => compareText(a.name, b.name));
  const owned = sites.flatMap((site) => site.zones.map((member) => ({ site, member })));
  owned.sort((a, b) => compareText(a.member.name, b.member.name));
  const lines = [
    ...renderApex({ zone, mesh, timers: o.timers ?? centralTimers }),
    ...catalogSites(mesh).map((site) => `@ NS ${serverName(site.name, zone)}.`),
    `${meshLabel} TXT ${quoted(outlineFacts(mesh, owned.length))}`,
    ...sites.flatMap(siteLines),
    ...owned.map(({ site, member }) => zoneLine({ site, member, zone })),
  ];
  return `${lines.join("\n")}\n`;
}

/** The catalog zone (RFC 9432, version 2) in master-file format, its serial a placeholder. `group` names the owner. */
export function renderCatalog(mesh: Mesh): string {
  const members = mesh.sites.flatMap((site) => site.zones.map((zone) => ({ name: zone.name, group: site.name })));
  const apex = renderApex({ zone: mesh.catalogZone, mesh, timers: centralTimers });
  return renderCatalogZone({ apex, members });
}

function renderApex({ zone, mesh, timers }: { zone: string; mesh: Mesh; timers: SoaTimers }): readonly string[] {
  const primary = catalogSites(mesh)[0];
  const mname = primary === undefined ? "invalid" : serverName(primary.name, mesh.directoryZone);
  return soaLines({ zone, mname, rname: `hostmaster.${mesh.directoryZone}`, serial: 1, timers });
}

/** `$ORIGIN`, `$TTL` and the SOA record at the head of a zone. */
export function soaLines(o: {
  zone: string;
  mname: string;
  rname: string;
  serial: number;
  timers: SoaTimers;
}): readonly string[] {
  const { refresh, retry, expire, minimum } = o.timers;
  return [
    `$ORIGIN ${o.zone}.`,
    `$TTL ${minimum}`,
    `@ SOA ${o.mname}. ${o.rname}. ${o.serial} ${refresh} ${retry} ${expire} ${minimum}`,
  ];
}

/** A full mesh says nothing of its topology, as before there was any other. */
function outlineFacts({ sites, topology }: Mesh, zones: number): readonly string[] {
  const facts = ["version=1", `sites=${sites.length}`, `zones=${zones}`];
  return topology === "full" ? facts : [...facts, `topology=${topology}`];
}

function siteLines(site: Site): readonly string[] {
  const facts = [`role=${site.role}`, ...site.sources.map((source) => `source=${source}`), ...retiredFact(site)];
  return [
    ...site.addresses.map((address) => `${site.name} ${address.includes(":") ? "AAAA" : "A"} ${address}`),
    `${site.name} TXT ${quoted(facts)}`,
  ];
}

function zoneLine({ site, member, zone }: { site: Site; member: Zone; zone: string }): string {
  const facts = [`server=${serverName(site.name, zone)}`, ...retiredFact(member)];
  return `${member.name}.${zoneLabel} TXT ${quoted(facts)}`;
}

function retiredFact({ retired }: { readonly retired?: string }): readonly string[] {
  return retired === undefined ? [] : [`retired=${retired}`];
}

function quoted(strings: readonly string[]): string {
  return strings.map((string) => `"${string}"`).join(" ");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
