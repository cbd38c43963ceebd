import { setTimeout as delay } from "node:timers/promises";

import { inParallel } from "../base/in-parallel";
import { DnsClient } from "../dns/client/dns-client";
import { UdpChannel } from "../dns/client/udp-channel";
import { askAgents, askCluster, type ClusterReport, sitesWithClusters } from "./agent-reports";
import { type CertificateLook, lookAtCertificate } from "./certificates";
import { lookAtSites } from "./look";
import type { MeshAccess } from "./mesh-access";
import { hasPlace } from "./place";
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
}

/** Asks everybody who can be asked, once. */
export async function lookAt(access: MeshAccess, { turn, clusters, last }: OneLook): Promise<StatusReport> {
  const channel = new UdpChannel();
  const dns = new DnsClient({ timeoutMs: answerMs, channel });
  const withCluster = sitesWithClusters(access);
  // Stack files here are those of another mesh than a lab.
  const asked = clusters && !access.isLab ? withCluster.known : [];
  const [look, pods, reports, certificates, addresses] = await Promise.all([
    lookAtSites(access, { dns, turn, pause: (ms) => delay(ms), also: last === undefined ? [] : lateCopies(last) }),
    askAgents(access.pods),
    askClusters(access, asked),
    lookAtCertificates(access),
    lookAtAddresses(access, clusters && !access.isLab),
  ]);
  channel.close();
  return reportStatus({
    mesh: access.mesh,
    from: access.from,
    look,
    pods,
    clusters: reports,
    certificates,
    addresses,
    notAsked: notAsked(access, clusters ? withCluster.unknown : access.mesh.sites.map(({ name }) => name)),
    now: Date.now(),
  });
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
