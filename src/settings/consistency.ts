import { fields } from "../base/json";
import { foldName, isWithin, longestName, zoneFileName } from "../base/names";
import { isChosen, isOutsideName } from "../mesh/name-servers";
import { appRoleMount, jwtMount } from "../mesh/trust";
import { mostNameServers } from "./schema";

/** One thing to put right. `path` as in `mesh.sites[2].addresses[0]`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** What is said of name servers, as far as it can be read; undefined where nothing is. */
type DraftServers = "all" | "catalog" | readonly (string | undefined)[] | undefined;

/** A site whose fields may not all be usable; indexes are those of the list that the user wrote. */
interface DraftSite {
  readonly name?: string;
  readonly role?: string;
  /** Where it is asked, and the field that says so. */
  readonly addresses: readonly (string | undefined)[];
  readonly addressField: "addresses" | "found";
  readonly zones: readonly (string | undefined)[];
  /** What each of the zones says of its name servers. */
  readonly zoneServers: readonly DraftServers[];
  /** What NS records call the site's server. */
  readonly nameServer?: string;
  readonly isRetired: boolean;
  readonly serviceAccountKeys: readonly (string | undefined)[];
}

/** What could be read of a mesh, so that its relations are checked even where single fields are wrong. */
export interface Draft {
  readonly directoryZone?: string;
  readonly catalogZone?: string;
  readonly nameServers: DraftServers;
  readonly sites: readonly DraftSite[];
}

/** Everything that is wrong between fields: roles, duplicates, zones in the way of the central zones, lengths. */
export function findConflicts(draft: Draft): readonly Problem[] {
  return [
    ...roleProblems(draft),
    ...mountProblems(draft),
    ...duplicateProblems(draft),
    ...fileProblems(draft),
    ...centralProblems(draft),
    ...nameServerProblems(draft),
    ...hostNameProblems(draft),
    ...lengthProblems(draft),
  ];
}

function roleProblems({ sites }: Draft): readonly Problem[] {
  if (sites.length === 0) return [];
  const primaries = sites.flatMap((site, i) => (site.role === "primary-catalog" ? [i] : []));
  const [first, ...more] = primaries;
  if (first !== undefined) {
    const message = `there are two primary catalogs, and mesh.sites[${first}] is the first; make this one secondary-catalog or standard`;
    return more.map((i) => ({ path: `mesh.sites[${i}].role`, message }));
  }
  if (sites.some((site) => site.role === undefined)) return [];
  return [{ path: "mesh.sites", message: "no site has the role primary-catalog; give it to exactly one" }];
}

/** A site's own auth mount in Vault is called after it, and one name is taken by the mount that AppRole sites share. */
function mountProblems({ sites }: Draft): readonly Problem[] {
  return sites.flatMap(({ name, serviceAccountKeys }, i) =>
    name !== undefined && serviceAccountKeys.length > 0 && jwtMount(name) === appRoleMount
      ? [
          {
            path: `mesh.sites[${i}].name`,
            message: `"${name}" would get the auth mount ${appRoleMount}, which sites that log in by AppRole share; choose another name, or leave vault out`,
          },
        ]
      : [],
  );
}

function duplicateProblems({ sites }: Draft): readonly Problem[] {
  const names = sites.flatMap((site, i) =>
    site.name === undefined ? [] : [{ value: site.name, path: `mesh.sites[${i}].name` }],
  );
  const addresses = sites.flatMap((site, i) => entries(site.addresses, `mesh.sites[${i}].${site.addressField}`));
  const zones = sites.flatMap((site, i) => entries(site.zones, `mesh.sites[${i}].zones`));
  const keys = sites.flatMap((site, i) =>
    entries(site.serviceAccountKeys, `mesh.sites[${i}].vault.serviceAccountKeys`),
  );
  return [
    ...duplicates(names, (name, first) => `the name "${name}" is taken by ${first}; give each site a name of its own`),
    ...duplicates(
      addresses,
      (address, first) => `the address ${address} is that of ${first}; two servers cannot share an address`,
    ),
    ...duplicates(
      zones,
      (zone, first) => `the zone "${zone}" is owned at ${first}; a zone has one owner, remove one of them`,
    ),
    ...duplicates(
      keys,
      (_key, first) => `the key is that of ${first}; Vault could not tell the two apart, write each cluster's own`,
    ),
  ];
}

