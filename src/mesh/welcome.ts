import { UserError } from "../base/errors";
import { ipVersion, isCidr } from "../base/ip";
import { array, object, text, zoneName } from "../base/json-fields";
import { siteNameProblem } from "../base/names";
import type { CatalogServer, Dnssec, Mesh, Site, SiteRole, Transport, WelcomePacket, Zone } from "./model";
import { parseTrust } from "./trust";

/** The name of a site's server, under which it stands in the directory and in its certificate. */
export function serverName(siteName: string, directoryZone: string): string {
  return `${siteName}.${directoryZone}`;
}

/** The catalog sites of a mesh: the primary first, then the secondaries in the order of the list. */
export function catalogSites(mesh: Mesh): readonly Site[] {
  const withRole = (role: SiteRole): readonly Site[] => mesh.sites.filter((site) => site.role === role);
  return [...withRole("primary-catalog"), ...withRole("secondary-catalog")];
}

/**
 * What one site must know before it can ask the mesh for the rest.
 *
 * @param ca - PEM of the mesh's root certificate(s).
 * @throws UserError when the mesh has no site of that name.
 */
export function welcomePacket(mesh: Mesh, siteName: string, ca: string): WelcomePacket {
  const site = mesh.sites.find((candidate) => candidate.name === siteName);
  if (site === undefined) {
    const known = mesh.sites.map((candidate) => candidate.name).join(", ");
    throw new UserError(
      `site "${siteName}" is not in mesh.sites (there: ${known}); add it to the shared stack's list and bring that stack up first`,
    );
  }
  return {
    version: 1,
    directoryZone: mesh.directoryZone,
    catalogZone: mesh.catalogZone,
    transport: mesh.transport,
    site: withoutVault(site),
    catalogs: catalogSites(mesh).map(catalogServer),
    ca,
  };
}

/** The keys of a cluster are of use to the shared stack alone. */
function withoutVault({ vault: _, ...site }: Site): Site {
  return site;
}

function catalogServer(site: Site): CatalogServer {
  const role = site.role === "primary-catalog" ? "primary-catalog" : "secondary-catalog";
  return { name: site.name, role, addresses: site.addresses, sources: site.sources };
}

/**
 * Reads a welcome packet from parsed JSON. Checked by hand, since it happens in pods too, where no zod is.
 *
 * @throws UserError that names the field.
 */
export function parseWelcomePacket(json: unknown): WelcomePacket {
  const packet = object(json, "welcome packet");
  if (packet["version"] !== 1) {
    throw new UserError(
      `welcome packet: version must be 1, got ${JSON.stringify(packet["version"])}; bring the shared stack and this site up with the same release`,
    );
  }
  const catalogs = array(packet["catalogs"], "welcome packet: catalogs").map((item, i) =>
    parseCatalogServer(item, `welcome packet: catalogs[${i}]`),
  );
  if (catalogs[0]?.role !== "primary-catalog" || catalogs.slice(1).some(({ role }) => role !== "secondary-catalog")) {
    throw new UserError("welcome packet: catalogs must be the one primary catalog and then the secondaries");
  }
  return {
    version: 1,
    directoryZone: zoneName(packet["directoryZone"], "welcome packet: directoryZone"),
    catalogZone: zoneName(packet["catalogZone"], "welcome packet: catalogZone"),
    transport: parseTransport(packet["transport"], "welcome packet: transport"),
    site: parseSite(packet["site"], "welcome packet: site"),
    catalogs,
    ca: text(packet["ca"], "welcome packet: ca"),
    ...parseTrust(packet),
  };
}

function parseTransport(value: unknown, path: string): Transport {
  if (value === "tls" || value === "quic" || value === "tcp") return value;
  throw new UserError(`${path} must be tls, quic or tcp; bring the shared stack up again with this release`);
}

