import { Document, isMap, isSeq } from "yaml";

import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import { parseRingDocument, type RingDocument } from "../keyring/ring-document";
import { highestEpoch, packetEpoch } from "../mesh/epoch";
import type { Dnssec, WelcomePacket } from "../mesh/model";
import { type CatalogAnswer, newestView } from "../mesh/newest-view";
import type { CentralNames } from "../mesh/read-view";
import { jwtMount, vaultRole } from "../mesh/trust";
import type { MeshView } from "../mesh/view";
import { agreedTrust, isSameTrust, rootsPem } from "../settings/agreed-trust";
import { type RecoveredFacts, type RecoveredSettings, recoveredSettings } from "../settings/recovered-list";
import { ringSecret } from "../vault/access";
import type { VaultClient } from "../vault/client";
import { askCatalog, type Asking, type LivingSite, newestRing, signingOf } from "./living-mesh";

/** What {@link recover} works with. */
export interface RecoverParts extends Omit<Asking, "ring" | "ca"> {
  /** Catalog sites that are gone for good. */
  readonly without: readonly string[];
  /** Fingerprints of roots and signers that are the mesh's own although too few sites say so. */
  readonly confirmed: readonly string[];
  /** Zones that no site has any more: they are listed as not signed, and named as gaps. */
  readonly lost: readonly string[];
  /** Where the mesh has one. */
  readonly vault?: Pick<VaultClient, "read" | "readSecret">;
}

/**
 * What the settings of the shared stack must have been, from the sites that live and Vault.
 *
 * @throws UserError that says which answer is missing, partial or contradicts another, and what to do.
 */
export async function recover(parts: RecoverParts): Promise<RecoveredSettings> {
  const { sites } = parts;
  const [first] = sites;
  if (first === undefined) throw new UserError("name a site that lives: --from NAME");
  const ring = await ringOf(parts);
  const { view, packets, trust } = await agreedMesh(parts, ring);
  const asking = { ...parts, ring, ca: rootsPem(trust) };
  const facts: RecoveredFacts = {
    packets,
    trust,
    view,
    ring: first.packet.vault === undefined ? ring : undefined,
    ...(await signedZones(asking, view, parts.lost)),
    certificates: sites.flatMap(({ issued }) => (issued === undefined ? [] : [issued.certificate])),
    clusterKeys: await clusterKeys(parts, view),
  };
  return recoveredSettings(facts);
}

/** Who is in the mesh is known once the catalog sites are asked, and these are asked by what the sites in the mesh agree on. */
const mostRounds = 3;

/** The newest view, and what its sites trust: catalog sites are believed by what is agreed alone. */
async function agreedMesh(
  parts: RecoverParts,
  ring: RingDocument,
): Promise<Pick<RecoveredFacts, "view" | "packets" | "trust">> {
  const { sites, without, confirmed } = parts;
  const all = sites.map(({ packet }) => packet);
  let trust = agreedTrust({ packets: all, siteCount: all.length, confirmed });
  for (let round = 0; round < mostRounds; round++) {
    const { signers } = trust;
    const answers = await askAll({ ...parts, ring, ca: rootsPem(trust) }, centralNames(all, signers));
    const known = highestEpoch(...all.map((packet) => packetEpoch({ ...packet, signers })));
    const view = newestView({ answers, without, known });
    const packets = packetsOf(sites, view);
    const agreed = agreedTrust({ packets, siteCount: view.sites.length, confirmed });
    if (isSameTrust(agreed, trust)) return { view, packets, trust: agreed };
    trust = agreed;
  }
  throw new UserError(
    "which sites are in the directory depends on which of them are believed; name those alone with --from that you know to be in the mesh",
  );
}

function centralNames([first]: readonly WelcomePacket[], signers: readonly string[]): CentralNames {
  if (first === undefined) throw new TypeError("no packet was read");
  const { directoryZone, catalogZone } = first;
  return { directoryZone, catalogZone, ...(signers.length > 0 && { signers }) };
}

/** The ring from Vault where there is one, else the newest that sites have. */
async function ringOf({ sites, vault }: RecoverParts): Promise<RingDocument> {
  const access = sites[0]?.packet.vault;
  if (access === undefined) {
    const ring = newestRing(sites);
    if (ring === undefined) throw new UserError("no site has a key ring");
    return ring;
  }
  if (vault === undefined)
    throw new UserError(
      `the mesh has its ring in Vault (${access.address}): log in first, and hand the token over in VAULT_TOKEN`,
    );
  return parseRingDocument((await vault.readSecret(access.mount, ringSecret)).data);
}

/** Asks the catalog sites of packets, and those that they name in turn. */
async function askAll(asking: Asking, names: CentralNames): Promise<readonly CatalogAnswer[]> {
  const catalogs = new Map(
    asking.sites.flatMap(({ packet }) => packet.catalogs).map((site) => [site.name, site.addresses]),
  );
  const answers = new Map<string, CatalogAnswer>();
  for (;;) {
    const next = [...catalogs].find(([name]) => !answers.has(name));
    if (next === undefined) return [...answers.values()];
    const [name, addresses] = next;
    const answer = await askCatalog({ name, addresses }, names, asking);
    answers.set(name, answer);
    if (answer.found.kind !== "view") continue;
    for (const site of answer.found.view.sites)
      if (site.role !== "standard" && !catalogs.has(site.name)) catalogs.set(site.name, site.addresses);
  }
}

