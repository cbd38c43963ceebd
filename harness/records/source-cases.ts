import type { SourceKind } from "../../src/records/sources";

/** The zone of the cases. */
export const sourceZone = "apps.example.org";

/** An object that an administrator applies, and what its controller writes into its status. */
interface SourceCase {
  readonly what: string;
  readonly kind: SourceKind;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: object;
  readonly ingress?: readonly object[];
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
const ip = [{ ip: "192.0.2.10" }];

/** What external-dns 0.20 makes of each of these, and we do too. A test runs both. */
export const sourceCases: readonly SourceCase[] = [
  {
    what: "a Service with an address",
    kind: "Service",
    annotations: of({ hostname: full("one") }),
    spec: balancer,
    ingress: ip,
    records: [[full("one"), "A", ["192.0.2.10"]]],
  },
  {
    what: "a Service with both families and a TTL",
    kind: "Service",
    annotations: of({ hostname: full("both"), ttl: "77" }),
    spec: balancer,
    ingress: [...ip, { ip: "2001:db8::10" }],
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
    ingress: [{ hostname: "lb.cloud.test" }],
    records: [[full("named"), "CNAME", ["lb.cloud.test"], 90]],
  },
  {
    what: "a Service with several names, blanks and dots at the end",
    kind: "Service",
    annotations: of({ hostname: `${full("a")}, ${full("b")}.` }),
    spec: balancer,
    ingress: [{ ip: "192.0.2.12" }, { ip: "192.0.2.11" }],
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
    ingress: ip,
    records: [],
  },
  {
    what: "a Service with targets of its own",
    kind: "Service",
    annotations: of({ hostname: full("target"), target: "203.0.113.1,203.0.113.2" }),
    spec: balancer,
    ingress: ip,
    records: [[full("target"), "A", ["203.0.113.1", "203.0.113.2"]]],
  },
  {
    what: "a Service with external addresses, which count before the load balancer's",
    kind: "Service",
    annotations: of({ hostname: full("external") }),
    spec: { ...balancer, externalIPs: ["203.0.113.9"] },
    ingress: ip,
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
    ingress: ip,
    records: [],
  },
  {
    what: "an Ingress with hosts in rules and TLS",
    kind: "Ingress",
    spec: { ...rules(full("web"), full("*.web")), tls: [{ hosts: [full("web"), full("only-tls")] }] },
    ingress: ip,
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
    ingress: [{ hostname: "lb.cloud.test" }],
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
    ingress: ip,
    records: [[full("annotated"), "A", ["192.0.2.10"]]],
  },
  {
    what: "an Ingress by its hosts alone",
    kind: "Ingress",
    annotations: of({ hostname: full("unwanted-too"), "ingress-hostname-source": "defined-hosts-only" }),
    spec: rules(full("defined")),
    ingress: ip,
    records: [[full("defined"), "A", ["192.0.2.10"]]],
  },
  {
    what: "an Ingress with a target of its own and a TTL that is none",
    kind: "Ingress",
    annotations: of({ target: "front.cloud.test", ttl: "soon" }),
    spec: rules(full("fronted")),
    ingress: ip,
    records: [[full("fronted"), "CNAME", ["front.cloud.test"]]],
  },
];
