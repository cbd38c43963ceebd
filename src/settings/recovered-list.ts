import { X509Certificate } from "node:crypto";

import { UserError } from "../base/errors";
import { byName, certificateBlocks } from "../base/text";
import { hostCidr } from "../dns/address";
import type { RingDocument } from "../keyring/ring-document";
import type { Dnssec, NameServers, Topology, WelcomePacket, Zone } from "../mesh/model";
import { appRoleMount, jwtMount } from "../mesh/trust";
import type { MeshView, SiteView } from "../mesh/view";
import type { AgreedTrust } from "./agreed-trust";
import { topologyBySize } from "./parse";
import { generationOf, parseShared } from "./shared-settings";

/** What a mesh that lives, and Vault, say to somebody who has lost the shared stack. */
export interface RecoveredFacts {
  /** What sites were brought up with; of at least one. */
  readonly packets: readonly WelcomePacket[];
  /** Of what these trust, that on which they agree. */
  readonly trust: AgreedTrust;
  /** The newest directory and catalog. */
  readonly view: MeshView;
  /** How zones are signed whose owner's packet is not there, as their answers show. */
  readonly signed: ReadonlyMap<string, true | Dnssec>;
  /** Zones of which nobody says whether they are signed, and why; the user lists them all the same. */
  readonly lost: ReadonlyMap<string, string>;
  /** Without Vault. */
  readonly ring: RingDocument | undefined;
  /** PEM of certificates that sites have, with what leads to a root. */
  readonly certificates: readonly string[];
  /** Public keys of clusters that Vault lets in, by the site's name. */
  readonly clusterKeys: ReadonlyMap<string, { readonly keys: readonly string[]; readonly namespace: string }>;
}

/** Settings of a shared stack by their names without `dns-mesh:`, and what could not be rebuilt. */
export interface RecoveredSettings {
  readonly settings: Readonly<Record<string, unknown>>;
  /** Sentences, by the site's name; those of the whole under an empty one. */
  readonly gaps: ReadonlyMap<string, readonly string[]>;
}

/**
 * The settings with which a new shared stack takes the place of one whose state was lost. Directory and catalog say which
 * sites and zones there are; what they do not say comes from the packets.
 *
 * @throws UserError when packets contradict each other on what all sites share, or the settings cannot be used.
 */
export function recoveredSettings(facts: RecoveredFacts): RecoveredSettings {
  const gaps = new Map<string, string[]>();
  const miss = (site: string, text: string): void => {
    gaps.set(site, [...(gaps.get(site) ?? []), text]);
  };
  const packet = facts.packets[0];
  if (packet === undefined) throw new UserError("no site's packet was read");
  requireAgreement(facts.packets);
  const { view, ring, trust } = facts;
  const { roots, signers } = trust;
  const numbers = [...roots.keys()].sort((a, b) => a - b);
  const signing = signingRoot(roots, facts.certificates) ?? numbers[0] ?? 1;
  const { transport, vault, certificates = "pulumi" } = packet;
  const settings = {
    mesh: {
      directoryZone: packet.directoryZone,
      catalogZone: packet.catalogZone,
      ...topologyOf(view),
      ...(transport !== "tls" && { transport }),
      ...(view.nameServers !== undefined && { nameServers: view.nameServers }),
      sites: inListOrder(facts).map((site) => listedSite(site, facts, miss)),
    },
    epoch: String(view.epoch?.number ?? 1),
    certificates,
    ca: { generation: numbers.at(-1) ?? 1, signing, oldest: numbers[0] ?? 1 },
    ...(ring !== undefined && { keys: { generation: generationOf(ring) } }),
    ...vaultSettings(packet),
    recovered: {
      signers,
      roots: numbers.map((generation) => ({ generation, certificate: roots.get(generation) ?? "" })),
      ...(vault !== undefined && { vault: { logins: loginsOf(facts) } }),
    },
  };
  for (const sentence of trust.leftOut) miss("", sentence);
  missLost(facts, miss);
  if (signers.length === 0) miss("", "no site has a key by which epochs are checked: none is kept");
  check(settings, facts, ring);
  return { settings, gaps };
}

/** A full mesh says nothing of its topology, and one that is full by its list alone would have hubs without that. */
function topologyOf({ topology, sites }: MeshView): { readonly topology?: Topology } {
  if (topology !== undefined) return { topology };
  return topologyBySize(sites.length) === "full" ? {} : { topology: "full" };
}

