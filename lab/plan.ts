import { generateKeyPairSync } from "node:crypto";

import { UserError } from "../src/base/errors";
import { foldName, siteNameProblem, zoneNameProblem } from "../src/base/names";
import { type Epoch, signEpoch } from "../src/mesh/epoch";
import type { Dnssec, Mesh, NameServers, Topology, Transport } from "../src/mesh/model";
import { parseMesh } from "../src/settings/parse";

/** A zone in the one list: its name, or an object as a user writes it. */
type ListedZone =
  string | { name: string; zoneFile?: string; retired?: string; dnssec?: boolean | Dnssec; nameServers?: NameServers };

/** A site in the one list, as a user writes it. */
export interface LabListed {
  name: string;
  role: "primary-catalog" | "secondary-catalog" | "standard";
  addresses: string[];
  zones: ListedZone[];
  nameServer?: string;
  retired?: string;
}

/** What the two central zones are called. */
export const directoryZone = "dns.internal";
export const catalogZone = "catalog.internal.dns";

/** What a {@link LabPlan} starts from. */
export interface PlanOptions {
  readonly sites: number;
  /** Spread over the sites, in turns. @default one a site */
  readonly zones?: number;
  /** @default what the mesh decides by its size */
  readonly topology?: Topology;
  /** @default tls */
  readonly transport?: Transport;
  /** First two octets of every address. */
  readonly prefix: string;
}

/** Most sites that a mesh may have (see the mesh model's schema). */
export const mostSites = 3400;

const hostsInRow = 250;

/**
 * The one list of a lab, with names and addresses for whatever joins. Nothing runs here: a script is played through on a
 * plan before anything starts.
 */
export class LabPlan {
  /** The one list; change it and bring the lab up. */
  readonly list: LabListed[] = [];
  /** Counts up only, so that a site that joins later gets no former one's name or address. */
  #next = 0;
  /** What epochs are signed with, and the last one; a copy of both is what a second copy of the shared stack's state has. */
  readonly signer = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  epoch: Epoch = { number: 1, primary: "" };
  /** How zones travel. Change it and bring the lab up. */
  topology: Topology | undefined;
  /** Which sites are name servers. Change it and bring the lab up. @default zones keep what they began with */
  nameServers: NameServers | undefined;

  constructor(private readonly options: PlanOptions) {
    this.topology = options.topology;
    const zones = options.zones ?? options.sites;
    for (let i = 0; i < options.sites; i++) this.add(i < zones ? {} : { zones: [] });
    for (let i = options.sites; i < zones; i++) this.list[i % options.sites]?.zones.push(`zone-${i + 1}.example`);
  }

  /** Puts one more site into the list. The first is the primary, the second a secondary catalog. */
  add(changes: Partial<LabListed> = {}): LabListed {
    const index = this.#next++;
    const name = changes.name ?? siteName(index);
    const role = index === 0 ? "primary-catalog" : index === 1 ? "secondary-catalog" : "standard";
    const site: LabListed = { name, role, addresses: [this.address(index)], zones: [`${name}.example`], ...changes };
    this.list.push(site);
    return site;
  }

  /** An address of the lab. */
  address(index: number): string {
    return `${this.options.prefix}.${Math.floor(index / hostsInRow)}.${(index % hostsInRow) + 1}`;
  }

  /** The mesh with its epoch, which rises each time that another site has the primary catalog, as the shared stack's does. */
  get mesh(): Mesh {
    const { primary } = this;
    const before = this.epoch;
    if (before.primary !== "" && before.primary !== primary) this.epoch = { number: before.number + 1, primary };
    else this.epoch = { ...before, primary };
    return { ...parseMesh(this.written()), epoch: signEpoch(directoryZone, this.epoch, this.signer.privateKey) };
  }

  /** As in the shared stack's config. */
  written(): object {
    const { topology, nameServers } = this;
    const { transport } = this.options;
    return {
      directoryZone,
      catalogZone,
      sites: this.list,
      ...(topology && { topology }),
      ...(nameServers && { nameServers }),
      ...(transport && { transport }),
    };
  }