function parseCatalogServer(json: unknown, path: string): CatalogServer {
  const server = object(json, path);
  const role = parseRole(server["role"], `${path}.role`);
  if (role === "standard") throw new UserError(`${path}.role must be that of a catalog`);
  return { name: siteName(server["name"], `${path}.name`), role, ...parseReach(server, path) };
}

function parseSite(json: unknown, path: string): Site {
  const site = object(json, path);
  return {
    name: siteName(site["name"], `${path}.name`),
    role: parseRole(site["role"], `${path}.role`),
    ...parseReach(site, path),
    zones: array(site["zones"], `${path}.zones`).map((zone, i) => parseZone(zone, `${path}.zones[${i}]`)),
    ...parseRetired(site["retired"], `${path}.retired`),
  };
}

function parseReach(value: Readonly<Record<string, unknown>>, path: string): Pick<Site, "addresses" | "sources"> {
  const addresses = array(value["addresses"], `${path}.addresses`).map((address, i) =>
    text(address, `${path}.addresses[${i}]`),
  );
  const sources = array(value["sources"], `${path}.sources`).map((source, i) => text(source, `${path}.sources[${i}]`));
  if (addresses.length === 0 || !addresses.every((address) => ipVersion(address) !== undefined)) {
    throw new UserError(`${path}.addresses must be IP addresses, at least one`);
  }
  if (!sources.every(isCidr)) throw new UserError(`${path}.sources must be CIDRs`);
  return { addresses, sources };
}

function parseZone(json: unknown, path: string): Zone {
  const zone = object(json, path);
  return {
    name: zoneName(zone["name"], `${path}.name`),
    dnssec: parseDnssec(zone["dnssec"], `${path}.dnssec`),
    ...(zone["zoneFile"] !== undefined && { zoneFile: text(zone["zoneFile"], `${path}.zoneFile`) }),
    ...(zone["records"] !== undefined && {
      records: array(zone["records"], `${path}.records`).map((line, i) => text(line, `${path}.records[${i}]`)),
    }),
    ...parseRetired(zone["retired"], `${path}.retired`),
  };
}

function parseDnssec(value: unknown, path: string): boolean | Dnssec {
  if (typeof value === "boolean") return value;
  const settings = object(value, path);
  const parents = settings["parents"];
  return {
    ...flag(settings, "nsec3", path),
    ...flag(settings, "withdraw", path),
    ...(parents !== undefined && {
      parents: array(parents, `${path}.parents`).map((parent, i) => serverText(parent, `${path}.parents[${i}]`)),
    }),
  };
}

function flag<K extends string>(
  fields: Readonly<Record<string, unknown>>,
  name: K,
  path: string,
): Partial<Record<K, boolean>> {
  const value = fields[name];
  if (value === undefined) return {};
  if (typeof value !== "boolean") throw new UserError(`${path}.${name} must be true or false`);
  return { [name]: value } as Record<K, boolean>;
}

/** An address, perhaps with a port. It goes into Knot's configuration as it is. */
function serverText(value: unknown, path: string): string {
  const server = text(value, path);
  const [address = "", port = "53", ...rest] = server.split("@");
  if (ipVersion(address) === undefined || !/^\d{1,5}$/.test(port) || rest.length > 0)
    throw new UserError(`${path} must be an IP address, or one with a port as in 192.0.2.53@5353`);
  return server;
}

function parseRetired(value: unknown, path: string): { retired?: string } {
  if (value === undefined) return {};
  const date = text(value, path);
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) throw new UserError(`${path} must be a date such as 2026-12-31`);
  return { retired: date };
}

function parseRole(value: unknown, path: string): SiteRole {
  if (value === "primary-catalog" || value === "secondary-catalog" || value === "standard") return value;
  throw new UserError(`${path} must be primary-catalog, secondary-catalog or standard`);
}

function siteName(value: unknown, path: string): string {
  const name = text(value, path);
  const problem = siteNameProblem(name);
  if (problem !== undefined) throw new UserError(`${path}: "${name}" ${problem}`);
  return name;
}
