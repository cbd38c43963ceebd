import { z } from "zod";

import { UserError } from "../base/errors";
import { isWithin, zoneNameProblem } from "../base/names";
import { longestTtl } from "../dns/ttl";
import type { Site } from "../mesh/model";
import { parseAllowed } from "../pools/allow-list";
import { group, recordTypes } from "../records/model";
import { defaultSourceKinds, isRoute, sourceKinds } from "../records/sources/kinds";
import { defaultUpdateTypes } from "../records/updater";
import { zoneNameShape } from "./shapes";
import { requireOwn, requireOwnZone } from "./updaters";

const namespaceName = z
  .string()
  .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)$/, "must be a namespace's name, or * for all");

const zoneName = z
  .string()
  .refine((name) => zoneNameProblem(name) === undefined, "must be a name in lower case, without the dot at its end")
  .meta(zoneNameShape);

const tenantRuleSchema = z.strictObject({
  zones: z
    .array(z.union([z.literal("*"), zoneName], "must be a zone in lower case, or * for every zone of the site"))
    .min(1, "must have at least one zone; * for every zone of the site")
    .describe('Zones of this site, `*` for all of them. Example: ["example.org"].'),
  subtrees: z
    .array(zoneName)
    .min(1, "must have at least one name; leave it out for every name of the zones")
    .optional()
    .describe(
      'Absolute names: these, and all below them. Default: every name of the zones. Example: ["shop.example.org"].',
    ),
  types: z
    .array(z.enum(recordTypes, `must be one of ${recordTypes.join(", ")}`))
    .min(1, "must have at least one type")
    .default([...defaultUpdateTypes])
    .describe('Types. Default: all that a DnsRecord may have, without NS. Example: ["A", "AAAA", "CNAME"].'),
});

const tenantSchema = z.strictObject({
  namespaces: z
    .array(namespaceName)
    .min(1, "must have at least one namespace")
    .describe(
      'Namespaces that this is about, `*` for all that no other tenant names, but for the site\'s own. Example: ["shop"].',
    ),
  allow: z
    .array(tenantRuleSchema)
    .default([])
    .describe("What their DnsRecords may claim: one of these must allow an object. Default: nothing."),
  most: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(1_000_000)
    .optional()
    .describe("DnsRecords in each of the namespaces. Default: any number. Example: 100."),
  mostTargets: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(1_000_000)
    .optional()
    .describe("Targets that all DnsPools of each of the namespaces have together. Default: any number. Example: 30."),
});

const sourcesSchema = z.strictObject({
  kinds: z
    .array(z.enum(sourceKinds, `must be one of ${sourceKinds.join(", ")}`))
    .min(1, "must have at least one kind")
    .default([...defaultSourceKinds])
    .describe(
      'Kinds of objects: Service, Ingress, the routes of Gateway API, and external-dns\'s DNSEndpoint. Default: ["Service", "Ingress"]. Example: ["Service", "HTTPRoute"].',
    ),
  zones: z
    .array(zoneName)
    .min(1, "must have at least one zone")
    .describe('Zones of this site that records are made in. Example: ["example.org"].'),
  labels: z
    .record(z.string(), z.string())
    .default({ [`${group}/records`]: "true" })
    .describe(
      'Labels of the objects that count; {} for all. Default: { "dns.mesh.io/records": "true" }. Example: { team: "shop" }.',
    ),
  ttl: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(longestTtl)
    .default(300)
    .describe("Seconds, where an object does not say. Default: 300. Example: 60."),
  gatewayNamespaces: z
    .array(namespaceName)
    .min(1, "must have at least one namespace; leave it out for those that are served")
    .optional()
    .describe(
      'Namespaces whose Gateways routes may lead to, beside those that are served; `*` for all. Default: those that are served. Example: ["infra"].',
    ),
});

/** A network and ports of which targets may be probed. */
const probeTarget = z
  .string()
  .refine(isAllowedTargets, "must have the form NETWORK@PORT or NETWORK@PORT-PORT")
  .meta({ pattern: "^[0-9A-Fa-f.:]+/[0-9]{1,3}@[0-9]{1,5}(-[0-9]{1,5})?$" });

function isAllowedTargets(text: string): boolean {
  try {
    parseAllowed(text);
    return true;
  } catch {
    return false;
  }
}

/** Whose DnsRecords and DnsPools are served, what they may claim, and what may be probed for pools. */
export const recordsSchema = z
  .strictObject({
    namespaces: z
      .array(namespaceName)
      .default([])
      .describe(
        'Further namespaces whose DnsRecords are served, `*` for all. Who may edit there may change the site\'s zones, as far as `tenants` lets him. Default: only the site\'s own. Example: ["shop", "blog"].',
      ),
    tenants: z
      .array(tenantSchema)
      .optional()
      .superRefine(namedOnce)
      .describe(
        'What the DnsRecords of which namespaces may claim: zones, names, types, and how many. A namespace that none names may have nothing, but for the site\'s own, which may have anything. Default: anything. Example: [{ namespaces: ["shop"], allow: [{ zones: ["example.org"], subtrees: ["shop.example.org"] }], most: 100 }].',
      ),
    sources: sourcesSchema
      .optional()
      .describe(
        'Services, Ingresses, routes and DNSEndpoints of the namespaces that are served, of which DnsRecords are made, by external-dns\'s annotations. Default: none. Example: { zones: ["example.org"] }.',
      ),
    admissionPolicy: z
      .boolean("must be true or false")
      .default(true)
      .describe(
        "With `tenants`: whether a ValidatingAdmissionPolicy has the API server refuse what is not allowed; `false` where the cluster takes none. The record operator refuses it in any case. Default: true.",
      ),
    resourceQuotas: z
      .boolean("must be true or false")
      .default(false)
      .describe(
        "With `tenants`: whether a ResourceQuota in each namespace that has `most` or `mostTargets` has the API server count: DnsRecords by `most`, DnsPools by `mostTargets`. It counts objects of other sites' zones too. The record operator counts in any case. Default: false.",
      ),
    probes: z
      .array(probeTarget)
      .max(100, "must have at most 100 entries")
      .default([])
      .describe(
        'What this site may probe for DnsPools, its own and those of other sites: networks and ports. Default: nothing. Example: ["10.20.0.0/16@443", "2001:db8::/32@8000-8100"].',
      ),
    probesPerSecond: z
      .int("must be a whole number")
      .min(1, "must be at least 1")
      .max(10_000, "must be at most 10000")
      .default(500)
      .describe(
        "Probes a second at the most; with more targets each is probed less often. Default: 500. Example: 2000.",
      ),
  })
  .superRefine(checkTenants)
  .superRefine(checkQuotas)
  .superRefine(checkGateways);