/** Zones that the user has given up. */
function missLost({ view, lost }: RecoveredFacts, miss: (site: string, text: string) => void): void {
  for (const { name, owner } of view.zones) {
    const reason = lost.get(name);
    if (reason === undefined) continue;
    const cure = "add dnssec if it was, before the site is brought up";
    miss(
      owner,
      `whether ${name} was signed is not known, and it stands here as not signed: no site gave it (${reason}); ${cure}`,
    );
  }
}

/** What a packet says of Vault, as settings. */
function vaultSettings({ vault, rotation }: WelcomePacket): object {
  if (vault === undefined) return {};
  const { address, mount, audience, caCert } = vault;
  return {
    vault: { address, mount, audience, ...(caCert !== undefined && { caCert }) },
    ...(rotation !== undefined && { rotation: durations(rotation) }),
  };
}

/** What all packets must say alike: a new list has one value for all. */
function requireAgreement(packets: readonly WelcomePacket[]): void {
  const shared = (packet: WelcomePacket): Readonly<Record<string, unknown>> => ({
    directoryZone: packet.directoryZone,
    catalogZone: packet.catalogZone,
    transport: packet.transport,
    certificates: packet.certificates ?? "pulumi",
    vault: packet.vault && { ...packet.vault, auth: undefined },
    rotation: packet.rotation,
  });
  const [first, ...others] = packets;
  if (first === undefined) return;
  for (const other of others) {
    const [left, right] = [shared(first), shared(other)];
    const differing = Object.keys(left).filter((key) => JSON.stringify(left[key]) !== JSON.stringify(right[key]));
    if (differing.length > 0)
      throw new UserError(
        `${first.site.name} and ${other.site.name} were brought up with other values of ${differing.join(", ")}: name those sites alone with --from that were brought up last`,
      );
  }
}

/** The primary, then the secondaries as the packets have them, then the others by name: packets stay the same text. */
function inListOrder({ view, packets }: RecoveredFacts): readonly SiteView[] {
  const catalogs = (packets[0]?.catalogs ?? []).map(({ name }) => name);
  const rank = ({ name, role }: SiteView): number =>
    role === "standard" ? catalogs.length + 1 : catalogs.includes(name) ? catalogs.indexOf(name) : catalogs.length;
  return [...byName(view.sites)].sort((a, b) => rank(a) - rank(b));
}

function listedSite(site: SiteView, facts: RecoveredFacts, miss: (site: string, text: string) => void): object {
  const packet = facts.packets.find(({ site: { name } }) => name === site.name);
  const owned = facts.view.zones.filter(({ owner }) => owner === site.name);
  const known = new Map(packet?.site.zones.map((zone) => [zone.name, zone]));
  if (packet === undefined)
    miss(
      site.name,
      "its packet was not read: what its zones began with, how they are signed but for NSEC3, and which of them come from servers outside the mesh, is not known; one that does has primaries, and no dnssec of its own",
    );
  const strange = [...known.keys()].filter((name) => !owned.some((zone) => zone.name === name));
  if (strange.length > 0)
    miss(
      site.name,
      `it was brought up with zones that the directory does not have: ${strange.join(", ")}; add them if they were to come`,
    );
  const unknown = packet === undefined ? [] : owned.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (unknown.length > 0) miss(site.name, `it was brought up before it had ${unknown.join(", ")}`);
  const login = facts.clusterKeys.get(site.name);
  if (packet?.vault?.auth.method === "jwt" && login === undefined)
    throw new UserError(`Vault has no keys of ${site.name}'s cluster at auth/${jwtMount(site.name)}/config`);
  const addresses = inOrder(site.addresses, packet?.site.addresses);
  const sources = inOrder(site.sources, packet?.site.sources);
  return {
    name: site.name,
    role: site.role,
    addresses,
    ...(!sameSet(sources, addresses.map(hostCidr)) && { sources }),
    ...(login !== undefined && { vault: { serviceAccountKeys: login.keys, namespace: login.namespace } }),
    zones: inOrder(
      owned.map(({ name }) => name),
      packet?.site.zones.map(({ name }) => name),
    ).map((name) => {
      const { retired, nameServers: said } = owned.find((zone) => zone.name === name) ?? {};
      const nameServers = said?.length === 0 ? undefined : said;
      if (said?.length === 0)
        miss(site.name, `what the directory says of the name servers of ${name} cannot be read here`);
      const signed = facts.signed.get(name);
      return listedZone({ name, retired, nameServers, zone: known.get(name), signed }, (text) => {
        miss(site.name, text);
      });
    }),
    ...marksOf(site),
  };
}

