import type { SourceKind } from "../../src/records/sources/kinds";
import type { GatewayObject, Surroundings } from "../../src/records/sources/route";

/** The zone of the cases. */
export const sourceZone = "apps.example.org";

/** Namespaces of the cases, with their labels. */
export const sourceNamespaces: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  default: {},
  shop: { team: "shop" },
  infra: {},
};

/** An object that an administrator applies, and what its controller writes into its status. */
interface SourceCase {
  readonly what: string;
  readonly kind: SourceKind;
  /** @default default */
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: object;
  readonly status?: object;
  /** Name, type and targets, and the TTL where the object says one. */
  readonly records: readonly (readonly [name: string, type: string, targets: readonly string[], ttl?: number])[];
}

const of = (fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`external-dns.alpha.kubernetes.io/${name}`, value]),
  );
const ports = [{ port: 80 }];
const balancer = { type: "LoadBalancer", ports };
const paths = [{ path: "/", pathType: "Prefix", backend: { service: { name: "shop", port: { number: 80 } } } }];
const rules = (...hosts: string[]) => ({ rules: hosts.map((host) => ({ host, http: { paths } })) });
const full = (label: string): string => `${label}.${sourceZone}`;
const balanced = (...ingress: readonly object[]): object => ({ loadBalancer: { ingress } });
const ip = { ip: "192.0.2.10" };
const lb = { hostname: "lb.cloud.test" };

/** A Gateway of the cases, with what its controller writes. */
interface CaseGateway {
  readonly name: string;
  readonly namespace: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly listeners: readonly object[];
  readonly addresses: readonly { readonly type: "IPAddress" | "Hostname"; readonly value: string }[];
}

const address = (value: string) => ({ type: "IPAddress" as const, value });
const named = (value: string) => ({ type: "Hostname" as const, value });
const from = (which: string, more: object = {}) => ({ allowedRoutes: { namespaces: { from: which, ...more } } });
const http = { name: "http", port: 80, protocol: "HTTP" };

/** Gateways that routes of the cases lead to. */
export const sourceGateways: readonly CaseGateway[] = [
  {
    name: "edge",
    namespace: "infra",
    listeners: [
      { ...http, hostname: `*.${sourceZone}`, ...from("All") },
      {
        ...{ name: "tls", port: 443, protocol: "TLS", hostname: full("*.secure"), tls: { mode: "Passthrough" } },
        ...from("All"),
      },
      { name: "tcp", port: 9000, protocol: "TCP", ...from("All") },
      { name: "udp", port: 9001, protocol: "UDP", ...from("All") },
    ],
    addresses: [address("198.51.100.1"), address("2001:db8:1::1")],
  },
  { name: "own", namespace: "default", listeners: [http], addresses: [named("gw.cloud.test")] },
  { name: "closed", namespace: "infra", listeners: [http], addresses: [address("198.51.100.9")] },
  {
    name: "chosen",
    namespace: "infra",
    listeners: [{ ...http, ...from("Selector", { selector: { matchLabels: { team: "shop" } } }) }],
    addresses: [address("198.51.100.2")],
  },
  {
    name: "others",
    namespace: "infra",
    listeners: [
      {
        ...http,
        ...from("Selector", { selector: { matchExpressions: [{ key: "team", operator: "NotIn", values: ["shop"] }] } }),
      },
    ],
    addresses: [address("198.51.100.4")],
  },
  {
    name: "aimed",
    namespace: "default",
    annotations: of({ target: "203.0.113.50, front.cloud.test." }),
    listeners: [http],
    addresses: [address("198.51.100.3")],
  },
  { name: "mixed", namespace: "default", listeners: [http], addresses: [address("198.51.100.5"), named("x.test")] },
  { name: "bare", namespace: "default", listeners: [http], addresses: [] },
  {
    name: "narrow",
    namespace: "default",
    listeners: [
      { ...http, hostname: full("narrow") },
      { ...http, name: "other", port: 81, hostname: full("wide.narrow") },
    ],
    addresses: [address("198.51.100.6")],
  },
  {
    name: "grpc-only",
    namespace: "default",
    listeners: [{ ...http, allowedRoutes: { kinds: [{ kind: "GRPCRoute" }] } }],
    addresses: [address("198.51.100.7")],
  },
];

