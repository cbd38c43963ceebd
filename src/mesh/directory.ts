import { hostNameProblem, siteNameProblem, zoneNameProblem } from "../base/names";
import { byName } from "../base/text";
import { isCidr } from "../dns/address";
import type { RecordData, ResourceRecord } from "../dns/record";
import { printZone } from "../dns/zone-text";
import { apexRecord, factsOf, RefusedZone, serialOf, textsByName } from "./central-zone";
import { epochFacts, readEpoch, type SignedEpoch } from "./epoch";
import type { Mesh, NameServers, Site, SiteRole, Zone } from "./model";
import { nameServerFacts, readNameServers, readOwnNameServers } from "./name-servers";
import type { SiteView } from "./view";
import { catalogSites, serverName } from "./welcome";

/** Label below the directory that says how much the directory holds. */
export const meshLabel = "_mesh";

/** Label below the directory under which zones stand by their full names. */
const zoneLabel = "_zone";

/** TTL of the central zones' records, in seconds. */
const ttl = 60;

/**
 * The records of the directory zone; {@link decodeDirectory} reads them. Sorted by name, so that the order of the list does
 * not show. The serial is a placeholder (see `stampSerial`; Knot counts it up by itself).
 */
export function encodeDirectory(mesh: Mesh): readonly ResourceRecord[] {
  const zone = mesh.directoryZone;
  const sites = byName(mesh.sites);
  const owned = sites.flatMap((site) => site.zones.map((member) => ({ site, member, name: member.name })));
  return [
    apexRecord(mesh, zone),
    ...catalogSites(mesh).map(({ name }) => record(zone, { type: "NS", target: serverName(name, zone) })),
    text(`${meshLabel}.${zone}`, meshFacts(mesh, owned.length)),
    ...sites.flatMap((site) => siteRecords(site, zone)),
    ...byName(owned).map(({ site, member }) => zoneRecord({ site, member, zone })),
  ];
}

/** The directory zone in master-file format. */
export function renderDirectory(mesh: Mesh): string {
  return printZone(mesh.directoryZone, encodeDirectory(mesh));
}

/** A full mesh says nothing of its topology, as before there was any other. */
function meshFacts({ sites, topology, nameServers, epoch }: Mesh, zones: number): readonly string[] {
  const facts = ["version=1", `sites=${sites.length}`, `zones=${zones}`];
  return [
    ...facts,
    ...(topology === "full" ? [] : [`topology=${topology}`]),
    ...nameServerFacts(nameServers),
    ...(epoch ? epochFacts(epoch) : []),
  ];
}

function siteRecords(site: Site, zone: string): readonly ResourceRecord[] {
  const name = serverName(site.name, zone);
  const facts = [
    `role=${site.role}`,
    ...site.sources.map((source) => `source=${source}`),
    ...(site.nameServer === undefined ? [] : [`host=${site.nameServer}`]),
    ...retiredFact(site),
  ];
  const addresses = site.addresses.map((address) =>
    record(name, { type: address.includes(":") ? "AAAA" : "A", address }),
  );
  return [...addresses, text(name, facts)];
}

function zoneRecord({ site, member, zone }: { site: Site; member: Zone; zone: string }): ResourceRecord {
  const facts = [
    `server=${serverName(site.name, zone)}`,
    ...nameServerFacts(member.nameServers),
    ...retiredFact(member),
  ];
  return text(`${member.name}.${zoneLabel}.${zone}`, facts);
}

function retiredFact({ retired }: { readonly retired?: string }): readonly string[] {
  return retired === undefined ? [] : [`retired=${retired}`];
}

function text(name: string, strings: readonly string[]): ResourceRecord {
  return record(name, { type: "TXT", strings });
}

function record(name: string, data: RecordData): ResourceRecord {
  return { name, class: "IN", ttl, ...data };
}

/**
 * A mesh with what the text of its directory says of name servers, as {@link renderDirectory} makes it: packets do not say
 * it. For what a shared stack said last.
 */
