import { UserError } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import type { DnsClient } from "../dns/client/dns-client";
import { isNewerSerial } from "../dns/serial";
import type { Mesh, Site, SiteRole } from "../mesh/model";
import { catalogSites } from "../mesh/welcome";
import { type ListFile, readList } from "./list/list-file";
import { rangeOf, type Splice, spliced } from "./list/yaml-text";

const dnsPort = 53;
const askWidth = 16;

/** What a promotion begins with. */
export interface PromotionRequest {
  /** The shared stack's file, and its text. */
  readonly file: string;
  readonly text: string;
  readonly site: string;
  /** Asks the sites' servers; left out when they are not to be asked. */
  readonly dns?: Pick<DnsClient, "querySoa">;
  /** @default 53 */
  readonly port?: number;
}

/** The list with another primary, and what to say of it. */
export interface Promotion {
  /** The file's new text: two roles differ, and nothing else. */
  readonly text: string;
  readonly lines: readonly string[];
}

/**
 * Gives the primary catalog to another site, in the one list. Nothing else is touched: it takes effect by `pulumi up`.
 *
 * @returns undefined when the site is the primary already.
 * @throws UserError when the site cannot take the role, with the cure.
 */
export async function promote(request: PromotionRequest): Promise<Promotion | undefined> {
  const { file, site: name } = request;
  const list = readList(file, request.text);
  const [primary] = catalogSites(list.mesh);
  const target = list.mesh.sites.find((site) => site.name === name);
  if (list.mesh.waiting?.some((site) => site.name === name) === true)
    throw new UserError(
      `${file}: ${name} waits for an address, so that nobody could ask it; bring it up first: mesh up`,
    );
  if (primary === undefined || target === undefined)
    throw new UserError(
      `${file}: there is no site "${name}"; there are ${list.mesh.sites.map((site) => site.name).join(", ")}`,
    );
  if (target === primary) return undefined;
  if (target.role !== "secondary-catalog") throw new UserError(notSecondary(file, target, list.mesh));
  const seen =
    request.dns === undefined ? [] : await look(request.dns, { ...request, mesh: list.mesh, primary, target });
  const text = spliced(request.text, [
    roleOf(list, primary.name, "secondary-catalog"),
    roleOf(list, target.name, "primary-catalog"),
  ]);
  readList(file, text);
  return { text, lines: [...seen, ...nextSteps(list, primary, target)] };
}

function notSecondary(file: string, target: Site, mesh: Mesh): string {
  const others = catalogSites(mesh).filter(({ role }) => role === "secondary-catalog");
  const instead =
    others.length > 0 ? `promote ${others.map(({ name }) => name).join(" or ")} instead` : "there is none";
  return (
    `${file}: ${target.name} is a ${target.role} site. Only a secondary-catalog can be promoted, since the other sites ask nobody else for the central zones: ${instead}. ` +
    `With the primary away, ${target.name} as primary takes an up of every other site: write the roles into the list by hand, and bring up the shared stack, ${target.name} and all others (docs/runbooks/primary-lost.md)`
  );
}

function nextSteps({ file, stack }: ListFile, primary: Site, target: Site): readonly string[] {
  return [
    `${file}: ${target.name} is the primary-catalog, and ${primary.name} a secondary-catalog. Nothing in a cluster has changed yet. Next:`,
    `  pulumi up -s ${stack}`,
    `  pulumi up -s ${target.name}`,
    `The other sites follow by themselves. ${primary.name} steps down as soon as it can ask ${target.name}; once it is back, bring it up too: pulumi up -s ${primary.name}`,
  ];
}

/** Another role in the place of a site's in the text. */
function roleOf(list: ListFile, site: string, role: SiteRole): Splice {
  const [from, to] = rangeOf(list.entryOf(site).get("role", true));
  return { from, to, text: role };
}

interface Looking extends PromotionRequest {
  readonly mesh: Mesh;
  readonly primary: Site;
  readonly target: Site;
}

/** What the sites answer: that the new primary has the central zones, and where the old one's zones have their newest copies. */
async function look(dns: Pick<DnsClient, "querySoa">, looking: Looking): Promise<readonly string[]> {
  const { mesh, primary, target } = looking;
  const central = [mesh.directoryZone, mesh.catalogZone];
  const zones = [...central, ...primary.zones.map(({ name }) => name)];
  const serials = new Map(zones.map((zone) => [zone, new Map<string, number>()]));
  const questions = mesh.sites.flatMap((site) => zones.map((zone) => ({ site, zone })));
  await inParallel(askWidth, questions, async ({ site, zone }) => {
    const serial = await serialAt(dns, { site, zone, port: looking.port ?? dnsPort });
    if (serial !== undefined) serials.get(zone)?.set(site.name, serial);
  });
  const lacking = central.filter((zone) => serials.get(zone)?.get(target.name) === undefined);
  if (lacking.length > 0)
    throw new UserError(
      `${target.name} does not answer ${lacking.join(" and ")} from here, so that it cannot be seen whether it can take over. Nothing was changed; ` +
        `bring it back, run this where it can be reached, or look there yourself (dig @${target.addresses[0] ?? ""} ${lacking[0] ?? ""} SOA) and add --unasked`,
    );
  return [...centralLines(serials, looking), ...zoneLines(serials, looking)];
}

type Serials = ReadonlyMap<string, ReadonlyMap<string, number>>;

function centralLines(serials: Serials, { mesh, primary, target }: Looking): readonly string[] {
  const [zone, at] = [mesh.directoryZone, serials.get(mesh.directoryZone)];
  const [ours, theirs] = [at?.get(target.name), at?.get(primary.name)];
  if (theirs === undefined)
    return [`${primary.name} does not answer. What it publishes is made from the list anew: nothing of that is lost.`];
  const isBehind = ours !== undefined && isNewerSerial(theirs, ours);
  return [
    `${primary.name} answers still${isBehind ? `, with a newer ${zone} than ${target.name}` : ""}: it becomes a secondary-catalog, and what only it has in ${zone} and not the list goes.`,
  ];
}

/** Zones of the former primary: who has the newest copy, since no other site writes them. */
function zoneLines(serials: Serials, { primary, target }: Looking): readonly string[] {
  return primary.zones.flatMap(({ name: zone }) => {
    const at = serials.get(zone) ?? new Map<string, number>();
    if (at.has(primary.name)) return [];
    const [newest] = [...at.values()].sort((a, b) => (isNewerSerial(b, a) ? 1 : -1));
    if (newest === undefined)
      return [`${zone} of ${primary.name} is answered by no site: it waits for ${primary.name}.`];
    const holders = [...at].filter(([, serial]) => serial === newest).map(([site]) => site);
    const short = holders.includes(target.name) ? "" : `, ${target.name} not among them`;
    return [
      `${zone} stays with ${primary.name}, and no record of it can be changed while that is away; the newest copy (serial ${newest}) is at ${holders.join(", ")}${short}.`,
    ];
  });
}

async function serialAt(
  dns: Pick<DnsClient, "querySoa">,
  { site, zone, port }: { readonly site: Site; readonly zone: string; readonly port: number },
): Promise<number | undefined> {
  for (const address of site.addresses) {
    try {
      return (await dns.querySoa({ address, port }, zone)).serial;
    } catch {
      // The next address, or none: what did not answer is missing.
    }
  }
  return undefined;
}
