import { setTimeout as delay } from "node:timers/promises";

import { inParallel } from "../base/in-parallel";
import { DnsClient } from "../dns/client/dns-client";
import { UdpChannel } from "../dns/client/udp-channel";
import type { DelegatedZone, Parents } from "../preflight/parents";
import { askAgents, askCluster, type ClusterReport, type PodReport, sitesWithClusters } from "./agent-reports";
import { type CertificateLook, lookAtCertificate } from "./certificates";
import { lookAtSites } from "./look";
import type { MeshAccess } from "./mesh-access";
import { hasPlace } from "./place";
import { lookAtPools } from "./pools-look";
import { addressFinder, askForAddresses, autoSites, configsBeside, type FoundAddresses } from "./site-addresses";
import { lateCopies, reportStatus, type StatusReport } from "./status-report";

/** Milliseconds for an answer; a question that is lost is asked once more. */
const answerMs = 1500;
const width = 32;

/** One of several looks. */
export interface OneLook {
  /** Rises from look to look. */
  readonly turn: number;
  readonly clusters: boolean;
  /** What the look before found: what was late then is looked at again. */
  readonly last?: StatusReport | undefined;
  /** Compares what parents outside the mesh have. @default they are not asked */
  readonly parents?: Pick<Parents, "look"> | undefined;
}

/** Asks everybody who can be asked, once. */
export async function lookAt(access: MeshAccess, { turn, clusters, last, parents }: OneLook): Promise<StatusReport> {
  const channel = new UdpChannel({ sockets: 8 });
  const dns = new DnsClient({ timeoutMs: answerMs, channel });
  const withCluster = sitesWithClusters(access);
  // Stack files here are those of another mesh than a lab.
  const asked = clusters && !access.isLab ? withCluster.known : [];
  const [look, pods, reports, certificates, addresses, pools] = await Promise.all([
    lookAtSites(access, { dns, turn, pause: (ms) => delay(ms), also: last === undefined ? [] : lateCopies(last) }),
    askAgents(access.pods),
    askClusters(access, asked),
    lookAtCertificates(access),
    lookAtAddresses(access, clusters && !access.isLab),
    lookAtPools(access, { dns }),
  ]);
  channel.close();
  const found = await parents?.look(outsideDelegations(access, [...pods, ...reports.flatMap((each) => each.pods)]));
  return reportStatus({
    mesh: access.mesh,
    from: access.from,
    look,
    pods,
    clusters: reports,
    certificates,
    addresses,
    pools,
    ...(found && { parents: found.states }),
    notAsked: [
      ...notAsked(access, clusters ? withCluster.unknown : access.mesh.sites.map(({ name }) => name)),
      ...parentsNote(found?.left ?? 0),
    ],
    now: Date.now(),
  });
}

/** What owners say that parents outside the mesh should have. */
function outsideDelegations({ mesh }: MeshAccess, pods: readonly PodReport[]): readonly DelegatedZone[] {
  const owners = new Map(mesh.sites.flatMap(({ name, zones }) => zones.map((zone) => [zone.name, name])));
  const outside = pods.flatMap(({ site, facts }) =>
    (facts?.nameServers ?? []).flatMap(({ zone, parent }): readonly [string, DelegatedZone][] =>
      parent === undefined || parent.zone !== undefined || owners.get(zone) !== site
        ? []
        : [[zone, { zone, records: parent }]],
    ),
  );
  return [...new Map(outside).values()];
}

function parentsNote(left: number): readonly string[] {
  return left === 0 ? [] : [`what parents outside the mesh have of ${left} more zones`];
}

function notAsked(access: MeshAccess, sites: readonly string[]): readonly string[] {
  const without = sites.filter((name) => !access.pods.some(({ site }) => site === name));
  if (without.length === 0) return [];
  const names =
    without.length <= 5 ? without.join(", ") : `${without.slice(0, 4).join(", ")} and ${without.length - 4} more`;
  return [
    `agents, reconcilers, backups and keys of ${names}: no stack file here (Pulumi.SITE.yaml with dns-mesh:context) names their clusters, or --no-clusters`,
  ];
}

async function askClusters(access: MeshAccess, sites: readonly string[]): Promise<readonly ClusterReport[]> {
  const reports: ClusterReport[] = [];
  await inParallel(width, sites, async (site) => {
    reports.push(await askCluster(access, site));
  });
  return reports;
}

/** Where load balancers have sites whose addresses come from there, of the clusters that stack files here name. */
async function lookAtAddresses(
  { mesh, from, folder }: MeshAccess,
  isAsked: boolean,
): Promise<ReadonlyMap<string, FoundAddresses>> {
  const sites = isAsked ? autoSites(mesh).filter(({ name }) => hasPlace(name, folder)) : [];
  const configOf = configsBeside(from);
  return askForAddresses(sites, addressFinder({ directoryZone: mesh.directoryZone, configOf }));
}

async function lookAtCertificates(access: MeshAccess): Promise<ReadonlyMap<string, CertificateLook>> {
  const looks = new Map<string, CertificateLook>();
  if (access.mesh.transport === "tcp") return looks;
  await inParallel(width, access.mesh.sites, async ({ name: site, addresses }) => {
    const [address = ""] = addresses;
    looks.set(site, await lookAtCertificate(access, { site, address }));
  });
  return looks;
}
