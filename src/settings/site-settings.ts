import { z } from "zod";
import { UserError } from "../base/errors";
import { defaultRateLimit } from "../knot/config/site-runtime";
import { isCidr, ipVersion } from "../base/ip";
import { keySchema, uniqueNames } from "./key-settings";
import { checkSettings, readSetting, type Settings } from "./reading";
import { parseShared, vaultAddress, type SharedConfig } from "./shared-settings";
import { updaterSchema } from "./updaters";

const ipAddress = z.string().refine((text) => ipVersion(text) !== undefined, "must be an IP address");
const cidr = z.string().refine(isCidr, "must be a CIDR such as 10.0.0.0/8");

const serviceSchema = z.strictObject({
  /** How clients and peers reach the site. @default "LoadBalancer" */
  type: z
    .enum(["LoadBalancer", "NodePort", "ClusterIP"], "must be LoadBalancer, NodePort or ClusterIP")
    .default("LoadBalancer"),
  /** Annotations of the Service, for the cloud's load balancer. @default {} @example { "metallb.io/loadBalancerIPs": "192.0.2.1" } */
  annotations: z.record(z.string(), z.string()).default({}),
  /** Addresses that the cluster's nodes answer for without a load balancer. @default [] @example ["192.0.2.1"] */
  externalIPs: z.array(ipAddress).default([]),
  /** Address to ask a load balancer for, where annotations are not the way. @default the cloud's choice @example "192.0.2.1" */
  loadBalancerIP: ipAddress.optional(),
  /** `Local` keeps the client's source address, which NetworkPolicies go by. @default "Local" */
  externalTrafficPolicy: z.enum(["Local", "Cluster"], "must be Local or Cluster").default("Local"),
  /** Two Services, UDP as `knot` and TCP as `knot-tcp`, for clouds whose load balancers do not mix protocols. @default false */
  split: z.boolean().default(false),
  /** Whether `up` fails when the Service got another address than the mesh's list has; false behind address translation. @default true */
  verifyAddress: z.boolean().default(true),
});

/** How the site's DNS is reached from outside the cluster. */
export type ServiceConfig = z.infer<typeof serviceSchema>;

/** Requests and limits of one container, as Kubernetes writes them. */
const resourceSchema = z.strictObject({
  requests: z.record(z.string(), z.string()).default({}),
  limits: z.record(z.string(), z.string()).default({}),
});

const resourcesSchema = z.strictObject({
  /** The Knot container. @default requests 50m and 96Mi, limit 512Mi */
  knot: resourceSchema.default({ requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "512Mi" } }),
  /** The agent beside it, and the init container. @default requests 20m and 64Mi, limit 256Mi */
  agent: resourceSchema.default({ requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "256Mi" } }),
  /** The reconciler's pod. @default requests 10m and 64Mi, limit 256Mi */
  reconciler: resourceSchema.default({ requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } }),
  /** The key rotator's pod. @default requests 10m and 64Mi, limit 256Mi */
  rotator: resourceSchema.default({ requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } }),
  /** Each of the record operator's pods. @default requests 20m and 96Mi, limit 512Mi */
  operator: resourceSchema.default({ requests: { cpu: "20m", memory: "96Mi" }, limits: { memory: "512Mi" } }),
});

const imagesSchema = z.strictObject({
  /** Knot DNS 3.5.8 or newer: older ones accept forged TSIG. @default "docker.io/cznic/knot:v3.5.8" */
  knot: z.string().min(1).default("docker.io/cznic/knot:v3.5.8"),
  /** Any image with Node 22 or newer on its PATH; it runs the agent and the reconciler. @default "docker.io/library/node:24-slim" */
  node: z.string().min(1).default("docker.io/library/node:24-slim"),
});

const rateLimitSchema = z
  .strictObject({
    /** Answers a second to one address over UDP. @default 200 @example 1000 */
    perSecond: z
      .int("must be a whole number")
      .min(1, "must be at least 1")
      .max(5_000_000)
      .default(defaultRateLimit.perSecond),
    /** Answers at once, after a rest. @default 500 @example 2500 */
    burst: z.int("must be a whole number").min(1, "must be at least 1").max(5_000_000).default(defaultRateLimit.burst),
    /** Networks without a limit: resolvers that many share. @default [] @example ["10.0.0.53/32"] */
    exempt: z.array(cidr).default([]),
  })
  .refine(({ perSecond, burst }) => perSecond <= 1000 * burst, {
    message: "must be at least a thousandth of perSecond",
    path: ["burst"],
  });

