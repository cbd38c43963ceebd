import { isDeepStrictEqual } from "node:util";

import { compareText } from "../../base/text";
import type { Mesh, Site, Zone } from "../../mesh/model";
import { catalogSites } from "../../mesh/welcome";

/** What is done to something. */
export type Action = "add" | "change" | "remove";

/** One thing that a new list changes. */
export interface DnsChange {
  /** The site that it is about; "mesh" for what is of no single one. */
  readonly site: string;
  readonly what: "mesh" | "site" | "zone" | "records" | "peers" | "policy";
  readonly action: Action;
  readonly name: string;
  /** What differs, for a reader. */
  readonly detail?: string;
  /** Why an undo does not bring everything back. */
  readonly irreversible?: string;
  /** The setting that was changed, as `docs/changing-settings.md` calls it. */
  readonly setting?: string;
}

/** What a change of the list is of: the mesh as it was brought up last, if ever, and as it is to be. */
export interface MeshStep {
  readonly before: Mesh | undefined;
  readonly after: Mesh;
}

/** What the list changes about the mesh, its sites and zones. */
export function listChanges({ before, after }: MeshStep): readonly DnsChange[] {
  const known = before ?? { ...after, sites: [] };
  return [
    ...meshChanges(known, after, before !== undefined),
    ...siteChanges(known, after),
    ...waitingSites(known, after),
    ...zoneChanges(known, after),
  ];
}

function meshChanges(before: Mesh, after: Mesh, isUp: boolean): readonly DnsChange[] {
  if (!isUp) return [];
  const field = (name: "topology" | "transport" | "directoryZone" | "catalogZone"): readonly DnsChange[] =>
    before[name] === after[name]
      ? []
      : [
          {
            ...{ site: "mesh", what: "mesh", action: "change", name, setting: `mesh.${name}` },
            detail: `${before[name]} → ${after[name]}`,
            ...(name.endsWith("Zone") && { irreversible: "every site begins with it: this is another mesh" }),
          },
        ];
  return [
    ...field("directoryZone"),
    ...field("catalogZone"),
    ...field("topology"),
    ...field("transport"),
    ...serversChange(before, after, { site: "mesh", what: "mesh", name: "nameServers" }),
    ...promotion(before, after),
  ];
}

/** Other name servers, of the mesh or of a zone. */
function serversChange(
  was: Pick<Mesh, "nameServers">,
  now: Pick<Mesh, "nameServers">,
  of: Pick<DnsChange, "site" | "what" | "name">,
): readonly DnsChange[] {
  if (isDeepStrictEqual(was.nameServers, now.nameServers)) return [];
  const said = ({ nameServers }: Pick<Mesh, "nameServers">): string => String(nameServers ?? "not said");
  const setting = of.what === "zone" ? "mesh.sites[].zones[].nameServers" : "mesh.nameServers";
  return [{ ...of, action: "change", setting, detail: `name servers: ${said(was)} → ${said(now)}` }];
}

function promotion(before: Mesh, after: Mesh): readonly DnsChange[] {
  const [from, to] = [catalogSites(before)[0]?.name, catalogSites(after)[0]?.name];
  if (from === undefined || to === undefined || from === to) return [];
  return [
    {
      ...{ site: "mesh", what: "mesh", action: "change", name: "primary-catalog", setting: "mesh.sites[].role" },
      detail: `${from} → ${to}, in a new epoch`,
      irreversible: "sites follow no lower epoch: the way back is one more epoch",
    },
  ];
}

function siteChanges(before: Mesh, after: Mesh): readonly DnsChange[] {
  const [old, now] = [byName(before.sites), byName(after.sites)];
  const added = after.sites.filter(({ name }) => !old.has(name));
  const removed = before.sites.filter(({ name }) => !now.has(name));
  return [
    ...added.map((site): DnsChange => ({
      ...{ site: site.name, what: "site", action: "add", name: site.name, setting: "mesh.sites" },
      detail: `${site.role}, asked at ${site.addresses.join(", ")}`,
    })),
    ...removed.map((site): DnsChange => ({
      ...{ site: site.name, what: "site", action: "remove", name: site.name, setting: "mesh.sites" },
      irreversible: "the other sites drop their copies of its zones; its own cluster keeps them",
    })),
    ...after.sites.flatMap((site) => {
      const was = old.get(site.name);
      return was === undefined ? [] : siteFields(was, site);
    }),
  ];
}

/** New sites that come to the directory once their load balancers have given them addresses. */
function waitingSites(before: Mesh, { waiting = [] }: Mesh): readonly DnsChange[] {
  const known = byName(before.sites);
  return waiting
    .filter(({ name }) => !known.has(name))
    .map(({ name, role, addresses, zones }): DnsChange => ({
      ...{ site: name, what: "site", action: "add", name, setting: "mesh.sites" },
      detail: `${role}, in the directory with its zones (${zones.length}) once ${addresses.length === 0 ? "its load balancer" : "that of the primary"} has given an address`,
    }));
}

function siteFields(was: Site, site: Site): readonly DnsChange[] {
  const change = (field: "role" | "addresses" | "sources" | "nameServer"): readonly DnsChange[] =>
    isDeepStrictEqual(was[field], site[field])
      ? []
      : [
          {
            ...{ site: site.name, what: "site", action: "change", name: field, setting: `mesh.sites[].${field}` },
            detail: `${String(was[field] ?? "by its name")} → ${String(site[field] ?? "by its name")}`,
          },
        ];
  return [
    ...change("role"),
    ...change("addresses"),
    ...change("sources"),
    ...change("nameServer"),
    ...retirement(was, site, { of: "site", site: site.name }),
  ];
}

