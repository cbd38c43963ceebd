import * as ipaddr from "ipaddr.js";

import { podPorts } from "../../src/contract/names";
import { at, isKind, keysAt, kindOf, listAt, namespaceOf, objectName, podSpecOf, textAt } from "./reading";
import type { Finding, Planned, ResourceRule, RuleConfig, StackRule } from "./rule";

/** Ports at which a site is asked: DNS, and DNS over TLS or QUIC. */
const publicPorts: readonly unknown[] = [53, 853];

function listed({ public: names }: RuleConfig): readonly string[] {
  return Array.isArray(names) ? names.map(String) : [];
}

function reachableBy({ props }: Planned): string | undefined {
  const type = textAt(props, "spec", "type");
  if (type === "LoadBalancer" || type === "NodePort") return `type ${type}`;
  return listAt(props, "spec", "externalIPs").length > 0 ? "externalIPs" : undefined;
}

function serviceProblems(resource: Planned, config: RuleConfig): readonly string[] {
  const name = objectName(resource);
  if (isKind(resource, "Ingress", "HTTPRoute", "Gateway"))
    return listed(config).includes(name) ? [] : [`${name} is reachable from outside the cluster: DNS needs none of it`];
  const by = isKind(resource, "Service") ? reachableBy(resource) : undefined;
  if (by === undefined) return [];
  if (!listed(config).includes(name))
    return [
      `the Service ${name} is reachable from outside the cluster (${by}): make it a ClusterIP, or name it in services-private.public`,
    ];
  const ports = listAt(resource.props, "spec", "ports").map((port) => at(port, "port"));
  return ports
    .filter((port) => !publicPorts.includes(port))
    .map((port) => `the Service ${name} opens port ${String(port)} to everybody: a site answers at 53 and 853 alone`);
}

/** What a load balancer has is the internet's: metrics and the agent's routes are not for it. */
export const servicesPrivate: ResourceRule = {
  name: "services-private",
  description: "Nothing but a site's DNS can be reached from outside the cluster.",
  settings: { public: { type: "array", default: ["knot", "knot-tcp"] } },
  about: "resource",
  check: serviceProblems,
};

/** A shorter prefix is nobody's own network: two halves of all addresses are all of them too. */
const shortestPrefixes = { ipv4: 8, ipv6: 16 };

/** Whether a block has so many addresses that it is everybody; one that cannot be read is. Addresses of sites alone (RFC 4193) are not. */
function isWide(cidr: string): boolean {
  if (!ipaddr.isValidCIDR(cidr)) return true;
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  if (address.range() === "uniqueLocal" && prefix >= 7) return false;
  return prefix < shortestPrefixes[address.kind()];
}

/** An empty list of sources is everybody in Kubernetes. */
function isOpen(rule: unknown): boolean {
  const from = listAt(rule, "from");
  return (
    from.length === 0 ||
    from.some((peer) => at(peer, "ipBlock") !== undefined && isWide(textAt(peer, "ipBlock", "cidr")))
  );
}

/** What is wrong with a port that everybody reaches. */
function openPortProblem(port: unknown): string | undefined {
  const [first, last] = [at(port, "port"), at(port, "endPort")];
  if (last !== undefined)
    return `lets everybody in at ports ${JSON.stringify(first)} to ${JSON.stringify(last)}: name sources`;
  return first === podPorts.dns ? undefined : `lets everybody in at port ${String(first)}: name sources`;
}

/** Transfers, metrics and the agent's routes are for peers, and for whom the site's settings name. */
export const policiesNarrow: ResourceRule = {
  name: "policies-narrow",
  description: "NetworkPolicies open Knot's port for questions to everybody, and no other.",
  about: "resource",
  check: (resource) => {
    if (!isKind(resource, "NetworkPolicy")) return [];
    const open = listAt(resource.props, "spec", "ingress").filter(isOpen);
    return open.flatMap((rule) => {
      const ports = listAt(rule, "ports");
      if (ports.length === 0) return [`${objectName(resource)} lets everybody in at every port: name ports or sources`];
      return ports.flatMap((port) => openPortProblem(port) ?? []).map((each) => `${objectName(resource)} ${each}`);
    });
  },
};

/** Whether a policy denies everything to every pod of its namespace. */
function deniesAll({ props }: Planned): boolean {
  const spec = at(props, "spec");
  const types = listAt(spec, "policyTypes");
  const selector = at(spec, "podSelector");
  return (
    typeof selector === "object" &&
    keysAt(selector, "matchLabels").length + listAt(selector, "matchExpressions").length === 0 &&
    ["Ingress", "Egress"].every((type) => types.includes(type)) &&
    listAt(spec, "ingress").length + listAt(spec, "egress").length === 0
  );
}

/** Without it, what no policy names is open. */
export const podsIsolated: StackRule = {
  name: "pods-isolated",
  description: "Each namespace with pods has a NetworkPolicy that denies everything which no other allows.",
  about: "stack",
  check: (resources) => {
    const policies = resources.filter((resource) => isKind(resource, "NetworkPolicy"));
    const denied = new Set(policies.filter(deniesAll).map(namespaceOf));
    const workloads = resources.filter((each) => kindOf(each)?.isPatch === false && podSpecOf(each) !== undefined);
    const open = new Map(workloads.map((each) => [namespaceOf(each), each]));
    return [...open]
      .filter(([namespace]) => !denied.has(namespace))
      .map(([namespace, { urn }]): Finding => ({
        urn,
        message: `the namespace ${namespace} has pods and no NetworkPolicy that denies all by default`,
      }));
  },
};
