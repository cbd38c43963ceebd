import { podPorts } from "../contract/names";
import { hostCidr } from "../dns/address";
import type { WelcomePacket } from "../mesh/model";
import { peersOf } from "../mesh/peers";
import type { MeshView } from "../mesh/view";
import { blocks, both, type NetworkPolicySpec, podsNamed, transferPorts } from "./policy-spec";

/** What the policy for peers follows from. */
export interface PeerPolicyInput {
  readonly packet: WelcomePacket;
  /** The sites as they are known; without it the packet's catalog sites are the peers. */
  readonly view?: Pick<MeshView, "sites">;
  /** Port that other sites answer on. @default 53 */
  readonly remotePort?: number;
  /** Port that other sites offer encrypted transfers on. @default 853 */
  readonly securePort?: number;
}

/**
 * Which other sites may talk to a site's Knot pods, and which they may talk to. It also lets the rotator of keys and
 * the record operator ask the other sites, which is all that they have of this policy: nothing listens there in their pods.
 *
 * Peers come from their `sources` and are asked at their `addresses`, which differ behind NAT. An empty list of peers
 * would mean "everybody" in Kubernetes, so a rule without peers is left out.
 */
export function peerPolicySpec(input: PeerPolicyInput): NetworkPolicySpec {
  const { remotePort = 53, securePort = 853 } = input;
  const { transport } = input.packet;
  const peers = peersOf(input);
  const sources = blocks(peers.flatMap((peer) => peer.sources));
  const addresses = blocks(peers.flatMap((peer) => peer.addresses.map(hostCidr)));
  const inside = [...both(podPorts.dns), ...transferPorts(transport, podPorts.secure)];
  const outside = [...both(remotePort), ...transferPorts(transport, securePort)];
  return {
    podSelector: podsNamed("knot", "key-rotator", "record-operator"),
    policyTypes: ["Ingress", "Egress"],
    ...(sources.length > 0 && { ingress: [{ from: sources, ports: inside }] }),
    ...(addresses.length > 0 && { egress: [{ to: addresses, ports: outside }] }),
  };
}