/** Whose DnsRecords are served, what they may claim, and what else they are made of. */
export type RecordsConfig = z.infer<typeof recordsSchema>;

/** What the DnsRecords of namespaces may claim. */
type TenantConfig = z.infer<typeof tenantSchema>;

function namedOnce(tenants: readonly TenantConfig[] | undefined, ctx: z.RefinementCtx): void {
  const names = (tenants ?? []).flatMap(({ namespaces }) => namespaces);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    ctx.addIssue(`has namespace ${twice} twice; put what it may have into one entry, as several items of allow`);
}

function checkTenants(
  { tenants = [] }: { readonly tenants?: readonly TenantConfig[] | undefined },
  ctx: z.RefinementCtx,
): void {
  for (const [i, { allow }] of tenants.entries()) {
    for (const [n, { zones, subtrees = [] }] of allow.entries()) {
      const outside = subtrees.findIndex((name) => !zones.some((zone) => zone === "*" || isWithin(name, zone)));
      if (outside >= 0)
        ctx.addIssue({
          code: "custom",
          path: ["tenants", i, "allow", n, "subtrees", outside],
          message: `"${subtrees[outside] ?? ""}" is in none of its zones; write the whole name, such as shop.${zones[0] ?? ""}`,
        });
    }
  }
}

function checkQuotas(
  {
    namespaces,
    tenants = [],
    resourceQuotas,
  }: {
    readonly namespaces: readonly string[];
    readonly tenants?: readonly TenantConfig[] | undefined;
    readonly resourceQuotas: boolean;
  },
  ctx: z.RefinementCtx,
): void {
  if (!resourceQuotas) return;
  const isCounted = ({ most, mostTargets }: TenantConfig): boolean => most !== undefined || mostTargets !== undefined;
  const refuse = (message: string): void => {
    ctx.addIssue({ code: "custom", path: ["resourceQuotas"], message });
  };
  if (!tenants.some(isCounted)) refuse("counts nothing: no entry of tenants has most or mostTargets; leave it out");
  else if (namespaces.includes("*") && tenants.some((each) => each.namespaces.includes("*") && isCounted(each)))
    refuse(
      "is for namespaces that are known by name, and the entry for * is for any; list them in records.namespaces, or leave most and mostTargets of * to the operator",
    );
}

function checkGateways(
  { sources }: { readonly sources?: z.infer<typeof sourcesSchema> | undefined },
  ctx: z.RefinementCtx,
): void {
  if (sources?.gatewayNamespaces === undefined || sources.kinds.some(isRoute)) return;
  ctx.addIssue({
    code: "custom",
    path: ["sources", "gatewayNamespaces"],
    message: "is for routes, and kinds has none; add the kind, such as HTTPRoute, or leave it out",
  });
}

/** What of the settings counts for who may claim what. */
interface RecordsPart {
  readonly records: false | RecordsConfig;
  readonly namespace: string;
}

/**
 * Refuses rules for namespaces that are not served: a name that is misspelt would give nothing to the one that is meant.
 *
 * @throws UserError
 */
export function requireServed({ records, namespace }: RecordsPart, stack: string): void {
  if (records === false || records.namespaces.includes("*")) return;
  const served = new Set([namespace, "*", ...records.namespaces]);
  for (const [i, { namespaces }] of (records.tenants ?? []).entries()) {
    const n = namespaces.findIndex((name) => !served.has(name));
    if (n < 0) continue;
    throw new UserError(
      `stack "${stack}": dns-mesh:records.tenants[${i}].namespaces[${n}]: "${namespaces[n] ?? ""}" is not served; put it into records.namespaces, or correct its name`,
    );
  }
}

/**
 * Refuses rules about zones, and sources for zones, that the site does not own.
 *
 * @throws UserError that names the zone and what the site owns.
 */
export function requireRecordsZones(
  { records }: Pick<RecordsPart, "records">,
  site: Pick<Site, "name" | "zones">,
): void {
  const tenants = records === false ? [] : (records.tenants ?? []);
  for (const [i, { allow }] of tenants.entries())
    requireOwn(
      `records.tenants[${i}].allow`,
      allow.map(({ zones }) => ({ zones: zones.filter((zone) => zone !== "*") })),
      { site, why: "the operator of a zone's owner has its DnsRecords" },
    );
  if (records !== false && records.sources !== undefined)
    requireOwnZone("records.sources", records.sources.zones, { site, why: "records are made at a zone's owner" });
}
