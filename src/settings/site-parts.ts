import { z } from "zod";

import { foldName, zoneNameProblem } from "../base/names";
import { ipVersion, isCidr } from "../dns/address";
import { defaultRateLimit, defaultZoneSeries } from "../knot/config/site-runtime";
import { defaultZoneLimits } from "../mesh/limits";
import { addressShape, cidrShape, zoneNameShape } from "./shapes";
import { vaultAddress } from "./shared-settings";

/** An IP address. */
export const ipAddress = z
  .string()
  .refine((text) => ipVersion(text) !== undefined, "must be an IP address")
  .meta(addressShape);
/** A network. */
export const cidr = z.string().refine(isCidr, "must be a CIDR such as 10.0.0.0/8").meta(cidrShape);

/** When a CronJob runs. */
export const schedule = z.string().regex(/^(\S+ ){4}\S+$/, 'must be a schedule of five fields such as "*/5 * * * *"');

/** Of the Service that clients and peers reach. */
export const serviceSchema = z.strictObject({
  type: z
    .enum(["LoadBalancer", "NodePort", "ClusterIP"], "must be LoadBalancer, NodePort or ClusterIP")
    .default("LoadBalancer")
    .describe('How clients and peers reach the site. Default: "LoadBalancer".'),
  annotations: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'Annotations of the Service, for the cloud\'s load balancer. Default: {}. Example: { "metallb.io/loadBalancerIPs": "192.0.2.1" }.',
    ),
  externalIPs: z
    .array(ipAddress)
    .default([])
    .describe(
      'Addresses that the cluster\'s nodes answer for without a load balancer. Default: []. Example: ["192.0.2.1"].',
    ),
  loadBalancerIP: ipAddress
    .optional()
    .describe(
      'Address to ask a load balancer for, where annotations are not the way. Default: the cloud\'s choice. Example: "192.0.2.1".',
    ),
  externalTrafficPolicy: z
    .enum(["Local", "Cluster"], "must be Local or Cluster")
    .default("Local")
    .describe('`Local` keeps the client\'s source address, which NetworkPolicies go by. Default: "Local".'),
  ipFamilyPolicy: z
    .enum(
      ["SingleStack", "PreferDualStack", "RequireDualStack"],
      "must be SingleStack, PreferDualStack or RequireDualStack",
    )
    .optional()
    .describe(
      'Whether the Service has addresses of one family or of two, as Kubernetes has it. Default: the cluster\'s, which is one. Example: "RequireDualStack".',
    ),
  ipFamilies: z
    .array(z.enum(["IPv4", "IPv6"], "must be IPv4 or IPv6"))
    .min(1, "must have at least one family")
    .max(2, "must have at most two families")
    .refine((families) => new Set(families).size === families.length, "has one family twice; list each once")
    .meta({ uniqueItems: true })
    .optional()
    .describe(
      'Families of the Service, as Kubernetes has them; Services inside the site are of the first one, which cannot be changed. Default: the cluster\'s. Example: ["IPv4", "IPv6"].',
    ),
  split: z
    .boolean()
    .default(false)
    .describe(
      "Two Services, UDP as `knot` and TCP as `knot-tcp`, for clouds whose load balancers do not mix protocols. Default: false.",
    ),
  verifyAddress: z
    .boolean()
    .default(true)
    .describe(
      "Whether `up` fails when the Service got another address than the mesh's list has; false behind address translation. Default: true.",
    ),
});

/** How the site's DNS is reached from outside the cluster. */
export type ServiceConfig = z.infer<typeof serviceSchema>;

/** Requests and limits of one container, as Kubernetes writes them. */
const resourceSchema = z.strictObject({
  requests: z.record(z.string(), z.string()).default({}),
  limits: z.record(z.string(), z.string()).default({}),
});

interface ResourceDefaults {
  readonly what: string;
  readonly cpu: string;
  readonly memory: string;
  readonly most: string;
}

function resourcesOf({ what, cpu, memory, most }: ResourceDefaults) {
  return resourceSchema
    .default({ requests: { cpu, memory }, limits: { memory: most } })
    .describe(`${what}. Default: requests ${cpu} and ${memory}, limit ${most}.`);
}

