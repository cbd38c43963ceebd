import { longestTtl } from "../dns/ttl";
import { pendingStatus } from "./conditions";
import { defaultTtl, group, kind, plural, poolPlural, recordTypes, version } from "./model";
import { immutable, nameRules, type Rule, specRules, zoneRules } from "./rules";

type Schema = Readonly<Record<string, unknown>>;

/** A Kubernetes object that is made here and applied by others. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Characters of one value: room for the longest DKIM and DNSSEC keys, and little enough for CEL's cost estimate. */
export const longestValue = 4096;

/** Values of one object. Several objects of one name and type make a larger RRset. */
export const mostValues = 64;

const validations = (rules: readonly Rule[]): Schema => ({ "x-kubernetes-validations": rules });

const text = (description: string, more: Schema = {}): Schema => ({ type: "string", description, ...more });
const seconds = (description: string, more: Schema = {}): Schema => ({
  type: "integer",
  format: "int64",
  description,
  ...more,
});

const value = { type: "string", minLength: 1, maxLength: longestValue };

const ttlRule: Rule = {
  rule: `self >= 0 && self <= ${longestTtl}`,
  message: `ttl is in seconds, from 0 to ${longestTtl}; 3600 is an hour`,
};

function specSchema(): Schema {
  return {
    type: "object",
    description: "The records that are wanted.",
    required: ["zone", "name", "type"],
    ...validations(specRules),
    properties: {
      zone: text(
        "The zone that the record is in, one of this site's own, as the mesh's list has it. Cannot be changed.",
        {
          minLength: 1,
          maxLength: 253,
          ...validations(zoneRules),
        },
      ),
      name: text(
        `The record's name within the zone: "www", "@" for the zone itself, "*.apps" for all below apps. With a dot at its end it is absolute. Cannot be changed.`,
        { minLength: 1, maxLength: 1000, ...validations(nameRules) },
      ),
      ttl: seconds("How long resolvers may keep the answer, in seconds.", {
        default: defaultTtl,
        ...validations([ttlRule]),
      }),
      type: text("The record's type. Cannot be changed.", {
        enum: [...recordTypes],
        ...validations([immutable("type")]),
      }),
      value: text(
        "The record's data as in a zone file, for one record. Names without a dot at their end are within the zone. Text with blanks stands in double quotes.",
        value,
      ),
      values: {
        type: "array",
        description: "The data of several records of this name and type, instead of value.",
        minItems: 1,
        maxItems: mostValues,
        "x-kubernetes-list-type": "set",
        items: { ...value, description: "One record's data, as in value." },
      },
    },
  };
}

/** @param types - What each type of condition means. */
function conditionSchema(types: string): Schema {
  return {
    type: "object",
    description: "One aspect of the object's state.",
    required: ["type", "status", "lastTransitionTime", "reason", "message"],
    properties: {
      type: text(types, { maxLength: 316 }),
      status: text("Whether it is so.", { enum: ["True", "False", "Unknown"] }),
      observedGeneration: seconds("The generation of the object that this was found for."),
      lastTransitionTime: text("When the status last changed.", { format: "date-time" }),
      reason: text("Why, in one word for programs.", { maxLength: 1024 }),
      message: text("Why, and what to do about it, for people.", { maxLength: 32768 }),
    },
  };
}

/**
 * The conditions of a status.
 *
 * @param types - What each type of condition means.
 */
export function conditionsSchema(types: string): Schema {
  return {
    type: "array",
    description: "The object's state.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    items: conditionSchema(types),
  };
}

function appliedSchema(): Schema {
  return {
    type: "object",
    description: "What was put on the server for this object. It is what a deletion removes.",
    required: ["zone", "name", "type", "ttl", "values"],
    properties: {
      zone: text("The zone, without a dot at its end."),
      name: text("The absolute name, without a dot at its end."),
      type: text("The type."),
      ttl: seconds("The TTL in seconds."),
      values: {
        type: "array",
        description: "The data of each record, names absolute, sorted.",
        "x-kubernetes-list-type": "atomic",
        items: { type: "string", description: "One record's data." },
      },
    },
  };
}

function statusSchema(): Schema {
  return {
    type: "object",
    description: "What the operator found and did.",
    // Without one, kstatus would take an object that no operator has seen for one that is done.
    default: pendingStatus,
    properties: {
      observedGeneration: seconds("The generation of the object that the operator has seen."),
      conditions: conditionsSchema(
        "Accepted: the record can be made. Programmed: every site of the mesh answers it. Conflict: another object has this name and type. Ready: the same in one, for tools; with Reconciling while the operator goes on by itself, or Stalled while somebody has to act.",
      ),
      applied: appliedSchema(),
    },
  };
}

const columns = [
  { name: "Zone", type: "string", jsonPath: ".spec.zone", description: "The zone" },
  { name: "Name", type: "string", jsonPath: ".spec.name", description: "The name within the zone" },
  { name: "Type", type: "string", jsonPath: ".spec.type", description: "The type" },
  { name: "Value", type: "string", jsonPath: ".spec['value','values']", description: "The data" },
  { name: "TTL", type: "integer", jsonPath: ".spec.ttl", description: "The TTL in seconds" },
  {
    name: "Ready",
    type: "string",
    description: "Whether every site of the mesh answers it",
    jsonPath: '.status.conditions[?(@.type=="Programmed")].status',
  },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when it exists" },
];

/** What the definition of one of our kinds of object is made of. */
interface KindOfObject {
  readonly names: {
    readonly kind: string;
    readonly plural: string;
    readonly singular: string;
    readonly shortNames?: readonly string[];
  };
  readonly description: string;
  readonly columns: readonly Schema[];
  readonly spec: Schema;
  readonly status: Schema;
}

/** The definition of a kind of object that a site has in namespaces, with a status of its own. */
export function definitionOf({ names, description, columns, spec, status }: KindOfObject): Manifest {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${names.plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { ...names, listKind: `${names.kind}List`, categories: ["dns", "dns-mesh"] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: { type: "object", description, required: ["spec"], properties: { spec, status } },
          },
        },
      ],
    },
  };
}

/** The definition of DnsRecord. What can be known at `kubectl apply` is refused there, with its cure. */
export function recordDefinition(): Manifest {
  return definitionOf({
    names: { kind, plural, singular: "dnsrecord", shortNames: ["dnsr", "rr"] },
    description: "Records of a zone of this site, live at every site of the mesh.",
    columns,
    spec: specSchema(),
    status: statusSchema(),
  });
}

const rbac = "rbac.authorization.k8s.io";

function recordRole(rights: {
  readonly name: string;
  readonly into: readonly string[];
  readonly verbs: readonly string[];
}): Manifest {
  const labels = Object.fromEntries(rights.into.map((role) => [`${rbac}/aggregate-to-${role}`, "true"]));
  return {
    apiVersion: `${rbac}/v1`,
    kind: "ClusterRole",
    metadata: { name: rights.name, labels },
    rules: [{ apiGroups: [group], resources: [plural, poolPlural], verbs: rights.verbs }],
  };
}

/** Who may do what with DnsRecords and DnsPools: the cluster's own roles `view`, `edit` and `admin` take these in. Statuses are the operator's. */
export function recordRoles(): Manifest[] {
  const reading = ["get", "list", "watch"];
  return [
    recordRole({ name: "dns-mesh-record-viewer", into: ["view", "edit", "admin"], verbs: reading }),
    recordRole({
      name: "dns-mesh-record-editor",
      into: ["edit", "admin"],
      verbs: [...reading, "create", "update", "patch", "delete", "deletecollection"],
    }),
  ];
}