/** The primary's packet first: what all sites share is as that has it. Sites that left the mesh have no say. */
function packetsOf(sites: readonly LivingSite[], view: MeshView): RecoveredFacts["packets"] {
  const listed = new Map(view.sites.map(({ name, role }) => [name, role]));
  const packets = sites.map(({ packet }) => packet).filter(({ site }) => listed.has(site.name));
  if (packets.length === 0) throw new UserError("none of the sites that were read is in the directory");
  const rank = (name: string): number => (listed.get(name) === "primary-catalog" ? 0 : 1);
  return [...packets].sort((a, b) => rank(a.site.name) - rank(b.site.name));
}

/**
 * Zones whose owners were not read, as the zones themselves show.
 *
 * @throws UserError that names each zone that nobody gives and that the user has not given up.
 */
async function signedZones(
  asking: Asking,
  view: MeshView,
  lost: readonly string[],
): Promise<Pick<RecoveredFacts, "signed" | "lost">> {
  const strange = lost.filter((zone) => !view.zones.some(({ name }) => name === zone));
  if (strange.length > 0)
    throw new UserError(`--lost ${strange.join(",")}: the directory has no such zone; leave it out, or correct it`);
  const read = new Map(
    asking.sites.map(({ packet: { site } }) => [site.name, new Set(site.zones.map(({ name }) => name))]),
  );
  const signed = new Map<string, true | Dnssec>();
  const unknown = new Map<string, string>();
  for (const { name, owner } of view.zones) {
    if (read.get(owner)?.has(name) === true) continue;
    const signing = await signingOf(name, sourceSites(owner, view), asking);
    if (signing.kind === "unknown") unknown.set(name, signing.reason);
    else if (signing.dnssec !== undefined) signed.set(name, signing.dnssec);
  }
  requireGivenUp(unknown, lost);
  return { signed, lost: unknown };
}

function requireGivenUp(unknown: ReadonlyMap<string, string>, lost: readonly string[]): void {
  const open = [...unknown].filter(([zone]) => !lost.includes(zone));
  if (open.length === 0) return;
  const said = open.map(([zone, reason]) => `nobody says whether ${zone} is signed (${reason})`);
  throw new UserError(
    `${said.join("\n")}: name its owner with --from; where no site has it any more, and none will come back with it, ` +
      `list it as not signed with --lost ${open.map(([zone]) => zone).join(",")}`,
  );
}

/** The owner, then the catalog sites. */
function sourceSites(owner: string, view: MeshView): MeshView["sites"] {
  const sites = view.sites.filter(({ name, role }) => name === owner || role !== "standard");
  return [...sites.filter(({ name }) => name === owner), ...sites.filter(({ name }) => name !== owner)];
}

/** The keys of clusters that Vault lets in. */
async function clusterKeys({ sites, vault }: RecoverParts, view: MeshView): Promise<RecoveredFacts["clusterKeys"]> {
  const found = new Map<string, { keys: readonly string[]; namespace: string }>();
  if (vault === undefined || sites[0]?.packet.vault === undefined) return found;
  for (const { name } of view.sites) {
    const auth = sites.find(({ packet }) => packet.site.name === name)?.packet.vault?.auth;
    if (auth?.method === "approle") continue;
    const config = fields(await readIfThere(vault, `auth/${jwtMount(name)}/config`));
    const keys = config["jwt_validation_pubkeys"];
    if (!Array.isArray(keys) || keys.length === 0) continue;
    found.set(name, { keys: keys.map(String), namespace: auth?.namespace ?? (await namespaceOf(vault, name)) });
  }
  return found;
}

/** The namespace whose pods the site's role lets in. */
async function namespaceOf(vault: Pick<VaultClient, "read">, site: string): Promise<string> {
  const role = fields(await readIfThere(vault, `auth/${jwtMount(site)}/role/${vaultRole("jwt", "site", site)}`));
  const { bound_subject: subject } = role;
  const namespace = typeof subject === "string" ? /^system:serviceaccount:([^:]+):/.exec(subject)?.[1] : undefined;
  if (namespace === undefined)
    throw new UserError(`Vault's role of ${site} names no namespace; name the site with --from`);
  return namespace;
}

async function readIfThere(vault: Pick<VaultClient, "read">, path: string): Promise<unknown> {
  try {
    return await vault.read(path);
  } catch (error) {
    if ((error as { failure?: { kind?: string } }).failure?.kind === "absent") return undefined;
    throw new UserError(`${path} in Vault cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The newest ring of the sites, as JSON: the setting `dns-mesh:recoveredRing` of the new shared stack. */
export function ringText(sites: readonly LivingSite[]): string {
  const ring = newestRing(sites);
  if (ring === undefined)
    throw new UserError("no site has a key ring: with Vault it lies there, and the new stack leaves it as it is");
  return `${JSON.stringify(ring)}\n`;
}

/** The settings as the file of a stack, with what could not be rebuilt beside the sites that it is about. */
export function settingsText({ settings, gaps }: RecoveredSettings): string {
  const named = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`dns-mesh:${name}`, value]));
  const document = new Document({ config: named });
  const lines = [
    "Rebuilt by `mesh recover` from the living mesh. Read it before you bring it up.",
    ...(gaps.get("") ?? []),
  ];
  document.commentBefore = comment(lines);
  const sites = document.getIn(["config", "dns-mesh:mesh", "sites"], true);
  for (const item of isSeq(sites) ? sites.items : []) {
    if (!isMap(item)) continue;
    const missing = gaps.get(String(item.get("name")));
    if (missing !== undefined) item.commentBefore = comment(missing);
  }
  return document.toString({ lineWidth: 0 });
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => ` ${line}`).join("\n");
}