/** What else the directory says of a site. */
function marksOf({ nameServer, retired }: SiteView): object {
  return { ...(nameServer !== undefined && { nameServer }), ...(retired !== undefined && { retired }) };
}

function listedZone(
  found: {
    readonly name: string;
    readonly retired: string | undefined;
    readonly nameServers: NameServers | undefined;
    readonly zone: Zone | undefined;
    readonly signed: true | Dnssec | undefined;
  },
  miss: (text: string) => void,
): object | string {
  const { name, retired, nameServers, zone } = found;
  const dnssec = zone?.dnssec ?? found.signed ?? false;
  const records = zone?.records === undefined ? undefined : listedRecords(name, zone.records);
  if (records === "bad") miss(`the records that ${name} began with cannot be written as the list has them`);
  const listed = {
    name,
    ...(dnssec !== false && { dnssec }),
    ...(zone?.zoneFile !== undefined && { zoneFile: zone.zoneFile }),
    ...(Array.isArray(records) && { records }),
    ...(zone?.primaries !== undefined && { primaries: zone.primaries }),
    ...(nameServers !== undefined && { nameServers }),
    ...(retired !== undefined && { retired }),
  };
  return Object.keys(listed).length === 1 ? name : listed;
}

/** Lines of a master file as a list has them. */
function listedRecords(zone: string, lines: readonly string[]): object[] | "bad" {
  const records = lines.map((line) => {
    const [name = "", ttl = "", , type = "", ...rest] = line.split(" ");
    const absolute = name.replace(/\.$/, "");
    const within = absolute === zone ? "@" : absolute.slice(0, -zone.length - 1);
    return { name: within, type, ttl: Number(ttl), value: rest.join(" ") };
  });
  const grouped = new Map<string, { name: string; type: string; ttl: number; values: string[] }>();
  for (const { value, ...set } of records) {
    const key = `${set.name} ${set.type}`;
    const known = grouped.get(key);
    if (known === undefined) grouped.set(key, { ...set, values: [value] });
    else known.values.push(value);
  }
  return records.every(({ ttl, value }) => Number.isInteger(ttl) && value !== "") ? [...grouped.values()] : "bad";
}

function inOrder(names: readonly string[], order: readonly string[] = []): readonly string[] {
  return [...order.filter((name) => names.includes(name)), ...names.filter((name) => !order.includes(name))];
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return [...left].sort().join() === [...right].sort().join();
}

/** The newest root that a site's certificate comes from; undefined where none was read. */
function signingRoot(roots: ReadonlyMap<number, string>, certificates: readonly string[]): number | undefined {
  const blocks = certificates.flatMap(certificateBlocks).map((pem) => new X509Certificate(pem));
  const signing = [...roots].filter(([, root]) => {
    const { publicKey, subject } = new X509Certificate(root);
    return blocks.some((block) => block.issuer === subject && block.subject !== subject && block.verify(publicKey));
  });
  return signing.length === 0 ? undefined : Math.max(...signing.map(([number]) => number));
}

/** The auth mounts that sites log in by. */
function loginsOf({ packets, clusterKeys }: RecoveredFacts): readonly string[] {
  const isShared = packets.some(({ vault }) => vault?.auth.method === "approle");
  return [...[...clusterKeys.keys()].sort().map(jwtMount), ...(isShared ? [appRoleMount] : [])];
}

function durations(rotation: NonNullable<WelcomePacket["rotation"]>): object {
  const { every, patience, overlap } = rotation;
  return { every: `${every}s`, patience: `${patience}s`, overlap: `${overlap}s` };
}

/** The settings must be taken, and say what the view says. */
function check(
  settings: Readonly<Record<string, unknown>>,
  { view }: RecoveredFacts,
  ring: RingDocument | undefined,
): void {
  const all: Readonly<Record<string, unknown>> = { ...settings, ...(ring && { recoveredRing: ring }) };
  const text = (key: string): string | undefined => {
    const value = all[key];
    return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  };
  const { mesh } = parseShared({ get: text }, "shared");
  const said = mesh.sites.flatMap((site) => [site.name, ...site.zones.map(({ name }) => `${site.name} ${name}`)]);
  const seen = [...view.sites.map(({ name }) => name), ...view.zones.map(({ name, owner }) => `${owner} ${name}`)];
  if (!sameSet(said, seen)) throw new Error("the rebuilt list does not say what the directory says");
}
