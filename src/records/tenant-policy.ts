import type { Manifest } from "./crd";
import { group, plural, poolPlural, version } from "./model";
import { allowedText, type Tenant, tenantOf } from "./tenants";

/** What {@link tenantPolicySpec} is made of. */
export interface TenantPolicyInput {
  /** The site's own namespace. */
  readonly own: string;
  /** Further namespaces that are served; `*` for all. */
  readonly namespaces: readonly string[];
  /** The site's zones: another site of the same cluster judges what names its own. */
  readonly zones: readonly string[];
  readonly tenants: readonly Tenant[];
}

/** The part of a ValidatingAdmissionPolicy that we write. */
export interface AdmissionPolicySpec {
  readonly failurePolicy: "Fail";
  readonly matchConstraints: {
    readonly namespaceSelector: {
      readonly matchExpressions: readonly {
        readonly key: string;
        readonly operator: string;
        readonly values: readonly string[];
      }[];
    };
    readonly resourceRules: readonly {
      readonly apiGroups: readonly string[];
      readonly apiVersions: readonly string[];
      readonly resources: readonly string[];
      readonly operations: readonly string[];
    }[];
  };
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly {
    readonly expression: string;
    readonly message: string;
    readonly messageExpression: string;
    readonly reason: "Forbidden";
  }[];
}

/** A namespace's name as a label that every namespace has. */
const nameLabel = "kubernetes.io/metadata.name";

/**
 * Has the API server refuse DnsRecords and DnsPools that the tenants' rules do not allow, by the same rules as {@link isAllowed}, and a
 * pool that has more targets than all pools of its namespace together may have. It does not count objects, and leaves names with escapes to the operator, which refuses both. A change of an object's spec is refused as its
 * creation is; its deletion, and changes of metadata (finalizers, annotations), never are.
 */
export function tenantPolicySpec(input: TenantPolicyInput): AdmissionPolicySpec {
  return {
    failurePolicy: "Fail",
    matchConstraints: {
      namespaceSelector: { matchExpressions: judged(input) },
      resourceRules: [
        {
          apiGroups: [group],
          apiVersions: [version],
          resources: [plural, poolPlural],
          operations: ["CREATE", "UPDATE"],
        },
      ],
    },
    matchConditions: [
      { name: "zone-of-this-site", expression: `object.spec.zone in ${literal(input.zones)}` },
      { name: "new-or-changed", expression: "request.operation == 'CREATE' || object.spec != oldObject.spec" },
      { name: "without-escapes", expression: `!object.spec.name.contains(${literal("\\")})` },
    ],
    variables: [
      { name: "rules", expression: rulesOf(input) },
      { name: "texts", expression: textsOf(input) },
      { name: "tenant", expression: "request.namespace in variables.rules ? request.namespace : '*'" },
      { name: "most", expression: mostTargetsOf(input) },
      { name: "targets", expression: "has(object.spec.targets) ? size(object.spec.targets) : 0" },
      { name: "lower", expression: "object.spec.name.lowerAscii()" },
      {
        name: "name",
        expression:
          "variables.lower == '@' ? object.spec.zone : variables.lower.endsWith('.') ? variables.lower.substring(0, size(variables.lower) - 1) : variables.lower + '.' + object.spec.zone",
      },
    ],
    validations: [
      {
        expression:
          "variables.rules[variables.tenant].exists(rule, ('*' in rule['zones'] || object.spec.zone in rule['zones']) && (size(rule['subtrees']) == 0 || rule['subtrees'].exists(subtree, variables.name == subtree || variables.name.endsWith('.' + subtree))) && object.spec.type in rule['types'])",
        message: "NotAllowed: the site's records.tenants does not let this namespace have this name and type",
        messageExpression:
          "'NotAllowed: namespace ' + request.namespace + ' may not have ' + object.spec.type + ' at ' + variables.name + '; ' + variables.texts[variables.tenant] + '; whoever runs the site decides that by records.tenants'",
        reason: "Forbidden",
      },
      {
        expression: "variables.targets <= variables.most[variables.tenant]",
        message: "NotAllowed: the site's records.tenants does not let pools of this namespace have so many targets",
        messageExpression:
          "'NotAllowed: pools of namespace ' + request.namespace + ' may have ' + string(variables.most[variables.tenant]) + ' targets together; whoever runs the site decides that by records.tenants'",
        reason: "Forbidden",
      },
    ],
  };
}

/** Whether there is a namespace whose objects are to be looked at. */
export function judgesAny(input: TenantPolicyInput): boolean {
  return judged(input).every(({ values }) => values.length > 0);
}

/** A {@link tenantPolicySpec} with its binding, as objects. */
export function tenantPolicyManifests(input: TenantPolicyInput): readonly Manifest[] {
  const metadata = { name: `dns-mesh-tenants-${input.own}` };
  const admission = "admissionregistration.k8s.io/v1";
  return [
    { apiVersion: admission, kind: "ValidatingAdmissionPolicy", metadata, spec: tenantPolicySpec(input) },
    {
      apiVersion: admission,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: metadata.name, validationActions: ["Deny"] },
    },
  ];
}

/** Which namespaces' objects are looked at: all that are served, the site's own where a tenant names it. */
function judged({
  own,
  namespaces,
  tenants,
}: TenantPolicyInput): AdmissionPolicySpec["matchConstraints"]["namespaceSelector"]["matchExpressions"] {
  const isOwnJudged = tenants.some((tenant) => tenant.namespaces.includes(own));
  if (namespaces.includes("*")) return isOwnJudged ? [] : [{ key: nameLabel, operator: "NotIn", values: [own] }];
  const others = namespaces.filter((name) => name !== own);
  return [{ key: nameLabel, operator: "In", values: isOwnJudged ? [own, ...others] : others }];
}

/** Namespaces that a tenant names, and `*` for all others. */
function named({ tenants, own }: TenantPolicyInput): readonly (readonly [name: string, tenant: Tenant])[] {
  const names = tenants.flatMap(({ namespaces }) => namespaces).filter((name) => name !== "*");
  // No namespace is called so: it gets what all others do.
  const others = tenantOf({ tenants, own }, "*") ?? { namespaces: [], allow: [] };
  return [...names.map((name) => [name, tenantOf({ tenants, own }, name) ?? others] as const), ["*", others]];
}

function rulesOf(input: TenantPolicyInput): string {
  const items = named(input).map(([name, { allow }]) => {
    const rules = allow.map(
      ({ zones, subtrees = [], types }) =>
        `{'zones': ${literal(zones)}, 'subtrees': ${literal(subtrees)}, 'types': ${literal(types)}}`,
    );
    return `${literal(name)}: [${rules.join(", ")}]`;
  });
  return `{${items.join(", ")}}`;
}

/** More than any pool has, where nothing is said. */
const anyTargets = 1_000_000;

function mostTargetsOf(input: TenantPolicyInput): string {
  const items = named(input).map(([name, { mostTargets = anyTargets }]) => `${literal(name)}: ${mostTargets}`);
  return `{${items.join(", ")}}`;
}

function textsOf(input: TenantPolicyInput): string {
  return `{${named(input)
    .map(([name, tenant]) => `${literal(name)}: ${literal(allowedText(tenant))}`)
    .join(", ")}}`;
}

/** A CEL string, or a list of them. */
function literal(value: string | readonly string[]): string {
  if (typeof value !== "string") return `[${value.map(literal).join(", ")}]`;
  return `'${value.replace(/[\\']/g, "\\$&")}'`;
}