/** Requests and limits of each container. */
export const resourcesSchema = z.strictObject({
  knot: resourcesOf({ what: "The Knot container", cpu: "50m", memory: "96Mi", most: "512Mi" }),
  agent: resourcesOf({
    what: "The agent beside it, and the init container",
    cpu: "20m",
    memory: "64Mi",
    most: "256Mi",
  }),
  reconciler: resourcesOf({ what: "The reconciler's pod", cpu: "10m", memory: "64Mi", most: "256Mi" }),
  rotator: resourcesOf({ what: "The key rotator's pod", cpu: "10m", memory: "64Mi", most: "256Mi" }),
  operator: resourcesOf({
    what: "Each of the record operator's pods",
    cpu: "20m",
    memory: "96Mi",
    most: "512Mi",
  }),
  resolver: resourcesOf({
    what: "The container of Knot Resolver in each of the resolver's pods; the agent beside it has those of the agent",
    cpu: "50m",
    memory: "128Mi",
    most: "512Mi",
  }),
  backup: resourcesOf({
    what: "Each container that backs up, restores and drills",
    cpu: "50m",
    memory: "128Mi",
    most: "512Mi",
  }),
});

/** Container images. */
export const imagesSchema = z.strictObject({
  knot: z
    .string()
    .min(1)
    .default("docker.io/cznic/knot:v3.5.8")
    .describe('Knot DNS 3.5.8 or newer: older ones accept forged TSIG. Default: "docker.io/cznic/knot:v3.5.8".'),
  node: z
    .string()
    .min(1)
    .default("docker.io/library/node:24-slim")
    .describe(
      'Any image with Node 22 or newer on its PATH; it runs the agent and the reconciler. Default: "docker.io/library/node:24-slim".',
    ),
  resolver: z
    .string()
    .min(1)
    .default("docker.io/cznic/knot-resolver:v6.5.0")
    .describe(
      'Knot Resolver 6.4 or newer, with kresd and a shell on its PATH; with a resolver. Default: "docker.io/cznic/knot-resolver:v6.5.0".',
    ),
  restic: z
    .string()
    .min(1)
    .default("docker.io/restic/restic:0.19.1")
    .describe(
      'restic 0.17 or newer as /usr/bin/restic, a static program, and cp; with backups. Default: "docker.io/restic/restic:0.19.1".',
    ),
});

/** How many answers one address gets over UDP. */
export const rateLimitSchema = z
  .strictObject({
    perSecond: z
      .int("must be a whole number")
      .min(1, "must be at least 1")
      .max(5_000_000)
      .default(defaultRateLimit.perSecond)
      .describe("Answers a second to one address over UDP. Default: 200. Example: 1000."),
    burst: z
      .int("must be a whole number")
      .min(1, "must be at least 1")
      .max(5_000_000)
      .default(defaultRateLimit.burst)
      .describe("Answers at once, after a rest. Default: 500. Example: 2500."),
    exempt: z
      .array(cidr)
      .default([])
      .describe('Networks without a limit: resolvers that many share. Default: []. Example: ["10.0.0.53/32"].'),
  })
  .refine(({ perSecond, burst }) => perSecond <= 1000 * burst, {
    message: "must be at least a thousandth of perSecond",
    path: ["burst"],
  });

/** How many names a change of an own zone may take away. */
export const zoneGuardSchema = z.strictObject({
  names: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(1_000_000)
    .default(defaultZoneLimits.least)
    .describe("Names that may always go within a minute, in small zones too. Default: 10. Example: 50."),
  percent: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(99, "must be at most 99")
    .optional()
    .describe("Share of a zone's names that may go within a minute. Default: a third. Example: 50."),
});

/** Where a site reaches Vault. */
export const siteVaultSchema = z.strictObject({
  address: vaultAddress
    .optional()
    .describe("Where this site's pods reach Vault. Default: where the shared stack does."),
  engineAddress: vaultAddress
    .optional()
    .describe(
      "Where `pulumi up` of this stack reaches Vault, if elsewhere than the pods: they may know it by a name of the cluster. Default: address.",
    ),
  egress: z
    .array(cidr)
    .min(1, "must have at least one network")
    .optional()
    .describe(
      'Networks that Vault answers from. Default: its address, or any when it is given by name. Example: ["10.20.0.0/24"].',
    ),
});