/** Two zones whose files would have one name: they may be at one site some day. */
function fileProblems({ sites }: Draft): readonly Problem[] {
  const zones = sites.flatMap((site, i) => entries(site.zones, `mesh.sites[${i}].zones`));
  const firsts = new Map(zones.toReversed().map((entry) => [entry.value, entry]));
  const files = [...firsts.values()].toReversed().map(({ value, path }) => ({ value: zoneFileName(value), path }));
  return duplicates(
    files,
    (file, first) =>
      `its file ${file} would be that of ${first}, since Knot writes a slash as an underscore; rename one`,
  );
}

interface Entry {
  readonly value: string;
  readonly path: string;
}

function entries(values: readonly (string | undefined)[], path: string): readonly Entry[] {
  return values.flatMap((value, i) => (value === undefined ? [] : [{ value, path: `${path}[${i}]` }]));
}

function duplicates(all: readonly Entry[], message: (value: string, first: string) => string): readonly Problem[] {
  const first = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { value, path } of all) {
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else problems.push({ path, message: message(value, earlier) });
  }
  return problems;
}

/** A zone above a central zone is harmless (a server answers from the closest one), one inside hides central names. */
function centralProblems({ directoryZone, catalogZone, sites }: Draft): readonly Problem[] {
  const problems: Problem[] = [];
  if (
    directoryZone !== undefined &&
    catalogZone !== undefined &&
    (isWithin(catalogZone, directoryZone) || isWithin(directoryZone, catalogZone))
  ) {
    problems.push({
      path: "mesh.catalogZone",
      message: `"${catalogZone}" and the directory zone "${directoryZone}" lie within each other; choose two separate names`,
    });
  }
  const central = [
    { name: directoryZone, what: "directory" },
    { name: catalogZone, what: "catalog" },
  ];
  for (const { value, path } of sites.flatMap((site, i) => entries(site.zones, `mesh.sites[${i}].zones`))) {
    for (const { name, what } of central) {
      if (name === undefined || !isWithin(value, name)) continue;
      const how = value === name ? "is" : "lies inside";
      problems.push({
        path,
        message: `"${value}" ${how} the ${what} zone "${name}", which the mesh itself writes; choose a name outside it`,
      });
    }
  }
  return problems;
}

/** Whom NS records are to name: sites of the list, one at least that stays, and no more than an answer holds. */
function nameServerProblems({ nameServers, sites, directoryZone, catalogZone }: Draft): readonly Problem[] {
  const all = [
    { path: "mesh.nameServers", said: nameServers },
    ...sites.flatMap(({ zoneServers }, i) =>
      zoneServers.map((said, j) => ({ path: `mesh.sites[${i}].zones[${j}].nameServers`, said })),
    ),
  ];
  const names = new Set(sites.map(({ name }) => name));
  const known = [...names].filter((name) => name !== undefined).join(", ");
  return all.flatMap(({ path, said }): readonly Problem[] => {
    if (said === undefined) return [];
    const listed = typeof said === "string" ? [] : said;
    const wrong = listed.flatMap((entry, k): readonly Problem[] => {
      if (entry === undefined || names.has(entry) || ["all", "catalog"].includes(entry)) return [];
      const message = isOutsideName(entry)
        ? outsideProblem(foldName(entry), { sites, central: [directoryZone, catalogZone] })
        : `"${entry}" is not in mesh.sites (there: ${known}); name sites of the list`;
      return message === undefined ? [] : [{ path: `${path}[${k}]`, message }];
    });
    if (wrong.length > 0) return wrong;
    const chosen = sites.filter((site) => isChosen(site, said));
    const outside = listed.filter((entry) => entry !== undefined && isOutsideName(entry));
    if (chosen.length + outside.length > mostNameServers) {
      const others = outside.length === 0 ? "" : ` beside ${outside.length} others`;
      const message = `makes ${chosen.length} sites name servers${others}, and an answer holds ${mostNameServers}; write catalog, or names of sites`;
      return [{ path, message }];
    }
    if (outside.length === 0 && chosen.length > 0 && chosen.every(({ isRetired }) => isRetired))
      return [{ path, message: "has only sites that are retired; name one that stays" }];
    return [];
  });
}