const edge = { name: "edge", namespace: "infra" };
const backendRefs = [{ name: "shop", port: 80 }];
const parentsOf = (refs: readonly object[], conditions: readonly object[]) => ({
  parents: refs.map((parentRef) => ({ parentRef, controllerName: "example.test/gateways", conditions })),
});
const condition = (type: string, status: string) => ({
  ...{ type, status, reason: "AsTheCaseSays", message: "", observedGeneration: 1 },
  lastTransitionTime: "2026-01-01T00:00:00Z",
});
/** A route that its Gateways accepted. */
const routed = (refs: readonly object[], hostnames?: readonly string[], more: object = {}) => ({
  spec: { parentRefs: refs, ...(hostnames && { hostnames: hostnames.map(full) }), ...more },
  status: parentsOf(refs, [condition("Accepted", "True")]),
});
const viaEdge = (name: string, ...ttl: [] | [number]): SourceCase["records"] => [
  [full(name), "A", ["198.51.100.1"], ...ttl],
  [full(name), "AAAA", ["2001:db8:1::1"], ...ttl],
];

const endpoints = (...each: readonly object[]) => ({ endpoints: each });

/** What external-dns 0.20 makes of each of these, and we do too. A test runs both. */
export const sourceCases: readonly SourceCase[] = [
  {
    what: "a Service with an address",
    kind: "Service",
    annotations: of({ hostname: full("one") }),
    spec: balancer,
    status: balanced(ip),
    records: [[full("one"), "A", ["192.0.2.10"]]],
  },
  {
    what: "a Service with both families and a TTL",
    kind: "Service",
    annotations: of({ hostname: full("both"), ttl: "77" }),
    spec: balancer,
    status: balanced(ip, { ip: "2001:db8::10" }),
    records: [
      [full("both"), "A", ["192.0.2.10"], 77],
      [full("both"), "AAAA", ["2001:db8::10"], 77],
    ],
  },
  {
    what: "a Service with a load balancer's name, and a TTL as a duration",
    kind: "Service",
    annotations: of({ hostname: full("named"), ttl: "1m30s" }),
    spec: balancer,
    status: balanced(lb),
    records: [[full("named"), "CNAME", ["lb.cloud.test"], 90]],
  },
  {
    what: "a Service with several names, blanks and dots at the end",
    kind: "Service",
    annotations: of({ hostname: `${full("a")}, ${full("b")}.` }),
    spec: balancer,
    status: balanced({ ip: "192.0.2.12" }, { ip: "192.0.2.11" }),
    records: [
      [full("a"), "A", ["192.0.2.11", "192.0.2.12"]],
      [full("b"), "A", ["192.0.2.11", "192.0.2.12"]],
    ],
  },
  {
    what: "a Service whose load balancer has no address yet",
    kind: "Service",
    annotations: of({ hostname: full("pending") }),
    spec: balancer,
    records: [],
  },
  {
    what: "a Service without a name",
    kind: "Service",
    spec: balancer,
    status: balanced(ip),
    records: [],
  },
  {
    what: "a Service with targets of its own",
    kind: "Service",
    annotations: of({ hostname: full("target"), target: "203.0.113.1,203.0.113.2" }),
    spec: balancer,
    status: balanced(ip),
    records: [[full("target"), "A", ["203.0.113.1", "203.0.113.2"]]],
  },
  {
    what: "a Service with external addresses, which count before the load balancer's",
    kind: "Service",
    annotations: of({ hostname: full("external") }),
    spec: { ...balancer, externalIPs: ["203.0.113.9"] },
    status: balanced(ip),
    records: [[full("external"), "A", ["203.0.113.9"]]],
  },
  {
    what: "a Service with a name for inside the cluster",
    kind: "Service",
    annotations: of({ "internal-hostname": full("inside") }),
    spec: { type: "ClusterIP", clusterIP: "10.96.0.77", ports },
    records: [[full("inside"), "A", ["10.96.0.77"]]],
  },
  {
    what: "a Service inside the cluster with a name for outside",
    kind: "Service",
    annotations: of({ hostname: full("nowhere") }),
    spec: { type: "ClusterIP", ports },
    records: [],
  },
  {
    what: "a Service that is an alias",
    kind: "Service",
    annotations: of({ hostname: full("alias") }),
    spec: { type: "ExternalName", externalName: "elsewhere.test" },
    records: [[full("alias"), "CNAME", ["elsewhere.test"]]],
  },
  {
    what: "a Service of another controller",
    kind: "Service",
    annotations: of({ hostname: full("others"), controller: "somebody-else" }),
    spec: balancer,
    status: balanced(ip),
    records: [],
  },
  {
    what: "an Ingress with hosts in rules and TLS",
    kind: "Ingress",
    spec: { ...rules(full("web"), full("*.web")), tls: [{ hosts: [full("web"), full("only-tls")] }] },
    status: balanced(ip),
    records: [
      [full("web"), "A", ["192.0.2.10"]],
      [full("*.web"), "A", ["192.0.2.10"]],
      [full("only-tls"), "A", ["192.0.2.10"]],
    ],
  },
  {
    what: "an Ingress with a name beside its hosts",
    kind: "Ingress",
    annotations: of({ hostname: full("beside"), ttl: "60" }),
    spec: rules(full("host")),
    status: balanced(lb),
    records: [
      [full("beside"), "CNAME", ["lb.cloud.test"], 60],
      [full("host"), "CNAME", ["lb.cloud.test"], 60],
    ],
  },
  {
    what: "an Ingress by its annotation alone",
    kind: "Ingress",
    annotations: of({ hostname: full("annotated"), "ingress-hostname-source": "annotation-only" }),
    spec: rules(full("unwanted")),
    status: balanced(ip),
    records: [[full("annotated"), "A", ["192.0.2.10"]]],
  },
  {
    what: "an Ingress by its hosts alone",
    kind: "Ingress",
    annotations: of({ hostname: full("unwanted-too"), "ingress-hostname-source": "defined-hosts-only" }),
    spec: rules(full("defined")),
    status: balanced(ip),
    records: [[full("defined"), "A", ["192.0.2.10"]]],
  },
  {
    what: "an Ingress with a target of its own and a TTL that is none",
    kind: "Ingress",
    annotations: of({ target: "front.cloud.test", ttl: "soon" }),
    spec: rules(full("fronted")),
    status: balanced(ip),
    records: [[full("fronted"), "CNAME", ["front.cloud.test"]]],
  },
  {
    what: "a Service with an address and a load balancer's name",
    kind: "Service",
    annotations: of({ hostname: full("two-kinds") }),
    spec: balancer,
    status: balanced(ip, lb),
    records: [[full("two-kinds"), "A", ["192.0.2.10"]]],
  },
  {
    what: "a route to a Gateway of both families, whose listener has a wildcard",
    kind: "HTTPRoute",
    ...routed([edge], ["shop", "*.tenants"]),
    records: [...viaEdge("shop"), ...viaEdge("*.tenants")],
  },
  {
    what: "a route without a name, which has its listener's",
    kind: "HTTPRoute",
    ...routed([{ ...edge, sectionName: "http" }]),
    records: viaEdge("*"),
  },
  {
    what: "a route with a name in its annotation, blanks, capital letters and a TTL",
    kind: "HTTPRoute",
    annotations: of({ hostname: `${full("Annotated-Route")}, ${full("second-route")}`, ttl: "2m" }),
    ...routed([edge], ["first-route"]),
    records: [...viaEdge("annotated-route", 120), ...viaEdge("second-route", 120), ...viaEdge("first-route", 120)],
  },
  {
    what: "a route with a target of its own, which does not count",
    kind: "HTTPRoute",
    annotations: of({ target: "203.0.113.77" }),
    ...routed([edge], ["untargeted"]),
    records: viaEdge("untargeted"),
  },
  {
    what: "a route to a Gateway with targets of its own, of which the alias gives way",
    kind: "HTTPRoute",
    ...routed([{ name: "aimed" }], ["aimed"]),
    records: [[full("aimed"), "A", ["203.0.113.50"]]],
  },
  {
    what: "a route to a Gateway with a name for an address",
    kind: "HTTPRoute",
    ...routed([{ name: "own" }], ["by-name"]),
    records: [[full("by-name"), "CNAME", ["gw.cloud.test"]]],
  },
  {
    what: "a route to a Gateway with an address and a name",
    kind: "HTTPRoute",
    ...routed([{ name: "mixed" }], ["mixed"]),
    records: [[full("mixed"), "A", ["198.51.100.5"]]],
  },
  {
    what: "a route to a Gateway that has no address yet",
    kind: "HTTPRoute",
    ...routed([{ name: "bare" }], ["bare"]),
    records: [],
  },
  {
    what: "a route without a name to a listener without one",
    kind: "HTTPRoute",
    ...routed([{ name: "own" }]),
    records: [],
  },
  {
    what: "a route to a Gateway that is not there",
    kind: "HTTPRoute",
    ...routed([{ name: "nowhere" }], ["to-nowhere"]),
    records: [],
  },
  {
    what: "a route that no listener has the name of",
    kind: "HTTPRoute",
    ...routed([{ name: "narrow" }], ["unheard-of"]),
    records: [],
  },
  {
    what: "a route that is wider than its listeners",
    kind: "HTTPRoute",
    ...routed([{ name: "narrow" }], ["*.narrow"]),
    records: [[full("wide.narrow"), "A", ["198.51.100.6"]]],
  },
  {
    what: "a route to one listener by its name",
    kind: "HTTPRoute",
    annotations: of({ hostname: full("wide.narrow") }),
    ...routed([{ name: "narrow", sectionName: "http" }], ["narrow"]),
    records: [[full("narrow"), "A", ["198.51.100.6"]]],
  },
  {
    what: "a route to a port that no listener has",
    kind: "HTTPRoute",
    ...routed([{ ...edge, port: 8080 }], ["wrong-port"]),
    records: [],
  },
  {
    what: "a route to a listener by its port, without its name",
    kind: "HTTPRoute",
    ...routed([{ ...edge, port: 80 }], ["right-port"]),
    records: viaEdge("right-port"),
  },
  {
    what: "a route that was not accepted",
    kind: "HTTPRoute",
    ...routed([edge], ["refused"]),
    status: parentsOf([edge], [condition("Accepted", "False")]),
    records: [],
  },
  {
    what: "a route of which its Gateway says something else alone",
    kind: "HTTPRoute",
    ...routed([edge], ["unsaid"]),
    status: parentsOf([edge], [condition("ResolvedRefs", "True")]),
    records: [],
  },
  {
    what: "a route that nobody looked at yet",
    kind: "HTTPRoute",
    spec: routed([edge], ["unseen"]).spec,
    records: [],
  },
  {
    what: "a route that was accepted by a Gateway it does not ask for any more",
    kind: "HTTPRoute",
    ...routed([{ name: "own" }], ["moved"]),
    status: parentsOf([{ name: "own" }, edge], [condition("Accepted", "True")]),
    records: [[full("moved"), "CNAME", ["gw.cloud.test"]]],
  },
  {
    what: "a route to two Gateways",
    kind: "HTTPRoute",
    namespace: "shop",
    ...routed([edge, { name: "chosen", namespace: "infra" }], ["twice"]),
    records: [
      [full("twice"), "A", ["198.51.100.1", "198.51.100.2"]],
      [full("twice"), "AAAA", ["2001:db8:1::1"]],
    ],
  },
  {
    what: "a route from a namespace that the listener chooses by label",
    kind: "HTTPRoute",
    namespace: "shop",
    ...routed([{ name: "chosen", namespace: "infra" }], ["by-label"]),
    records: [[full("by-label"), "A", ["198.51.100.2"]]],
  },
  {
    what: "a route from a namespace that the listener does not choose",
    kind: "HTTPRoute",
    ...routed([{ name: "chosen", namespace: "infra" }], ["not-by-label"]),
    records: [],
  },
  {
    what: "a route from a namespace without a label that must not have a value",
    kind: "HTTPRoute",
    ...routed([{ name: "others", namespace: "infra" }], ["by-lack"]),
    records: [[full("by-lack"), "A", ["198.51.100.4"]]],
  },
  {
    what: "a route from a namespace whose label must not have its value",
    kind: "HTTPRoute",
    namespace: "shop",
    ...routed([{ name: "others", namespace: "infra" }], ["by-no-lack"]),
    records: [],
  },
  {
    what: "a route to a Gateway for its own namespace alone",
    kind: "HTTPRoute",
    ...routed([{ name: "closed", namespace: "infra" }], ["shut-out"]),
    records: [],
  },
  {
    what: "a route of another controller",
    kind: "HTTPRoute",
    annotations: of({ controller: "somebody-else" }),
    ...routed([edge], ["others-route"]),
    records: [],
  },
  {
    what: "a route of a kind that the listener does not take",
    kind: "HTTPRoute",
    ...routed([{ name: "grpc-only" }], ["not-grpc"]),
    records: [],
  },
  {
    what: "a route of a kind that the listener takes",
    kind: "GRPCRoute",
    ...routed([{ name: "grpc-only" }], ["grpc"]),
    records: [[full("grpc"), "A", ["198.51.100.7"]]],
  },
  {
    what: "a route of gRPC to a listener with HTTP",
    kind: "GRPCRoute",
    ...routed([edge], ["rpc"]),
    records: viaEdge("rpc"),
  },
  {
    what: "a route of TLS",
    kind: "TLSRoute",
    ...routed([edge], ["db.secure", "web-of-tls"], { rules: [{ backendRefs }] }),
    records: viaEdge("db.secure"),
  },
  {
    what: "a route of TCP, by its annotation",
    kind: "TCPRoute",
    annotations: of({ hostname: `${full("tcp")},${full("tcp.secure")}` }),
    ...routed([edge], undefined, { rules: [{ backendRefs }] }),
    records: [...viaEdge("tcp"), ...viaEdge("tcp.secure"), ...viaEdge("*.secure")],
  },
  {
    what: "a route of UDP, by its annotation",
    kind: "UDPRoute",
    annotations: of({ hostname: full("udp") }),
    ...routed([edge], undefined, { rules: [{ backendRefs }] }),
    records: viaEdge("udp"),
  },
  {
    what: "a DNSEndpoint with addresses and a TTL, whatever its annotations",
    kind: "DNSEndpoint",
    annotations: of({ ttl: "5", target: "203.0.113.1", controller: "somebody-else" }),
    spec: endpoints({
      ...{ dnsName: full("ep"), recordType: "A", recordTTL: 180 },
      targets: ["192.0.2.61", "192.0.2.60", "192.0.2.61"],
    }),
    records: [[full("ep"), "A", ["192.0.2.60", "192.0.2.61"], 180]],
  },
  {
    what: "a DNSEndpoint with several names and types",
    kind: "DNSEndpoint",
    spec: endpoints(
      { dnsName: full("ep6"), recordType: "AAAA", targets: ["2001:db8::60"] },
      { dnsName: full("ep-alias"), recordType: "CNAME", targets: ["elsewhere.test"] },
      { dnsName: full("ep-text"), recordType: "TXT", targets: ["v=spf1 include:elsewhere.test -all"], recordTTL: 60 },
      { dnsName: full("ep-mail"), recordType: "MX", targets: ["20 mx2.elsewhere.test", "10 mx1.elsewhere.test"] },
      { dnsName: full("_sip._tcp"), recordType: "SRV", targets: ["10 5 5060 sip.elsewhere.test"] },
      { dnsName: full("below"), recordType: "NS", targets: ["ns1.elsewhere.test", "ns2.elsewhere.test"] },
      { dnsName: full("ep-pointer"), recordType: "PTR", targets: ["host.elsewhere.test"] },
      { dnsName: full("ep-naptr"), recordType: "NAPTR", targets: ['100 10 "u" "sip+E2U" "!^.*$!sip:x@y.test!" .'] },
    ),
    records: [
      [full("ep6"), "AAAA", ["2001:db8::60"]],
      [full("ep-alias"), "CNAME", ["elsewhere.test"]],
      [full("ep-text"), "TXT", ["v=spf1 include:elsewhere.test -all"], 60],
      [full("ep-mail"), "MX", ["10 mx1.elsewhere.test", "20 mx2.elsewhere.test"]],
      [full("_sip._tcp"), "SRV", ["10 5 5060 sip.elsewhere.test"]],
      [full("below"), "NS", ["ns1.elsewhere.test", "ns2.elsewhere.test"]],
      [full("ep-pointer"), "PTR", ["host.elsewhere.test"]],
      [full("ep-naptr"), "NAPTR", ['100 10 "u" "sip+E2U" "!^.*$!sip:x@y.test!" .']],
    ],
  },
  {
    what: "a DNSEndpoint with an alias beside addresses",
    kind: "DNSEndpoint",
    spec: endpoints(
      { dnsName: full("ep-both"), recordType: "CNAME", targets: ["elsewhere.test"] },
      { dnsName: full("ep-both"), recordType: "A", targets: ["192.0.2.62"] },
    ),
    records: [[full("ep-both"), "A", ["192.0.2.62"]]],
  },
  {
    what: "a DNSEndpoint with a dot too many, and one too few",
    kind: "DNSEndpoint",
    spec: endpoints(
      { dnsName: full("ep-dot"), recordType: "CNAME", targets: ["elsewhere.test."] },
      { dnsName: full("ep-no-dot"), recordType: "NAPTR", targets: ['100 10 "u" "sip+E2U" "" elsewhere.test'] },
      { dnsName: full("ep-dots"), recordType: "TXT", targets: ["The end."] },
    ),
    records: [[full("ep-dots"), "TXT", ["The end."]]],
  },
];

/** What routes of the cases take beside themselves. */
export const sourceSurroundings: Surroundings = {
  gateway: (place) => {
    const found = sourceGateways.find(({ name, namespace }) => name === place.name && namespace === place.namespace);
    if (found === undefined) return "none";
    const { annotations = {}, listeners, addresses } = found;
    return { metadata: { annotations }, spec: { listeners }, status: { addresses } } as GatewayObject;
  },
  labels: (namespace) => sourceNamespaces[namespace],
};