function retirement(
  was: { readonly retired?: string },
  now: { readonly name: string; readonly retired?: string },
  { of, site }: { readonly of: "site" | "zone"; readonly site: string },
): readonly DnsChange[] {
  if (was.retired === now.retired) return [];
  const setting = of === "site" ? "mesh.sites[].retired" : "mesh.sites[].zones[].retired";
  const detail = now.retired === undefined ? "no longer retired" : `retired from ${now.retired}`;
  return [{ site, what: of, action: "change", name: now.name, detail, setting }];
}

interface Owned {
  readonly owner: string;
  readonly zone: Zone;
}

function zoneChanges(before: Mesh, after: Mesh): readonly DnsChange[] {
  const [old, now] = [ownedBy(before), ownedBy(after)];
  const added = [...now].filter(([name]) => !old.has(name));
  const removed = [...old].filter(([name]) => !now.has(name));
  return [
    ...added.flatMap(([, { owner, zone }]) => newZone(owner, zone)),
    ...removed.map(([name, { owner }]): DnsChange => ({
      ...{ site: owner, what: "zone", action: "remove", name, setting: "mesh.sites[].zones" },
      irreversible: "its copies at the other sites go; its owner's volume keeps it until it is lost",
    })),
    ...[...now].flatMap(([name, { owner, zone }]) => {
      const was = old.get(name);
      return was === undefined ? [] : [...moved(was, { owner, zone }), ...zoneFields(was.zone, zone, owner)];
    }),
  ];
}

function newZone(owner: string, zone: Zone): readonly DnsChange[] {
  const records = initialRecordsOf(zone);
  return [
    {
      ...{ site: owner, what: "zone", action: "add", name: zone.name, setting: "mesh.sites[].zones" },
      ...(zone.dnssec !== false && { detail: "signed" }),
    },
    ...(records.length > 0
      ? [
          {
            ...({ site: owner, what: "records", action: "add", name: zone.name } as const),
            detail: `it begins with ${records.length} records: ${shortList(records)}`,
          },
        ]
      : []),
  ];
}

/** Records that the list gives a zone to begin with, as lines of a zone file. */
export function initialRecordsOf({ records, zoneFile }: Pick<Zone, "records" | "zoneFile">): readonly string[] {
  if (records !== undefined) return records;
  const lines = zoneFile?.split("\n") ?? [];
  return lines.filter((line) => !/^\s*(;|\$|$)/.test(line)).map((line) => line.trim().replace(/\s+/g, " "));
}

function shortList(lines: readonly string[]): string {
  const [most, longest] = [5, 80];
  const shown = lines.slice(0, most).map((line) => (line.length > longest ? `${line.slice(0, longest)}…` : line));
  return [...shown, ...(lines.length > most ? [`and ${lines.length - most} more`] : [])].join("; ");
}

function moved(was: Owned, { owner, zone }: Owned): readonly DnsChange[] {
  if (was.owner === owner) return [];
  return [
    {
      ...{ site: owner, what: "zone", action: "change", name: zone.name, setting: "mesh.sites[].zones" },
      detail: `moves here from ${was.owner}`,
      irreversible: `DnsRecords stay behind in ${was.owner}'s cluster, where they have no effect`,
    },
  ];
}

function zoneFields(was: Zone, zone: Zone, owner: string): readonly DnsChange[] {
  const of = { site: owner, action: "change", name: zone.name } as const;
  const dnssec: readonly DnsChange[] = isDeepStrictEqual(was.dnssec, zone.dnssec)
    ? []
    : [
        {
          ...{ ...of, what: "zone", setting: "mesh.sites[].zones[].dnssec" },
          detail: `dnssec: ${signing(was.dnssec)} → ${signing(zone.dnssec)}`,
        },
      ];
  const isSameContent = isDeepStrictEqual(initialRecordsOf(was), initialRecordsOf(zone));
  const records: readonly DnsChange[] = isSameContent
    ? []
    : [{ ...of, what: "records", detail: "no effect: what a zone begins with counts when it is new" }];
  return [
    ...dnssec,
    ...records,
    ...serversChange(was, zone, { site: owner, what: "zone", name: zone.name }),
    ...retirement(was, zone, { of: "zone", site: owner }),
  ];
}

function signing(dnssec: Zone["dnssec"]): string {
  return typeof dnssec === "boolean" ? (dnssec ? "on" : "off") : JSON.stringify(dnssec).replace(/"/g, "");
}

function ownedBy({ sites }: Mesh): ReadonlyMap<string, Owned> {
  return new Map(sites.flatMap(({ name, zones }) => zones.map((zone) => [zone.name, { owner: name, zone }] as const)));
}

function byName(sites: readonly Site[]): ReadonlyMap<string, Site> {
  return new Map(sites.map((site) => [site.name, site]));
}

/** The mesh first, then site by site; within each in an order that does not depend on the list's. */
export function ordered(changes: readonly DnsChange[]): readonly DnsChange[] {
  const rank = (change: DnsChange): string =>
    [
      change.site === "mesh" ? "" : change.site,
      order.indexOf(change.what),
      change.name,
      change.action,
      change.detail,
    ].join("\0");
  return [...changes].sort((one, other) => compareText(rank(one), rank(other)));
}

const order: readonly DnsChange["what"][] = ["mesh", "site", "zone", "records", "peers", "policy"];
