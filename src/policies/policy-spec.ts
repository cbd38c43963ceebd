import type { PodName } from "../contract/names";
import type { Transport } from "../mesh/model";

/** A port that a rule lets through. */
export interface Port {
  readonly port: number;
  readonly protocol: "UDP" | "TCP";
  /** The last port of a range that begins with `port`. */
  readonly endPort?: number;
}

/** Which pods or namespaces, by their labels. An empty one selects all. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In";
    readonly values: readonly string[];
  }[];
}

/** The other end of a connection: addresses, or pods (of the policy's own namespace unless others are named). */
export type Peer =
  | { readonly ipBlock: { readonly cidr: string } }
  | { readonly podSelector?: LabelSelector; readonly namespaceSelector?: LabelSelector };

/** The part of Kubernetes' NetworkPolicySpec (networking.k8s.io/v1) that is used here. */
export interface NetworkPolicySpec {
  readonly podSelector: LabelSelector;
  readonly policyTypes: readonly ("Ingress" | "Egress")[];
  readonly ingress?: readonly { readonly from: readonly Peer[]; readonly ports: readonly Port[] }[];
  readonly egress?: readonly { readonly to: readonly Peer[]; readonly ports: readonly Port[] }[];
}

/** Selects pods of ours by the programs that they run. */
export function podsNamed(first: PodName, ...more: readonly PodName[]): LabelSelector {
  const key = "app.kubernetes.io/name";
  if (more.length === 0) return { matchLabels: { [key]: first } };
  return { matchExpressions: [{ key, operator: "In", values: [first, ...more] }] };
}

/** Each CIDR once, in an order that does not depend on the list's. */
export function blocks(cidrs: readonly string[]): readonly Peer[] {
  return [...new Set(cidrs)].sort().map((cidr) => ({ ipBlock: { cidr } }));
}

/** A port over UDP and TCP. */
export function both(port: number): readonly Port[] {
  return [udp(port), tcp(port)];
}

/** A port over UDP. */
export function udp(port: number): Port {
  return { port, protocol: "UDP" };
}

/** A port over TCP. */
export function tcp(port: number): Port {
  return { port, protocol: "TCP" };
}

/** The port of encrypted transfers, as far as the transport has it: a site with QUIC answers over TLS too. */
export function transferPorts(transport: Transport, port: number): readonly Port[] {
  if (transport === "tcp") return [];
  return transport === "quic" ? both(port) : [tcp(port)];
}
