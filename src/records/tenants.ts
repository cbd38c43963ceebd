import { isSubdomain } from "../dns/name";

/** Names and types that objects of a namespace may have. */
export interface TenantRule {
  /** Zones of the site; `*` for all of them. */
  readonly zones: readonly string[];
  /** Absolute names: these, and all below them. @default every name of the zones */
  readonly subtrees?: readonly string[] | undefined;
  readonly types: readonly string[];
}

/** What the DnsRecords of namespaces may claim of a site's zones. */
export interface Tenant {
  /** `*` for all that no other tenant names, but for the site's own. */
  readonly namespaces: readonly string[];
  /** One of these must allow an object. */
  readonly allow: readonly TenantRule[];
  /** Objects in each of the namespaces. @default any number */
  readonly most?: number | undefined;
  /** Targets of all DnsPools of each of the namespaces. @default any number */
  readonly mostTargets?: number | undefined;
}

/** Whose rules are asked for. */
export interface Tenants {
  readonly tenants: readonly Tenant[];
  /** The site's own namespace: whoever may write there may have anything, unless a tenant names it. */
  readonly own: string;
}

/** All that is served of a name and type is this. */
export interface Claim {
  readonly zone: string;
  /** Absolute, lower-case, without the trailing dot. */
  readonly name: string;
  readonly type: string;
}

/** What a namespace may have; undefined where it may have anything. One that no tenant names may have nothing. */
export function tenantOf({ tenants, own }: Tenants, namespace: string): Tenant | undefined {
  const named = tenants.find(({ namespaces }) => namespaces.includes(namespace));
  if (named !== undefined || namespace === own) return named;
  return tenants.find(({ namespaces }) => namespaces.includes("*")) ?? { namespaces: [namespace], allow: [] };
}

/** Whether one of the rules allows a claim. */
export function isAllowed({ allow }: Tenant, { zone, name, type }: Claim): boolean {
  return allow.some(
    ({ zones, subtrees, types }) =>
      (zones.includes("*") || zones.includes(zone)) &&
      (subtrees === undefined || subtrees.some((subtree) => isSubdomain(name, subtree))) &&
      types.includes(type),
  );
}

/** What a namespace may have, for people: the end of a sentence. */
export function allowedText({ allow }: Tenant): string {
  if (allow.length === 0) return "it may have none";
  return `it may have ${allow.map(ruleText).join("; ")}`;
}

function ruleText({ zones, subtrees, types }: TenantRule): string {
  const all = zones.includes("*") ? "every zone of the site" : zones.join(", ");
  const within =
    subtrees === undefined ? all : `${subtrees.join(", ")} and below${zones.length > 1 ? ` in ${all}` : ""}`;
  return `${types.join(", ")} in ${within}`;
}

/** Who changes what a namespace may have. */
const cure = "whoever runs the site decides that by records.tenants";

/** Why a namespace may not have a claim. */
export function notAllowedText(namespace: string, { name, type }: Claim, tenant: Tenant): string {
  return `namespace ${namespace} may not have ${type} at ${name}; ${allowedText(tenant)}; ${cure}`;
}

/** Why a namespace gets no further object. */
export function quotaText(namespace: string, most: number): string {
  const objects = most === 1 ? "1 DnsRecord" : `${most} DnsRecords`;
  return `namespace ${namespace} has ${objects} already, as many as it may have; delete one that is not needed; ${cure}`;
}

/** Why a namespace gets no further pool, or no larger one. */
export function targetsQuotaText(namespace: string, most: number): string {
  const targets = most === 1 ? "1 target" : `${most} targets`;
  return `pools of namespace ${namespace} may have ${targets} together; take some away, or delete a pool; ${cure}`;
}