export function withNameServersOf(mesh: Mesh, text: string): Mesh {
  const facts = new Map(
    text.split("\n").flatMap((line): [string, ReadonlyMap<string, readonly string[]>][] => {
      const [, owner, data] = /^(\S+) (?:\d+ )?TXT (.*)$/.exec(line) ?? [];
      if (owner === undefined || data === undefined) return [];
      return [[owner, factsOf([...data.matchAll(/"([^"\\]*)"/g)].map(([, string = ""]) => string))]];
    }),
  );
  const said = (owner: string) => facts.get(owner) ?? new Map<string, readonly string[]>();
  return {
    ...mesh,
    ...readNameServers(said(meshLabel)),
    sites: mesh.sites.map((site) => {
      const nameServer = said(site.name).get("host")?.[0];
      const zones = site.zones.map((zone) => ({ ...zone, ...readNameServers(said(`${zone.name}.${zoneLabel}`)) }));
      return { ...site, zones, ...(nameServer !== undefined && { nameServer }) };
    }),
  };
}

/** What the directory says of a zone. */
interface DirectoryEntry {
  readonly owner: string;
  readonly nameServers?: NameServers;
  readonly retired?: string;
}

/** The directory zone, read entry by entry. */
export interface Directory {
  readonly serial: number;
  readonly topology?: "hub";
  readonly nameServers?: NameServers;
  /** As the zone says it, not checked yet. */
  readonly epoch?: SignedEpoch | "bad";
  readonly sites: readonly SiteView[];
  readonly badSites: readonly string[];
  readonly zones: ReadonlyMap<string, DirectoryEntry>;
  readonly badZones: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Reads the transferred directory zone. An entry that makes no sense becomes a problem and leaves the others alone.
 *
 * @throws RefusedZone for a zone without SOA or version, of another version, without sites, or with a number of entries
 *   other than it says of itself.
 */
export function decodeDirectory(zone: string, records: readonly ResourceRecord[]): Directory {
  const serial = serialOf(zone, records);
  const texts = textsByName(records);
  const record = readMeshRecord(zone, texts.get(`${meshLabel}.${zone}`));
  const siteNames = namesBelow(texts.keys(), zone).filter((name) => !name.includes(".") && name !== meshLabel);
  const zoneNames = namesBelow(texts.keys(), `${zoneLabel}.${zone}`);
  if (siteNames.length === 0) throw new RefusedZone("empty", `directory ${zone} has no site`);
  if (siteNames.length !== record.sites || zoneNames.length !== record.zones) {
    const has = `${siteNames.length} sites and ${zoneNames.length} zones`;
    throw new RefusedZone(
      "incomplete",
      `directory ${zone} has ${has}, but says that it has ${record.sites} and ${record.zones}`,
    );
  }
  const addresses = addressesByName(records);
  const sites = siteNames.map((name) =>
    readSite(name, texts.get(`${name}.${zone}`) ?? [], addresses.get(`${name}.${zone}`) ?? []),
  );
  const zones = zoneNames.map((name) => ({
    name,
    entry: readZone({ name, zone, texts: texts.get(`${name}.${zoneLabel}.${zone}`) ?? [] }),
  }));
  return {
    serial,
    ...(record.topology !== undefined && { topology: record.topology }),
    ...(record.nameServers !== undefined && { nameServers: record.nameServers }),
    ...(record.epoch !== undefined && { epoch: record.epoch }),
    sites: sites.flatMap((site) => (typeof site === "string" ? [] : [site])),
    badSites: siteNames.filter((_, i) => typeof sites[i] === "string"),
    zones: new Map(zones.flatMap(({ name, entry }) => (typeof entry === "string" ? [] : [[name, entry] as const]))),
    badZones: zones.flatMap(({ name, entry }) => (typeof entry === "string" ? [name] : [])),
    problems: [...sites, ...zones.map(({ entry }) => entry)].filter((item) => typeof item === "string"),
  };
}

function namesBelow(names: Iterable<string>, parent: string): readonly string[] {
  const end = `.${parent}`;
  return [...names].filter((name) => name.endsWith(end)).map((name) => name.slice(0, -end.length));
}

function addressesByName(records: readonly ResourceRecord[]): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, string[]>();
  for (const record of records) {
    if (record.type !== "A" && record.type !== "AAAA") continue;
    const known = addresses.get(record.name);
    if (known === undefined) addresses.set(record.name, [record.address]);
    else known.push(record.address);
  }
  return addresses;
}

/** What the directory says of itself: how much it holds, and how zones travel. A topology of a later release is read as `full`. */
function readMeshRecord(
  zone: string,
  texts: readonly (readonly string[])[] | undefined,
): Pick<Directory, "topology" | "nameServers" | "epoch"> & { readonly sites: number; readonly zones: number } {
  const facts = factsOf(texts?.[0] ?? []);
  const version = facts.get("version")?.[0];
  if (texts?.length !== 1 || version === undefined)
    throw new RefusedZone("malformed", `directory ${zone} does not say its version at ${meshLabel}.${zone}`);
  if (version !== "1")
    throw new RefusedZone("malformed", `directory ${zone} has version ${version}; this release reads version 1`);
  const count = (key: string): number => {
    const value = facts.get(key)?.[0] ?? "";
    if (!/^\d{1,9}$/.test(value))
      throw new RefusedZone("malformed", `directory ${zone} does not say its number of ${key}`);
    return Number(value);
  };
  const hub = facts.get("topology")?.[0] === "hub";
  const epoch = readEpoch(facts);
  return {
    sites: count("sites"),
    zones: count("zones"),
    ...(hub && { topology: "hub" }),
    ...readNameServers(facts),
    ...(epoch !== undefined && { epoch }),
  };
}

function readSite(
  name: string,
  texts: readonly (readonly string[])[],
  addresses: readonly string[],
): SiteView | string {
  const facts = factsOf(texts[0] ?? []);
  const sources = [...new Set(facts.get("source") ?? [])];
  const role = facts.get("role")?.[0];
  if (siteNameProblem(name) !== undefined) return `site ${JSON.stringify(name)} is not a name for a site`;
  if (texts.length !== 1) return `site ${name} has ${texts.length} TXT records instead of one`;
  if (!isRole(role)) return `site ${name} has no role that is known here`;
  if (addresses.length === 0) return `site ${name} has no address`;
  if (!sources.every(isCidr)) return `site ${name} has a source that is no CIDR`;
  const retired = readRetired(facts);
  if (retired === "bad") return `site ${name} has an invalid retirement date`;
  const nameServer = facts.get("host")?.[0]?.toLowerCase();
  if (nameServer !== undefined && hostNameProblem(nameServer) !== undefined)
    return `site ${name} has the host name ${JSON.stringify(nameServer)}, which is none`;
  return {
    name,
    role,
    addresses: [...new Set(addresses)].sort(),
    sources: sources.sort(),
    ...(nameServer !== undefined && { nameServer }),
    ...(retired !== undefined && { retired }),
  };
}

function isRole(role: string | undefined): role is SiteRole {
  return role === "primary-catalog" || role === "secondary-catalog" || role === "standard";
}

function readZone(entry: {
  name: string;
  zone: string;
  texts: readonly (readonly string[])[];
}): DirectoryEntry | string {
  const { name, zone, texts } = entry;
  const facts = factsOf(texts[0] ?? []);
  const server = facts.get("server")?.[0]?.toLowerCase();
  if (zoneNameProblem(name) !== undefined) return `zone ${JSON.stringify(name)} is not a name for a zone`;
  if (texts.length !== 1) return `zone ${name} has ${texts.length} TXT records in the directory instead of one`;
  if (server?.endsWith(`.${zone}`) !== true) return `zone ${name} has no server below ${zone}`;
  const retired = readRetired(facts);
  if (retired === "bad") return `zone ${name} has an invalid retirement date`;
  return {
    owner: server.slice(0, -zone.length - 1),
    ...readOwnNameServers(facts),
    ...(retired !== undefined && { retired }),
  };
}

function readRetired(facts: ReadonlyMap<string, readonly string[]>): string | undefined {
  const date = facts.get("retired")?.[0];
  return date === undefined || /^\d{4}-\d\d-\d\d$/.test(date) ? date : "bad";
}
