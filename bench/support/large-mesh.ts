import { eventually } from "../../harness/eventually";
import { type KnotPlace, type KnotServer, startKnot } from "../../harness/knot";
import { Lab, type LabSite } from "../../lab";
import { DnsClient } from "../../src/dns/client/dns-client";
import { knotHead } from "./knot-head";

/** A mesh of which two sites run, and one Knot answers for all others. */
export interface LargeMesh extends AsyncDisposable {
  readonly lab: Lab;
  /** The primary catalog. */
  readonly primary: LabSite;
  /** A standard site with a real Knot and agent: what is measured. */
  readonly site: LabSite;
}

/** Large meshes take long to load. */
const patience = 300;
const sharedFile = "member.zone";
const memberText = "@ 60 SOA ns.invalid. h.invalid. 5 300 30 3628800 60\n@ 60 NS ns.invalid.\nwww 60 A 192.0.2.1\n";

/**
 * Starts a site in a mesh that is too large to run whole on one machine. The primary and the site are real. The others'
 * servers are one Knot that listens at each one's address, owns their zones and takes everybody else's. It has no
 * certificate for each of them: transfers run over plain TCP, which is none of an agent's business.
 */
export async function startLargeMesh(size: { readonly sites: number; readonly zones: number }): Promise<LargeMesh> {
  await using started = new AsyncDisposableStack();
  const zones = Math.max(size.zones, size.sites);
  const lab = started.use(await Lab.create({ sites: size.sites, zones, transport: "tcp", storage: "/dev/shm" }));
  const [first, second, third, ...rest] = lab.list;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three sites at least");
  const primary = await lab.upSite(first.name);
  await primary.ready(patience);
  const others = [second, ...rest];
  const servers = { primary, siteAddress: third.addresses[0] ?? "", others, copied: [...lab.zones().slice(0, 2)] };
  started.use(await startOthers(lab, { ...servers, running: [first, third] }));
  const site = await lab.upSite(third.name);
  await site.ready(patience);
  await eventually(patience, () => hasAll(site, lab));
  const running = started.move();
  return { lab, primary, site, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type Listed = Lab["list"][number];

interface Others {
  readonly primary: LabSite;
  readonly siteAddress: string;
  readonly others: readonly Listed[];
  readonly running: readonly Listed[];
  readonly copied: readonly string[];
}

const zonesOf = (listed: readonly Listed[]): readonly string[] =>
  listed.flatMap(({ zones }) => zones.map((zone) => (typeof zone === "string" ? zone : zone.name)));

function startOthers(lab: Lab, parts: Others): Promise<KnotServer> {
  const { port } = parts.primary.server;
  const [key] = lab.ring.accepted;
  const listen = parts.others.flatMap(({ addresses }) => addresses);
  const copies = [...parts.copied, ...zonesOf(parts.running)].map(
    (zone) => `  - domain: ${zone}\n    template: copy\n`,
  );
  const owned = zonesOf(parts.others).map((zone) => `  - domain: ${zone}\n`);
  if (key === undefined) throw new Error("the lab has no key");
  const remote = (id: string, address: string): string =>
    `  - id: ${id}\n    address: ${address}@${port}\n    key: ${key.name}\n`;
  const config = (place: KnotPlace): string => `${knotHead(place, { listen, key })}
remote:
${remote("primary", parts.primary.address)}${remote("site", parts.siteAddress)}
template:
  - id: default
    storage: ${place.storage}
    file: ${sharedFile}
    acl: mesh
    zonefile-sync: -1
  - id: copy
    storage: ${place.storage}
    acl: mesh
    master: [primary, site]
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
zone:
${copies.join("")}${owned.join("")}`;
  return startKnot({
    address: listen[0] ?? "",
    port,
    readySeconds: patience,
    files: { [sharedFile]: memberText },
    config,
  });
}

/** Throws as long as the site lacks a zone, or its agent has something left to do. */
async function hasAll(site: LabSite, lab: Lab): Promise<void> {
  const { zones, peers, problems, counters } = await site.status();
  const wanted = lab.zones().length - 2;
  if (zones !== wanted || peers !== lab.list.length - 1) throw new Error(`${zones} zones and ${peers} peers are known`);
  if (problems.length > 0) throw new Error(problems[0]?.message);
  if (counters.passes < 5) throw new Error("the agent has just begun");
  const dns = new DnsClient({ timeoutMs: 500 });
  for (const zone of lab.zones()) await dns.querySoa(site.server, zone);
}