const siteVaultSchema = z.strictObject({
  address: vaultAddress.optional(),
  /** Networks that Vault answers from. @default its address, or any when it is given by name @example ["10.20.0.0/24"] */
  egress: z.array(cidr).min(1, "must have at least one network").optional(),
});

const recordsSchema = z.strictObject({
  /** Further namespaces whose DnsRecords are served, `*` for all. Who may edit there may change the site's zones. @default only the site's own @example ["shop", "blog"] */
  namespaces: z
    .array(z.string().regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)$/, "must be a namespace's name, or * for all"))
    .default([]),
});

const monitoringSchema = z.strictObject({
  /** Labels of the namespaces that the scrapers are in. @example { "kubernetes.io/metadata.name": "monitoring" } */
  namespaceSelector: z
    .record(z.string(), z.string())
    .refine(
      (labels) => Object.keys(labels).length > 0,
      "must name at least one label: none would select every namespace",
    ),
});

const schedule = z.string().regex(/^(\S+ ){4}\S+$/, 'must be a schedule of five fields such as "*/5 * * * *"');

const siteSchema = z.strictObject({
  /** The shared stack's name, as a StackReference takes it. @example "organization/dns-mesh/shared" */
  shared: z.string().min(1),
  /** The site's name in the mesh's list. @default the stack's name @example "site-a" */
  site: z.string().min(1),
  /** The kubeconfig context of the site's cluster. Never the current one silently. @example "site-a" */
  context: z.string("is missing: name the kubeconfig context of this site's cluster").min(1, "must not be empty"),
  /** Path of the kubeconfig. @default KUBECONFIG, else ~/.kube/config @example "./kubeconfig" */
  kubeconfig: z.string().min(1).optional(),
  /** Kubernetes namespace that holds everything. @default "dns-system" */
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a DNS label")
    .default("dns-system"),
  /** StorageClass of each pod's volume. @default the cluster's default class @example "fast" */
  storageClass: z.string().min(1).optional(),
  /** Size of each pod's volume. @default "1Gi" @example "10Gi" */
  storageSize: z
    .string()
    .regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/, "must be a quantity such as 1Gi")
    .default("1Gi"),
  /** Knot pods, each with its own volume. The first one is the writer. @default 1 @example 3 */
  replicas: z.coerce
    .number()
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(9, "must be at most 9")
    .default(1),
  /** Seconds that a pod that is to end stays in service, until load balancers have noticed; it answers for 10 more. 0 ends it at once. @default 30 @example 60 */
  drainSeconds: z.coerce
    .number()
    .int("must be a whole number")
    .min(0, "must be at least 0")
    .max(600, "must be at most 600")
    .default(30),
  /** Keys of servers outside the mesh that may take zones from this site; a secret setting. @default none @example [{ name: "bind", algorithm: "hmac-sha256", secret: "…" }] */
  readers: z.array(keySchema).default([]).superRefine(uniqueNames),
  /** Who may change the site's own zones by DNS UPDATE beside its operator, each with a key of its own; a secret setting. @default none @example [{ name: "external-dns", algorithm: "hmac-sha256", secret: "…", zones: ["standard-1.internal.dns"], updateOwner: "name", updateOwnerName: ["apps"], transfer: true }] */
  updaters: z.array(updaterSchema).default([]).superRefine(uniqueNames),
  /** Whether the site serves DnsRecords, and of which namespaces; `false` for neither operator nor definition. @default of the site's own namespace */
  records: z
    .union([z.literal(false), recordsSchema], "must be false, or an object of namespaces (a list of names)")
    .prefault({}),
  /** How the site is reached from outside. @default a LoadBalancer with one Service for UDP and TCP */
  service: serviceSchema.prefault({}),
  /** Networks whose clients may ask. @default everybody @example ["10.0.0.0/8"] */
  clients: z.array(cidr).min(1, "must have at least one network").default(["0.0.0.0/0", "::/0"]),
  /** Container images. */
  images: imagesSchema.prefault({}),
  /** When nodes pull images. @default "IfNotPresent" */
  imagePullPolicy: z
    .enum(["Always", "IfNotPresent", "Never"], "must be Always, IfNotPresent or Never")
    .default("IfNotPresent"),
  /** Requests and limits per container. A container that is named replaces its defaults as a whole. */
  resources: resourcesSchema.prefault({}),
  /** Addresses that Knot binds in the pod, always on port 5353. @default ["0.0.0.0"] @example ["0.0.0.0", "::"] */
  listen: z.array(ipAddress).min(1, "must have at least one address").default(["0.0.0.0"]),
  /** How many answers one address gets over UDP before it is sent to TCP; `false` for no limit. @default 200 a second, 500 at once */
  rateLimit: z
    .union(
      [z.literal(false), rateLimitSchema],
      "must be false, or an object of perSecond, burst (at least 1 each) and exempt (networks)",
    )
    .prefault({}),
  /** Port that other sites answer on. @default 53 */
  remotePort: z.coerce.number().int().min(1).max(65535).default(53),
  /** Port that other sites have TLS and QUIC on. @default 853 */
  securePort: z.coerce.number().int().min(1).max(65535).default(853),
  /** Protects the namespace, and with it the volumes, from any `up` or `destroy`. @default true */
  protect: z.stringbool("must be true or false").default(true),
  /**
   * When the reconciler looks, as a CronJob's schedule. Agents heal by themselves within a second; what waits for it is the
   * network policy for sites that join or move, and the report. @default every 5 minutes
   */
  reconcilerSchedule: schedule.default("*/5 * * * *"),
  /** When the key rotator looks whether the ring is due, as a CronJob's schedule; with Vault, at catalog sites. @default every 5 minutes */
  rotatorSchedule: schedule.default("*/5 * * * *"),
  /** Where this site reaches the Vault that the shared stack wrote to, if not at the same address. */
  vault: siteVaultSchema.optional(),
  /** Networks that the cluster's API server answers from, on 443 or 6443. @default any @example ["10.96.0.1/32", "192.0.2.10/32"] */
  apiServer: z.array(cidr).min(1, "must have at least one network").default(["0.0.0.0/0", "::/0"]),
  /** Who may fetch the agents' metrics. @default nobody */
  monitoring: monitoringSchema.optional(),
});

