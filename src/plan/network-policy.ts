import type { WelcomePacket } from "../mesh/model";
import { hostCidr } from "../mesh/ip";
import { peersOf } from "./peers";
import type { MeshView } from "./view";

interface Port {
  readonly port: number;
  readonly protocol: "UDP" | "TCP";
}

interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

type Peer = { readonly ipBlock: { readonly cidr: string } } | { readonly podSelector: LabelSelector };

/** The part of Kubernetes' NetworkPolicySpec (networking.k8s.io/v1) that is used here. */
export interface NetworkPolicySpec {
  readonly podSelector: LabelSelector;
  readonly policyTypes: readonly ("Ingress" | "Egress")[];
  readonly ingress: readonly { readonly from: readonly Peer[]; readonly ports: readonly Port[] }[];
  readonly egress: readonly { readonly to: readonly Peer[]; readonly ports: readonly Port[] }[];
}

/** Ports that Knot and the agent listen on inside a pod. */
const podPorts = { dns: 5353, tls: 8853, agent: 8053 };

/**
 * Who may talk to a site's Knot pods, and whom they may talk to: the other sites, and this site's own pods.
 *
 * Peers come from their `sources` and are asked at their `addresses`, which differ behind NAT. An empty list of peers
 * would mean "everybody" in Kubernetes, so a rule without peers is left out.
 *
 * @param o.view - The mesh as it is known; without it the packet's catalog sites are the peers.
 */
export function peerPolicySpec(o: { readonly packet: WelcomePacket; readonly view?: MeshView }): NetworkPolicySpec {
  const peers = peersOf(o);
  const sources = blocks(peers.flatMap((peer) => peer.sources));
  const addresses = blocks(peers.flatMap((peer) => peer.addresses.map(hostCidr)));
  const own: Peer = { podSelector: { matchLabels: { "app.kubernetes.io/part-of": "dns-mesh" } } };
  return {
    podSelector: { matchLabels: { "app.kubernetes.io/name": "knot" } },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      ...(sources.length > 0 ? [{ from: sources, ports: [...both(podPorts.dns), tcp(podPorts.tls)] }] : []),
      { from: [own], ports: [...both(podPorts.dns), tcp(podPorts.agent)] },
    ],
    egress: [
      ...(addresses.length > 0 ? [{ to: addresses, ports: [...both(53), tcp(853)] }] : []),
      // Some networks judge before a Service's port is translated, some after.
      { to: [own], ports: [...both(53), ...both(podPorts.dns), tcp(podPorts.agent)] },
    ],
  };
}

function blocks(cidrs: readonly string[]): readonly Peer[] {
  return [...new Set(cidrs)].sort().map((cidr) => ({ ipBlock: { cidr } }));
}

function both(port: number): readonly Port[] {
  return [
    { port, protocol: "UDP" },
    { port, protocol: "TCP" },
  ];
}

function tcp(port: number): Port {
  return { port, protocol: "TCP" };
}
