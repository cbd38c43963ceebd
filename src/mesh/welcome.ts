import * as z from "zod/mini";

import { UserError } from "../base/errors";
import { siteNameProblem } from "../base/names";
import { flag, listOf, objectOf, plainText, problem, readShape, textWithout, zoneName } from "../base/shape";
import { ipVersion, isCidr } from "../dns/address";
import { parseRotation } from "../keyring/rotation-settings";
import { epochFields } from "./epoch";
import type { CatalogServer, Mesh, Site, SiteRole, WelcomePacket } from "./model";
import { trustFields } from "./trust";

/** The name of a site's server, under which it stands in the directory and in its certificate. */
export function serverName(siteName: string, directoryZone: string): string {
  return `${siteName}.${directoryZone}`;
}

/** The catalog sites of a mesh: the primary first, then the secondaries in the order of the list. */
export function catalogSites(mesh: Pick<Mesh, "sites">): readonly Site[] {
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
    site: ofTheSite(site),
    catalogs: catalogSites(mesh).map(catalogServer),
    ca,
    ...(site.zones.some(({ nameServers }) => (nameServers ?? mesh.nameServers) !== undefined) && {
      delegates: true as const,
    }),
    ...(mesh.epoch !== undefined && { epoch: mesh.epoch }),
  };
}

/**
 * The keys of a cluster, and where the list has addresses from, are of use to the shared stack alone. What concerns NS
 * records is in the directory: a change of it takes no `up` of the owners.
 */
function ofTheSite({ vault: _, auto: __, nameServer: ___, ...site }: Site): Site {
  return { ...site, zones: site.zones.map(({ nameServers: ____, ...zone }) => zone) };
}

function catalogServer(site: Site): CatalogServer {
  const role = site.role === "primary-catalog" ? "primary-catalog" : "secondary-catalog";
  return { name: site.name, role, addresses: site.addresses, sources: site.sources };
}

const siteName = textWithout((name) => {
  const wrong = siteNameProblem(name);
  return wrong === undefined ? undefined : `: "${name}" ${wrong}`;
});

const reach = {
  addresses: listOf(plainText).check(
    problem((addresses) =>
      addresses.length > 0 && addresses.every((address) => ipVersion(address) !== undefined)
        ? undefined
        : "must be IP addresses, at least one",
    ),
  ),
  sources: listOf(plainText).check(problem((cidrs) => (cidrs.every(isCidr) ? undefined : "must be CIDRs"))),
};

/** An address, perhaps with a port. It goes into Knot's configuration as it is. */
const server = textWithout((each) => {
  const [address = "", port = "53", ...rest] = each.split("@");
  return ipVersion(address) === undefined || !/^\d{1,5}$/.test(port) || rest.length > 0
    ? "must be an IP address, or one with a port as in 192.0.2.53@5353"
    : undefined;
});

const retired = z.exactOptional(
  textWithout((date) => (/^\d{4}-\d\d-\d\d$/.test(date) ? undefined : "must be a date such as 2026-12-31")),
);

const dnssec = objectOf({
  nsec3: z.exactOptional(flag),
  withdraw: z.exactOptional(flag),
  parents: z.exactOptional(listOf(server)),
});

const zone = objectOf({
  name: zoneName,
  dnssec: z.union([z.boolean(), dnssec]),
  zoneFile: z.exactOptional(plainText),
  records: z.exactOptional(listOf(plainText)),
  primaries: z.exactOptional(listOf(objectOf({ address: server, key: zoneName }))),
  retired,
});

const catalogRoles = ["primary-catalog", "secondary-catalog"] as const;

const packetFields = objectOf({
  version: z.literal(1, {
    error: ({ input }) =>
      `must be 1, got ${JSON.stringify(input)}; bring the shared stack and this site up with the same release`,
  }),
  directoryZone: zoneName,
  catalogZone: zoneName,
  transport: z.enum(
    ["tls", "quic", "tcp"],
    "must be tls, quic or tcp; bring the shared stack up again with this release",
  ),
  site: objectOf({
    name: siteName,
    role: z.enum([...catalogRoles, "standard"], "must be primary-catalog, secondary-catalog or standard"),
    ...reach,
    zones: listOf(zone),
    retired,
  }),
  catalogs: listOf(
    objectOf({ name: siteName, role: z.enum(catalogRoles, "must be that of a catalog"), ...reach }),
  ).check(
    problem(([first, ...others]) =>
      first?.role === "primary-catalog" && others.every(({ role }) => role === "secondary-catalog")
        ? undefined
        : "must be the one primary catalog and then the secondaries",
    ),
  ),
  ca: plainText,
  delegates: z.exactOptional(z.literal(true, "must be true, or left out")),
  ...trustFields,
  ...epochFields,
  rotation: z.exactOptional(z.unknown()),
});

/**
 * Reads a welcome packet from parsed JSON.
 *
 * @throws UserError that names the field.
 */
export function parseWelcomePacket(json: unknown): WelcomePacket {
  const { rotation, ...packet } = readShape(packetFields, json, "welcome packet:");
  return { ...packet, ...(rotation !== undefined && { rotation: parseRotation(rotation) }) };
}