/** What a site's stack is told. */
export type SiteConfig = z.infer<typeof siteSchema>;

/** A stack is either the shared one or a site's. */
export type StackConfig =
  { readonly kind: "shared"; readonly shared: SharedConfig } | { readonly kind: "site"; readonly site: SiteConfig };

/**
 * Reads a stack's settings (`dns-mesh:*`). `mesh` makes it the shared stack, `shared` a site's.
 *
 * @throws UserError that names every setting at fault and its cure.
 */
export function parseStackConfig(settings: Settings, stack: string): StackConfig {
  const isShared = settings.get("mesh") !== undefined;
  const isSite = settings.get("shared") !== undefined;
  if (isShared && isSite) {
    throw new UserError(
      `stack "${stack}": dns-mesh:mesh makes it the shared stack and dns-mesh:shared a site's; remove one of them`,
    );
  }
  if (isShared) return { kind: "shared", shared: parseShared(settings, stack) };
  if (isSite) return { kind: "site", site: parseSite(settings, stack) };
  throw new UserError(
    `stack "${stack}" is not configured: set dns-mesh:mesh (the list of sites) for the shared stack, ` +
      `or dns-mesh:shared (the shared stack's name, such as organization/dns-mesh/shared) and dns-mesh:context for a site`,
  );
}

function parseSite(settings: Settings, stack: string): SiteConfig {
  const input: Record<string, unknown> = { site: stack };
  for (const key of Object.keys(siteSchema.shape)) {
    const value = readSetting(settings, key);
    if (value !== undefined) input[key] = value;
  }
  const config = checkSettings(siteSchema, input, stack);
  requireOneKeyEach(config, stack);
  return config;
}

/** Readers and updaters name their keys to one Knot. */
function requireOneKeyEach({ readers, updaters }: SiteConfig, stack: string): void {
  const i = updaters.findIndex(({ name }) => readers.some((reader) => reader.name === name));
  if (i < 0) return;
  throw new UserError(
    `stack "${stack}": dns-mesh:updaters[${i}].name is a reader's too; give each its own key, or let the updater transfer`,
  );
}
