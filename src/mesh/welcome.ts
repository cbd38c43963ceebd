import { UserError } from "../errors";
import { ipVersion, isCidr } from "./ip";
import type { CatalogServer, KeyRing, Mesh, Site, SiteRole, Transport, TsigKey, WelcomePacket, Zone } from "./model";
import { foldName, siteNameProblem, zoneNameProblem } from "./names";

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
    site,
    catalogs: catalogSites(mesh).map(catalogServer),
    ca,
  };
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
  };
}

/**
 * Reads a key ring from parsed JSON.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseKeyRing(json: unknown): KeyRing {
  const ring = object(json, "key ring");
  const accepted = array(ring["accepted"], "key ring: accepted").map((item, i) =>
    parseKey(item, `key ring: accepted[${i}]`),
  );
  const names = accepted.map((key) => key.name);
  if (new Set(names).size !== names.length)
    throw new UserError("key ring: two accepted keys have the same name; give each its own");
  const signing = zoneName(ring["signing"], "key ring: signing");
  if (!names.includes(signing))
    throw new UserError(`key ring: the signing key "${signing}" is not among the accepted ones (${names.join(", ")})`);
  return { signing, accepted };
}

function parseTransport(value: unknown, path: string): Transport {
  if (value === "tls" || value === "quic" || value === "tcp") return value;
  throw new UserError(`${path} must be tls, quic or tcp; bring the shared stack up again with this release`);
}

/**
 * Reads a single key from parsed JSON.
 *
 * @throws UserError that names the field and never shows the secret.
 */
export function parseKey(json: unknown, path: string): TsigKey {
  const key = object(json, path);
  const algorithm = key["algorithm"];
  if (algorithm !== "hmac-sha256" && algorithm !== "hmac-sha384" && algorithm !== "hmac-sha512") {
    throw new UserError(`${path}.algorithm must be hmac-sha256, hmac-sha384 or hmac-sha512`);
  }
  const secret = text(key["secret"], `${path}.secret`);
  if (!isSecret(secret))
    throw new UserError(`${path}.secret must be base64 of at least 16 octets (RFC 8945 section 7)`);
  return { name: zoneName(key["name"], `${path}.name`), algorithm, secret };
}

/** Whether a text can be a key's secret: base64 of at least 16 octets (RFC 8945 section 7). */
export function isSecret(text: string): boolean {
  const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  return base64.test(text) && Buffer.from(text, "base64").length >= 16;
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
  const dnssec = zone["dnssec"];
  if (typeof dnssec !== "boolean") throw new UserError(`${path}.dnssec must be true or false`);
  return {
    name: zoneName(zone["name"], `${path}.name`),
    dnssec,
    ...(zone["zoneFile"] !== undefined && { zoneFile: text(zone["zoneFile"], `${path}.zoneFile`) }),
    ...parseRetired(zone["retired"], `${path}.retired`),
  };
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

function zoneName(value: unknown, path: string): string {
  const name = foldName(text(value, path));
  const problem = zoneNameProblem(name);
  if (problem !== undefined) throw new UserError(`${path}: "${name}" ${problem}`);
  return name;
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError(`${path} must be a JSON object`);
  return { ...value };
}

function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new UserError(`${path} must be a list`);
  return value;
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new UserError(`${path} must be a text`);
  return value;
}
