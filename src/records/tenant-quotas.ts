import type { Manifest } from "./crd";
import { group, plural, poolPlural } from "./model";
import type { Tenant } from "./tenants";

/** What {@link tenantQuotas} are made of. */
export interface TenantQuotaInput {
  /** The site's own namespace. */
  readonly own: string;
  /** Further namespaces that are served. */
  readonly namespaces: readonly string[];
  readonly tenants: readonly Tenant[];
}

/** How many objects the API server lets a namespace have. */
export interface TenantQuota {
  readonly namespace: string;
  readonly hard: Readonly<Record<string, string>>;
}

/** What a ResourceQuota calls the number of objects of a kind. */
const counted = (resource: string): string => `count/${resource}.${group}`;

/**
 * What ResourceQuotas are to have the API server count, exactly and also where several are made at once: DnsRecords by `most`, and by
 * `mostTargets` DnsPools, each of which has a target at least. Namespaces without a number have none.
 */
export function tenantQuotas({ own, namespaces, tenants }: TenantQuotaInput): readonly TenantQuota[] {
  const named = new Set(tenants.flatMap((tenant) => tenant.namespaces));
  const others = namespaces.filter((name) => name !== "*" && name !== own && !named.has(name));
  return tenants.flatMap(({ namespaces: listed, most, mostTargets }) => {
    const hard = {
      ...(most !== undefined && { [counted(plural)]: String(most) }),
      ...(mostTargets !== undefined && { [counted(poolPlural)]: String(mostTargets) }),
    };
    if (Object.keys(hard).length === 0) return [];
    const whose = listed.flatMap((name) => (name === "*" ? others : [name]));
    return whose.map((namespace) => ({ namespace, hard }));
  });
}

/** Name of a site's ResourceQuota in each of the namespaces: another site of the cluster has one of its own. */
export function tenantQuotaName(own: string): string {
  return `dns-mesh-tenants-${own}`;
}

/** The same as objects. */
export function tenantQuotaManifests(input: TenantQuotaInput): readonly Manifest[] {
  return tenantQuotas(input).map(({ namespace, hard }) => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: tenantQuotaName(input.own), namespace },
    spec: { hard },
  }));
}
