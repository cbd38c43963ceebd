import { hostNameProblem, isWithin, siteNameProblem } from "../base/names";
import type { NameServers } from "./model";
import type { MeshView, SiteView, ZoneView } from "./view";
import { serverName } from "./welcome";

/** Words that a list has beside names. */
const words: readonly string[] = ["all", "catalog"];

/** What a word of a list begins with: earlier releases take a plain one for the name of a site, and pass over a list with this. */
const wordMark = "*";

/** What the directory says of name servers, as facts of a TXT record: a list takes one for each entry, since a string has 255 octets. */
export function nameServerFacts(nameServers: NameServers | undefined): readonly string[] {
  if (nameServers === undefined) return [];
  return typeof nameServers === "string"
    ? [`nameservers=${nameServers}`]
    : nameServers.map((entry) => `nameserver=${words.includes(entry) ? wordMark : ""}${entry}`);
}

/** Reads {@link nameServerFacts}. What a later release may say is as if nothing was said: then nobody sees to NS records. */
export function readNameServers(facts: ReadonlyMap<string, readonly string[]>): { readonly nameServers?: NameServers } {
  const said = facts.get("nameservers");
  const listed = facts.get("nameserver");
  if (said !== undefined) {
    const [word] = said;
    return word === "all" || word === "catalog" ? { nameServers: word } : {};
  }
  const entries = listed?.map(readEntry) ?? [];
  if (entries.length === 0 || entries.includes(undefined)) return {};
  return { nameServers: entries.filter((entry) => entry !== undefined) };
}

/** An entry of a list, or undefined for what is not known here. */
function readEntry(written: string): string | undefined {
  if (written.startsWith(wordMark)) return words.find((word) => written === `${wordMark}${word}`);
  return (isOutsideName(written) ? hostNameProblem : siteNameProblem)(written) === undefined ? written : undefined;
}

/**
 * What the directory says of a zone's own name servers. What cannot be read is an empty list, which takes the place of the mesh's
 * and says nothing: to go by the mesh's would take out what the zone is to have.
 */
export function readOwnNameServers(facts: ReadonlyMap<string, readonly string[]>): {
  readonly nameServers?: NameServers;
} {
  const isSaid = facts.has("nameservers") || facts.has("nameserver");
  return isSaid ? { nameServers: [], ...readNameServers(facts) } : {};
}

/** What a zone says that its parent should have, as texts. */
export interface DelegationRecords {
  readonly servers: readonly string[];
  /** Addresses of servers that lie in the zone, as `name address`. */
  readonly glue: readonly string[];
  /** By its CDS records; missing where it has none, and empty where it asks to be without. */
  readonly ds?: readonly string[];
}

/** Whether an entry of a list is the name of a server outside the mesh: a site's name is a single label. */
export function isOutsideName(entry: string): boolean {
  return entry.includes(".");
}

/** A zone's name server. */
export interface NameServer {
  /** Missing for one outside the mesh. */
  readonly site?: string;
  /** Absolute, folded, without the dot at its end. */
  readonly name: string;
  /** None of one outside the mesh. */
  readonly addresses: readonly string[];
}

/** What NS records call a site's server. */
export function nameServerName({ name, nameServer }: Pick<SiteView, "name" | "nameServer">, directory: string): string {
  return nameServer ?? serverName(name, directory);
}

/** Whether the list says a zone's name servers. */
export function areNameServersSaid(zone: Pick<ZoneView, "nameServers">, view: Pick<MeshView, "nameServers">): boolean {
  return saidOf(zone, view) !== undefined;
}

function saidOf(zone: Pick<ZoneView, "nameServers">, view: Pick<MeshView, "nameServers">): NameServers | undefined {
  const said = zone.nameServers ?? view.nameServers;
  return said?.length === 0 ? undefined : said;
}

/**
 * The sites, and the servers outside the mesh, that are to be a zone's name servers; undefined where the list says nothing, so that
 * its NS records are nobody's business. A site that is marked to leave is none from then on, long before it goes.
 */