/** Why a name is not that of a server outside the mesh. */
function outsideProblem(
  name: string,
  { sites, central }: { readonly sites: readonly DraftSite[]; readonly central: readonly (string | undefined)[] },
): string | undefined {
  const within = central.find((zone) => zone !== undefined && isWithin(name, zone));
  if (within !== undefined) return `"${name}" lies in "${within}", which the mesh itself writes; write the site's name`;
  const owner = sites.find(({ nameServer }) => nameServer === name);
  if (owner !== undefined) return `"${name}" is the server of ${owner.name ?? "a site"}; write the site's name`;
  if (!sites.some(({ zones }) => zones.includes(name))) return undefined;
  return `"${name}" is a zone of the mesh; a server has a name below it, for example ns1.${name}`;
}

/** Names of servers: one for each, none that would need addresses where the mesh itself writes, or at a zone's own name. */
function hostNameProblems({ directoryZone, catalogZone, sites }: Draft): readonly Problem[] {
  const hosts = sites.flatMap(({ nameServer }, i) =>
    nameServer === undefined ? [] : [{ value: nameServer, path: `mesh.sites[${i}].nameServer` }],
  );
  const zones = new Set(sites.flatMap((site) => site.zones));
  const central = [directoryZone, catalogZone].filter((zone) => zone !== undefined);
  return [
    ...duplicates(hosts, (name, first) => `the name "${name}" is that of ${first}; give each server a name of its own`),
    ...hosts.flatMap(({ value, path }): readonly Problem[] => {
      const within = central.find((zone) => isWithin(value, zone));
      if (within !== undefined) {
        const message = `"${value}" lies in "${within}", which the mesh itself writes; leave it out, or choose a name outside it`;
        return [{ path, message }];
      }
      if (!zones.has(value)) return [];
      return [{ path, message: `"${value}" is a zone of the mesh; choose a name below it, for example ns1.${value}` }];
    }),
  ];
}

function lengthProblems({ directoryZone, catalogZone, sites }: Draft): readonly Problem[] {
  const problems: Problem[] = [];
  const longestMember = "group.".length + 32 + ".zones.".length;
  if (catalogZone !== undefined && catalogZone.length + longestMember > longestName) {
    problems.push({
      path: "mesh.catalogZone",
      message: `leaves no room for its members' names; at most ${longestName - longestMember} characters`,
    });
  }
  if (directoryZone === undefined) return problems;
  const room = longestName - "._zone.".length - directoryZone.length;
  for (const { value, path } of sites.flatMap((site, i) => entries(site.zones, `mesh.sites[${i}].zones`))) {
    if (value.length > room && value.length <= longestName) {
      problems.push({
        path,
        message: `has ${value.length} characters; below the directory "${directoryZone}" there is room for ${room}`,
      });
    }
  }
  for (const [i, { name }] of sites.entries()) {
    if (name !== undefined && name.length + 1 + directoryZone.length > longestName) {
      problems.push({ path: `mesh.sites[${i}].name`, message: `is too long below the directory "${directoryZone}"` });
    }
  }
  return problems;
}

/** Reads what can be read of an input that may be wrong anywhere. `canonical` gives undefined for what is no address. */
export function draftOf(input: unknown, canonical: (address: string) => string | undefined): Draft {
  const mesh = fields(input);
  return {
    ...pick("directoryZone", mesh["directoryZone"]),
    ...pick("catalogZone", mesh["catalogZone"]),
    nameServers: serversOf(mesh["nameServers"]),
    sites: items(mesh["sites"]).map((item) => {
      const site = fields(item);
      const addressField = site["addresses"] === "auto" ? "found" : "addresses";
      return {
        ...(typeof site["name"] === "string" && { name: site["name"] }),
        ...(typeof site["role"] === "string" && { role: site["role"] }),
        addressField,
        addresses: items(site[addressField]).map((address) =>
          typeof address === "string" ? canonical(address) : undefined,
        ),
        serviceAccountKeys: items(fields(site["vault"])["serviceAccountKeys"]).map((key) =>
          typeof key === "string" ? key.replace(/\s+/g, "") : undefined,
        ),
        zones: items(site["zones"]).map((zone) => textOf(typeof zone === "string" ? zone : fields(zone)["name"])),
        zoneServers: items(site["zones"]).map((zone) => serversOf(fields(zone)["nameServers"])),
        ...pick("nameServer", site["nameServer"]),
        isRetired: site["retired"] !== undefined,
      };
    }),
  };
}

function serversOf(value: unknown): DraftServers {
  if (value === "all" || value === "catalog") return value;
  return Array.isArray(value) ? value.map((site) => (typeof site === "string" ? site : undefined)) : undefined;
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? foldName(value) : undefined;
}

function pick<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const name = textOf(value);
  return name === undefined ? {} : ({ [key]: name } as Record<K, string>);
}
