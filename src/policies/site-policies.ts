import { bareHost } from "../base/text";
import { type PodName, podPorts } from "../contract/names";
import { hostCidr, ipVersion, splitServer } from "../dns/address";
import type { Transport } from "../mesh/model";
import { parseAllowed } from "../pools/allow-list";
import {
  blocks,
  both,
  type NetworkPolicySpec,
  type Peer,
  podsNamed,
  type Port,
  tcp,
  transferPorts,
  udp,
} from "./policy-spec";

/** What a site's own policies follow from. Those for its peers are `peerPolicySpec`'s. */
export interface SitePolicyInput {
  /** Networks whose clients may ask. */
  readonly clients: readonly string[];
  /** Where the cluster's API server answers. */
  readonly apiServer: readonly string[];
  /** Where this site is asked from outside. */
  readonly addresses: readonly string[];
  /** Port that sites answer on. */
  readonly remotePort: number;
  readonly transport: Transport;
  /** Labels of the namespaces that may fetch metrics; none may without. */
  readonly monitoring?: Readonly<Record<string, string>>;
  /** Servers of parent zones that Knot asks for DS records, in its own form. */
  readonly parents: readonly string[];
  /** Servers outside the mesh that zones are taken from, in the same form. */
  readonly primaries: readonly string[];
  /** Servers outside the mesh that agents tell of changes, in the same form. */
  readonly notified: readonly string[];
  /** Networks of servers outside the mesh that take zones over TLS. */
  readonly takers: readonly string[];
  /** The Vault that pods fetch keys and certificates from. */
  readonly vault?: ServerReach;
  /** The storage that backups go to. */
  readonly storage?: ServerReach;
  /** Whether the site serves DnsRecords. */
  readonly hasOperator: boolean;
  /** Who may ask the site's resolver; there is none without. */
  readonly resolver?: {
    readonly clients: readonly string[];
    readonly overTls: boolean;
  };
  /** What its operator may probe, each as `NETWORK@PORT` or `NETWORK@PORT-PORT`. */
  readonly probes: readonly string[];
}

/** A server outside the cluster, and the networks that it answers from when its address does not tell. */
export interface ServerReach {
  /** Its URL. */
  readonly address: string;
  readonly egress?: readonly string[];
}

/**
 * Everything that pods of a site may do on the network beside talking to other sites, by the policy's name.
 * `default-deny` holds for every pod of the namespace, also for those that somebody else puts there.
 */
export function sitePolicies(input: SitePolicyInput): Readonly<Record<string, NetworkPolicySpec>> {
  return {
    "knot-clients": knotClients(input.clients),
    "knot-site": knotWithinSite(input),
    reconciler: withApiServer("reconciler", input.apiServer),
    ...(input.hasOperator && { "record-operator": operator(input) }),
    ...(input.hasOperator && input.probes.length > 0 && { "record-operator-probes": probing(input.probes) }),
    ...(input.vault && { "key-rotator": rotator(input), vault: toVault(input.vault) }),
    ...(input.storage && { backup: backup(input.storage) }),
    ...(input.resolver && { resolver: resolver(input.resolver) }),
    ...(input.parents.length > 0 && { "knot-parents": toServers(input.parents, both) }),
    ...(input.primaries.length > 0 && { "knot-primaries": toServers(input.primaries, both) }),
    ...(input.notified.length > 0 && { "knot-readers": toServers(input.notified, (port) => [udp(port)]) }),
    ...(input.takers.length > 0 && { "knot-readers-tls": takers(input.takers) }),
    ...(input.monitoring && { "knot-metrics": metrics(input.monitoring, input.resolver !== undefined) }),
    "default-deny": { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  };
}

function knotClients(clients: readonly string[]): NetworkPolicySpec {
  return {
    podSelector: podsNamed("knot"),
    policyTypes: ["Ingress"],
    ingress: [{ from: blocks(clients), ports: both(podPorts.dns) }],
  };
}

/** Servers outside the mesh that take zones over TLS; everything else they ask as clients. */
function takers(networks: readonly string[]): NetworkPolicySpec {
  return {
    podSelector: podsNamed("knot"),
    policyTypes: ["Ingress"],
    ingress: [{ from: blocks(networks), ports: [tcp(podPorts.secure)] }],
  };
}

/** Knot's pods among themselves, whose agents ask each other before one steps back for the other, and those of ours that ask them. */
function knotWithinSite({ transport, storage, resolver }: SitePolicyInput): NetworkPolicySpec {
  const knot = { podSelector: podsNamed("knot") };
  const asking = {
    podSelector: podsNamed(
      ...["key-rotator" as const, "reconciler" as const, "record-operator" as const],
      ...(resolver ? ["resolver" as const] : []),
    ),
  };
  const inside = [...both(podPorts.dns), ...transferPorts(transport, podPorts.secure)];
  return {
    podSelector: podsNamed("knot"),
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: [knot], ports: [...inside, tcp(podPorts.http)] },
      { from: [asking], ports: [...both(podPorts.dns), tcp(podPorts.http)] },
      ...(storage ? [{ from: [{ podSelector: podsNamed("backup") }], ports: [tcp(podPorts.http)] }] : []),
    ],
    egress: [{ to: [knot], ports: [...both(53), ...transferPorts(transport, 853), ...inside, tcp(podPorts.http)] }],
  };
}