const madeText = z
  .string()
  .regex(/^[A-Za-z0-9]{64}$/, "must be 64 letters and digits, as `mesh adopt` prints them")
  .optional();

/** Keys that a site's stack made by chance, for a new stack in the place of one whose state was lost. */
export const madeKeysSchema = z.strictObject({
  local: madeText.describe("By which the site's own programs read its zones."),
  records: madeText.describe("By which they change them."),
  zoneKeysSeal: madeText.describe("What the copy of the DNSSEC keys is sealed with."),
  backupToken: madeText.describe("By which backups are asked for."),
});

/** Keys that a site's stack made by chance, as far as it is handed them. */
export type MadeKeys = z.infer<typeof madeKeysSchema>;

/** Which zones have series of their own in the agents' metrics. */
export const metricsSchema = z.strictObject({
  zones: z
    .enum(["off", "own", "all"], "must be off, own or all")
    .default(defaultZoneSeries.zones)
    .describe("Zones that have series of their own: none, the site's own, or every zone of the mesh. Default: own."),
  most: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(100_000, "must be at most 100000")
    .default(defaultZoneSeries.most)
    .describe(
      "Zones that have series of their own at the most, in the order of their names. Default: 1000. Example: 10000.",
    ),
});

const probesSchema = z.strictObject({
  prober: z
    .string()
    .regex(/^[^\s/]+:\d+$/, "must be host:port")
    .describe('Where a blackbox-exporter answers. Example: "blackbox-exporter.monitoring.svc:9115".'),
  zones: z
    .array(
      z
        .string()
        .transform(foldName)
        .refine((name) => zoneNameProblem(name) === undefined, "must be a zone name")
        .meta(zoneNameShape),
    )
    .min(1, "must have at least one zone")
    .transform((zones) => [...new Set(zones)])
    .optional()
    .describe('Zones that are asked for. Default: those that the site owns. Example: ["example.org"].'),
});

/** How a cluster's monitoring sees the site. */
export const monitoringSchema = z
  .strictObject({
    namespaceSelector: z
      .record(z.string(), z.string())
      .refine(
        (labels) => Object.keys(labels).length > 0,
        "must name at least one label: none would select every namespace",
      )
      .describe(
        'Labels of the namespaces that the scrapers are in. Example: { "kubernetes.io/metadata.name": "monitoring" }.',
      ),
    scrape: z
      .enum(["operator", "annotations"], "must be operator or annotations")
      .optional()
      .describe(
        "How scrapers find the site: `operator` makes PodMonitors and a PrometheusRule for the Prometheus operator, whose definitions the cluster must have; `annotations` makes annotated Services. Default: neither.",
      ),
    labels: z
      .record(z.string(), z.string())
      .default({})
      .describe(
        'Labels by which a Prometheus selects what is made for its operator. Default: {}. Example: { release: "kube-prometheus-stack" }.',
      ),
    rules: z
      .boolean()
      .default(true)
      .describe("Whether the alert rules are among what is made for the operator. Default: true."),
    runbooks: z
      .string()
      .regex(/^https?:\/\/\S+$/, "must be an http or https URL")
      .optional()
      .describe(
        'Where people find the folder docs/runbooks, for the links of alerts. Default: the path in this repository. Example: "https://git.example.com/dns-mesh/docs/runbooks".',
      ),
    probes: probesSchema
      .optional()
      .describe(
        "Has a blackbox-exporter ask every address of every site for zones; with `scrape: operator`. Default: none.",
      ),
    dashboard: z
      .boolean()
      .default(false)
      .describe("Whether the Grafana dashboard is a ConfigMap with the label `grafana_dashboard`. Default: false."),
  })
  .refine(({ scrape, probes }) => probes === undefined || scrape === "operator", {
    path: ["probes"],
    error: 'needs scrape: operator; "mesh monitoring probes" prints them for a Prometheus without it',
  });

/** How a cluster's monitoring sees the site. */
export type MonitoringConfig = z.infer<typeof monitoringSchema>;