export function nameServersOf(
  zone: Pick<ZoneView, "nameServers">,
  { view, directory }: { readonly view: MeshView; readonly directory: string },
): readonly NameServer[] | undefined {
  const wanted = saidOf(zone, view);
  if (wanted === undefined) return undefined;
  const outside = typeof wanted === "string" ? [] : wanted.filter(isOutsideName);
  return [
    ...view.sites
      .filter((site) => site.retired === undefined && isChosen(site, wanted))
      .map((site) => ({ site: site.name, name: nameServerName(site, directory), addresses: site.addresses })),
    ...outside.map((name) => ({ name, addresses: [] })),
  ];
}

/** Whether a list, or a word, means a site. */
export function isChosen(
  { name, role }: { readonly name?: string; readonly role?: string },
  wanted: "all" | "catalog" | readonly (string | undefined)[],
): boolean {
  const entries = typeof wanted === "string" ? [wanted] : wanted;
  return entries.includes("all") || (entries.includes("catalog") && role !== "standard") || entries.includes(name);
}

/** The closest zone of the mesh that a name lies in, the name itself included; undefined where there is none. */
export function enclosingZone(name: string, zones: ReadonlySet<string>): string | undefined {
  for (let at = name; at !== ""; at = parentName(at)) if (zones.has(at)) return at;
  return undefined;
}

/** The closest zone of the mesh above another one. */
export function parentZone(zone: string, zones: ReadonlySet<string>): string | undefined {
  return enclosingZone(parentName(zone), zones);
}

function parentName(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}

/** What is to become of a zone's NS records. */
export interface ServerPlan {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** Servers that are to be added once they answer. */
  readonly waiting: readonly string[];
  /** Names that are not the mesh's own, which nobody here touches. */
  readonly kept: readonly string[];
}

/**
 * Decides what becomes of a zone's NS records.
 *
 * | standing | wanted | the mesh's own name | answers the zone | what becomes of it           |
 * |----------|--------|---------------------|------------------|------------------------------|
 * | no       | yes    |                     | yes              | added                        |
 * | no       | yes    |                     | no               | waits                        |
 * | yes      | yes    |                     |                  | stays                        |
 * | yes      | no     | yes                 |                  | removed, if one stays or is added that is wanted |
 * | yes      | no     | no                  |                  | kept: somebody else wrote it |
 *
 * Where nobody is wanted, all stays: a list that lost its sites is no reason to be without name servers.
 */
export function planServers(zone: {
  readonly wanted: readonly string[];
  readonly standing: readonly string[];
  /** Whether a name is that of a server of the mesh, present or former. */
  readonly isOwn: (name: string) => boolean;
  readonly answers: (name: string) => boolean;
}): ServerPlan {
  const [wanted, standing] = [new Set(zone.wanted), new Set(zone.standing)];
  const missing = [...wanted].filter((name) => !standing.has(name));
  const add = missing.filter(zone.answers);
  const surplus = [...standing].filter((name) => !wanted.has(name));
  const oneStays = add.length > 0 || [...wanted].some((name) => standing.has(name));
  return {
    add,
    remove: oneStays ? surplus.filter(zone.isOwn) : [],
    waiting: missing.filter((name) => !add.includes(name)),
    kept: surplus.filter((name) => !zone.isOwn(name)),
  };
}

/** What is to become of the addresses of one server's name. */
export type AddressPlan = Omit<ServerPlan, "kept">;

/** The same of the addresses of one name: a new one once it answers, a former one as soon as another stands in its place. */
export function planAddresses(host: {
  readonly wanted: readonly string[];
  readonly standing: readonly string[];
  readonly answers: (address: string) => boolean;
}): AddressPlan {
  const plan = planServers({ ...host, isOwn: () => true });
  return { add: plan.add, remove: plan.remove, waiting: plan.waiting };
}

/** Whether a name is the mesh's own without anybody having taken note of it: one that a site has, or a name in the directory. */
export function isServerName(name: string, { view, directory }: { view: MeshView; directory: string }): boolean {
  return (isWithin(name, directory) && name !== directory) || view.sites.some(({ nameServer }) => nameServer === name);
}