/** What our programs ask. Some networks judge before a Service's port is translated, some after. */
function toKnot(): readonly Port[] {
  return [...both(53), ...both(podPorts.dns), tcp(podPorts.http)];
}

/** The API server has no labels to select it by; the Service in front of it has 443, the servers behind it mostly 6443. */
function withApiServer(pods: PodName, apiServer: readonly string[]): NetworkPolicySpec {
  return {
    podSelector: podsNamed(pods),
    policyTypes: ["Ingress", "Egress"],
    egress: [
      { to: [{ podSelector: podsNamed("knot") }], ports: toKnot() },
      { to: blocks(apiServer), ports: [tcp(443), tcp(6443)] },
    ],
  };
}

/** The record operator asks every site for what it serves, its own included. */
function operator({ apiServer, addresses, remotePort }: SitePolicyInput): NetworkPolicySpec {
  const { egress = [], ...rest } = withApiServer("record-operator", apiServer);
  return { ...rest, egress: [...egress, { to: blocks(addresses.map(hostCidr)), ports: both(remotePort) }] };
}

/** From the record operator to targets of DnsPools; a rule for each of what is listed. */
function probing(probes: readonly string[]): NetworkPolicySpec {
  return {
    podSelector: podsNamed("record-operator"),
    policyTypes: ["Egress"],
    egress: probes.map(parseAllowed).map(({ network, ports: [from, to] }) => ({
      to: blocks([network]),
      ports: both(from).map((port) => ({ ...port, ...(to > from && { endPort: to }) })),
    })),
  };
}

/** The rotator asks every site, its own included. */
function rotator({ addresses, remotePort }: SitePolicyInput): NetworkPolicySpec {
  return {
    podSelector: podsNamed("key-rotator"),
    policyTypes: ["Ingress", "Egress"],
    egress: [
      { to: [{ podSelector: podsNamed("knot") }], ports: toKnot() },
      { to: blocks(addresses.map(hostCidr)), ports: both(remotePort) },
    ],
  };
}

function metrics(namespace: Readonly<Record<string, string>>, hasResolver: boolean): NetworkPolicySpec {
  return {
    podSelector: podsNamed("knot", "record-operator", ...(hasResolver ? (["resolver"] as const) : [])),
    policyTypes: ["Ingress"],
    ingress: [{ from: [{ namespaceSelector: { matchLabels: namespace } }], ports: [tcp(podPorts.http)] }],
  };
}

/** From Knot's pods to servers outside; a rule for each port. */
function toServers(servers: readonly string[], portsOf: (port: number) => readonly Port[]): NetworkPolicySpec {
  const byPort = new Map<number, string[]>();
  for (const server of servers) {
    const { address, port } = splitServer(server);
    byPort.set(port, [...(byPort.get(port) ?? []), hostCidr(address)]);
  }
  return {
    podSelector: podsNamed("knot"),
    policyTypes: ["Egress"],
    egress: [...byPort].map(([port, cidrs]) => ({ to: blocks(cidrs), ports: portsOf(port) })),
  };
}

function toVault(vault: ServerReach): NetworkPolicySpec {
  return { podSelector: podsNamed("knot", "key-rotator"), policyTypes: ["Egress"], egress: toServer(vault) };
}

/** What backs up, restores and drills asks the agent beside the writer, and the storage. */
function backup(storage: ServerReach): NetworkPolicySpec {
  return {
    podSelector: podsNamed("backup"),
    policyTypes: ["Ingress", "Egress"],
    egress: [{ to: [{ podSelector: podsNamed("knot") }], ports: [tcp(podPorts.http)] }, ...toServer(storage)],
  };
}

/** The resolver asks Knot's pods, and any server of the world for other names and while its own site's are away. */
function resolver({ clients, overTls }: NonNullable<SitePolicyInput["resolver"]>): NetworkPolicySpec {
  const ports = [...both(podPorts.dns), ...(overTls ? [tcp(podPorts.secure)] : [])];
  return {
    podSelector: podsNamed("resolver"),
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: blocks(clients), ports }],
    egress: [
      { to: [{ podSelector: podsNamed("knot") }], ports: toKnot() },
      { to: blocks(["0.0.0.0/0", "::/0"]), ports: both(53) },
    ],
  };
}

/** A server outside, and the cluster's resolver where it is given by name. */
function toServer(server: ServerReach): NonNullable<NetworkPolicySpec["egress"]> {
  const { host, port } = endpointOf(server.address);
  const networks = server.egress ?? (ipVersion(host) === undefined ? ["0.0.0.0/0", "::/0"] : [hostCidr(host)]);
  return [
    { to: blocks(networks), ports: [tcp(port)] },
    ...(looksUpName(server.address) ? [{ to: [clusterDns], ports: both(53) }] : []),
  ];
}

/** Where every distribution runs its resolver. */
const clusterDns: Peer = {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
  podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
};

/** Whether a server is given by a name that pods must look up. */
export function looksUpName(address: string): boolean {
  return ipVersion(endpointOf(address).host) === undefined;
}

function endpointOf(address: string): { readonly host: string; readonly port: number } {
  const url = new URL(address);
  const { port, protocol } = url;
  return {
    host: bareHost(url),
    port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port),
  };
}