  /** Names of all zones that every site must answer, the central ones first. */
  zones(): string[] {
    return [directoryZone, catalogZone, ...this.list.flatMap(zoneNames)];
  }

  /** Name of the site whose Knot the zone's content comes from; undefined when no site has the zone. */
  owner(zone: string): string | undefined {
    if (zone === directoryZone || zone === catalogZone) return this.primary;
    return this.list.find((site) => zoneNames(site).includes(zone))?.name;
  }

  get primary(): string {
    return this.list.find(({ role }) => role === "primary-catalog")?.name ?? "";
  }

  /** The site of that name. @throws UserError when the list has none. */
  listed(name: string): LabListed {
    const site = this.list.find((each) => each.name === name);
    if (site === undefined) throw new UserError(`there is no site "${name}"; there are ${some(this.names())}`);
    return site;
  }

  /** As {@link add}, for a name that a user chose. @throws UserError when it cannot be. */
  addNamed(name: string | undefined): LabListed {
    const problem = name === undefined ? undefined : siteNameProblem(name);
    if (problem !== undefined) throw new UserError(`"${name ?? ""}" ${problem}`);
    if (name !== undefined && this.names().includes(name))
      throw new UserError(`there is a site "${name}" already; choose another name, or leave it out`);
    const before = this.list.length;
    const site = this.add(name === undefined ? {} : { name });
    return this.#checked(site, () => this.list.splice(before));
  }

  /** Takes a site off. @throws UserError when it cannot go. */
  remove(name: string): LabListed {
    const site = this.listed(name);
    if (site.role === "primary-catalog")
      throw new UserError(`${name} is the primary catalog, which a mesh cannot be without; remove another site`);
    this.list.splice(this.list.indexOf(site), 1);
    return site;
  }

  /** Gives a zone to a site. @throws UserError when the mesh cannot have it. */
  addZone(text: string, site: string): void {
    const zone = foldName(text);
    const problem = zoneNameProblem(zone);
    if (problem !== undefined) throw new UserError(`"${text}" ${problem}`);
    const { zones } = this.listed(site);
    zones.push(zone);
    this.#checked(undefined, () => zones.pop());
  }

  /** Takes a zone off; returns its owner's name. @throws UserError when no site owns it. */
  removeZone(text: string): string {
    const zone = this.ownZone(text);
    const site = this.listed(this.owner(zone) ?? "");
    site.zones = site.zones.filter((each) => nameOf(each) !== zone);
    return site.name;
  }

  /** Folded name of a zone that a site owns. @throws UserError for any other. */
  ownZone(text: string): string {
    const zone = foldName(text);
    if (zone === directoryZone || zone === catalogZone)
      throw new UserError(`${zone} follows the list of sites; add or remove a site or a zone instead`);
    if (this.owner(zone) === undefined)
      throw new UserError(`no site owns "${text}"; there are ${some(this.list.flatMap(zoneNames))}`);
    return zone;
  }

  /** Has NS records name these sites. @throws UserError when the mesh cannot have that. */
  nameThem(servers: NameServers): void {
    const before = this.nameServers;
    this.nameServers = servers;
    this.#checked(undefined, () => (this.nameServers = before));
  }

  names(): string[] {
    return this.list.map(({ name }) => name);
  }

  #checked<T>(value: T, undo: () => void): T {
    try {
      parseMesh(this.written());
    } catch (error) {
      undo();
      throw error;
    }
    return value;
  }
}

/** Names of a listed site's zones. */
export function zoneNames({ zones }: LabListed): string[] {
  return zones.map(nameOf);
}

function nameOf(zone: ListedZone): string {
  return typeof zone === "string" ? zone : zone.name;
}

/** `site-a` … `site-z`, `site-aa` … */
function siteName(index: number): string {
  let letters = "";
  for (let rest = index; rest >= 0; rest = Math.floor(rest / 26) - 1) {
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
  }
  return `site-${letters}`;
}

function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 7).join(", ")} and ${names.length - 7} more`;
}
