import { z } from "zod";

import { UserError } from "../base/errors";
import { defaultZoneSeries } from "../knot/config/site-runtime";
import { backupsSchema } from "./backup-settings";
import { requireFamilies } from "./ip-families";
import { checkSettings, readSettings, type Settings } from "./reading";
import { recordsSchema, requireServed } from "./record-settings";
import { requireResolverPort, resolverSchema } from "./resolver-settings";
import { numberShape, switchShape } from "./shapes";
import { parseShared, type SharedConfig } from "./shared-settings";
import {
  cidr,
  imagesSchema,
  ipAddress,
  madeKeysSchema,
  metricsSchema,
  monitoringSchema,
  rateLimitSchema,
  resourcesSchema,
  schedule,
  serviceSchema,
  siteVaultSchema,
  zoneGuardSchema,
} from "./site-parts";
import { readerSchema, uniqueNames, updaterSchema } from "./updaters";

/** Every setting of a site's stack. */
export const siteSchema = z.strictObject({
  shared: z
    .string()
    .min(1)
    .describe('The shared stack\'s name, as a StackReference takes it. Example: "organization/dns-mesh/shared".'),
  site: z
    .string()
    .min(1)
    .describe("The site's name in the mesh's list. Default: the stack's name. Example: \"site-a\"."),
  context: z
    .string("is missing: name the kubeconfig context of this site's cluster")
    .min(1, "must not be empty")
    .describe('The kubeconfig context of the site\'s cluster. Never the current one silently. Example: "site-a".'),
  kubeconfig: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the kubeconfig. Default: KUBECONFIG, else ~/.kube/config. Example: "./kubeconfig".'),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a DNS label")
    .default("dns-system")
    .describe('Kubernetes namespace that holds everything. Default: "dns-system".'),
  storageClass: z
    .string()
    .min(1)
    .optional()
    .describe("StorageClass of each pod's volume. Default: the cluster's default class. Example: \"fast\"."),
  storageSize: z
    .string()
    .regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/, "must be a quantity such as 1Gi")
    .default("1Gi")
    .describe('Size of each pod\'s volume. Default: "1Gi". Example: "10Gi".'),
  replicas: z.coerce
    .number()
    .meta(numberShape)
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(9, "must be at most 9")
    .meta(numberShape)
    .default(2)
    .describe("Knot pods, each with its own volume. The first one is the writer. Default: 2. Example: 3."),
  drainSeconds: z.coerce
    .number()
    .int("must be a whole number")
    .min(0, "must be at least 0")
    .max(600, "must be at most 600")
    .meta({ ...numberShape, pattern: "^[0-9]+$" })
    .default(30)
    .describe(
      "Seconds that a pod that is to end stays in service, until load balancers have noticed; it answers for 15 more. 0 ends it at once. Default: 30. Example: 60.",
    ),
  readers: z
    .array(readerSchema)
    .default([])
    .superRefine(uniqueNames)
    .describe(
      'Servers outside the mesh that may take zones from this site, each with a key of its own; a secret setting. Default: none. Example: [{ name: "bind", algorithm: "hmac-sha256", secret: "…", notify: ["192.0.2.53"] }].',
    ),
  updaters: z
    .array(updaterSchema)
    .default([])
    .superRefine(uniqueNames)
    .describe(
      'Who may change the site\'s own zones by DNS UPDATE beside its operator, each with a key of its own; a secret setting. Default: none. Example: [{ name: "external-dns", algorithm: "hmac-sha256", secret: "…", zones: ["standard-1.internal.dns"], updateOwner: "name", updateOwnerName: ["apps"], transfer: true }].',
    ),
  records: z
    .union([z.literal(false), recordsSchema], "must be false, or an object of namespaces (a list of names)")
    .prefault({})
    .describe(
      "Whether the site serves DnsRecords, of which namespaces, and what they may claim; `false` for neither operator nor definition. Default: of the site's own namespace.",
    ),
  service: serviceSchema
    .prefault({})
    .describe("How the site is reached from outside. Default: a LoadBalancer with one Service for UDP and TCP."),
  clients: z
    .array(cidr)
    .min(1, "must have at least one network")
    .default(["0.0.0.0/0", "::/0"])
    .describe('Networks whose clients may ask. Default: everybody. Example: ["10.0.0.0/8"].'),
  resolver: resolverSchema
    .optional()
    .describe(
      "A validating resolver for the workloads of the cluster, which knows the zones of the mesh and their keys; `{}` for one with all defaults. Default: none.",
    ),
  images: imagesSchema.prefault({}).describe("Container images."),
  imagePullPolicy: z
    .enum(["Always", "IfNotPresent", "Never"], "must be Always, IfNotPresent or Never")
    .default("IfNotPresent")
    .describe('When nodes pull images. Default: "IfNotPresent".'),
  resources: resourcesSchema
    .prefault({})
    .describe("Requests and limits per container. A container that is named replaces its defaults as a whole."),
  listen: z
    .array(ipAddress)
    .min(1, "must have at least one address")
    .default(["0.0.0.0"])
    .describe(
      'Addresses that Knot binds in the pod, always on port 5353. Default: ["0.0.0.0"]. Example: ["0.0.0.0", "::"].',
    ),
  rateLimit: z
    .union(
      [z.literal(false), rateLimitSchema],
      "must be false, or an object of perSecond, burst (at least 1 each) and exempt (networks)",
    )
    .prefault({})
    .describe(
      "How many answers one address gets over UDP before it is sent to TCP; `false` for no limit. Default: 200 a second, 500 at once.",
    ),
  zoneGuard: z
    .union(
      [z.literal(false), zoneGuardSchema],
      "must be false, or an object of names (at least 1) and percent (1 to 99)",
    )
    .default(false)
    .describe(
      "Holds a change of an own zone that takes away more than a third of its names, its apex NS or its SOA record, until it is let through; `{}` for these limits. Default: false.",
    ),
  remotePort: z.coerce
    .number()
    .meta(numberShape)
    .int()
    .min(1)
    .max(65535)
    .meta(numberShape)
    .default(53)
    .describe("Port that other sites answer on. Default: 53."),
  securePort: z.coerce
    .number()
    .meta(numberShape)
    .int()
    .min(1)
    .max(65535)
    .meta(numberShape)
    .default(853)
    .describe("Port that other sites have TLS and QUIC on. Default: 853."),
  protect: z
    .stringbool("must be true or false")
    .meta(switchShape)
    .default(true)
    .describe("Protects the namespace, and with it the volumes, from any `up` or `destroy`. Default: true."),
  adopt: z
    .stringbool("must be true or false")
    .meta(switchShape)
    .default(false)
    .describe(
      "Takes over what the cluster has of this site, for a new stack in the place of one whose state was lost. Default: false.",
    ),
  madeKeys: madeKeysSchema
    .prefault({})
    .describe(
      "Keys that the stack before made by chance and the cluster has, as `mesh adopt` prints them; a secret setting. Default: the stack makes its own.",
    ),
  reconcilerSchedule: schedule
    .default("*/5 * * * *")
    .describe(
      "When the reconciler looks, as a CronJob's schedule. Agents heal by themselves within a second; what waits for it is the network policy for sites that join or move, and the report. Default: every 5 minutes.",
    ),
  rotatorSchedule: schedule
    .default("*/5 * * * *")
    .describe(
      "When the key rotator looks whether the ring is due, as a CronJob's schedule; with Vault, at catalog sites. Default: every 5 minutes.",
    ),
  vault: siteVaultSchema
    .optional()
    .describe("Where this site reaches the Vault that the shared stack wrote to, if not at the same address."),
  backups: backupsSchema
    .optional()
    .describe(
      'Encrypted backups of the site\'s zones and keys in an S3-compatible storage, and restore drills; the keys and the password in it are secret. Default: none. Example: { endpoint: "https://s3.example.com", bucket: "dns-backups", accessKey: "…", secretKey: "…", password: "…" }.',
    ),
  apiServer: z
    .array(cidr)
    .min(1, "must have at least one network")
    .default(["0.0.0.0/0", "::/0"])
    .describe(
      'Networks that the cluster\'s API server answers from, on 443 or 6443. Default: any. Example: ["10.96.0.1/32", "192.0.2.10/32"].',
    ),
  metrics: metricsSchema
    .default(defaultZoneSeries)
    .describe(
      'Which zones have metrics of their own. Default: the site\'s own, up to 1000. Example: { "zones": "all" }.',
    ),
  monitoring: monitoringSchema
    .optional()
    .describe("Who may fetch metrics, and what is made for a Prometheus and a Grafana. Default: none."),
});

/** The settings of a site's stack. */
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
  const input = { site: stack, ...readSettings(settings, siteSchema.shape) };
  const config = checkSettings(siteSchema, input, stack);
  requireOneKeyEach(config, stack);
  requireServed(config, stack);
  requireResolverPort(config, stack);
  requireFamilies(config, stack);
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
