import { longestTtl } from "../dns/ttl";
import { conditionsSchema, definitionOf, longestValue, type Manifest } from "../records/crd";
import { poolPlural } from "../records/model";
import { immutable, nameRules, type Rule, zoneRules } from "../records/rules";
import { dnsCheckTypes, poolKind, poolTypes, strategies } from "./model";
import { defaultPoolTtl, longestHost, longestPath, mostTargets } from "./spec";

type Schema = Readonly<Record<string, unknown>>;

const validations = (rules: readonly Rule[]): Schema => ({ "x-kubernetes-validations": rules });
const text = (description: string, more: Schema = {}): Schema => ({ type: "string", description, ...more });
type Range = readonly [minimum: number, maximum: number];
const whole = (description: string, [minimum, maximum]: Range, more: Schema = {}): Schema => ({
  type: "integer",
  format: "int64",
  description,
  minimum,
  maximum,
  ...more,
});
const number = (description: string, [minimum, maximum]: Range): Schema => ({
  type: "number",
  description,
  minimum,
  maximum,
});

function checkSchema(whose: string): Schema {
  return {
    type: "object",
    description: `How ${whose} is probed. Which addresses and ports may be, each site's settings say.`,
    required: ["type", "port"],
    properties: {
      type: text(
        "TCP: a connection is made. HTTP, HTTPS: a GET is answered; certificates are not judged. DNS: a question is answered, over UDP.",
        { enum: ["TCP", "HTTP", "HTTPS", "DNS"] },
      ),
      port: whole("The port.", [1, 65_535]),
      address: text("The address, where it is not the target's value. A CNAME's targets need it.", { maxLength: 45 }),
      host: text("Name of the host that is asked for. The address without it.", { maxLength: longestHost }),
      path: text("Path that is asked for. / without it.", { maxLength: longestPath }),
      status: whole("Status that an answer must have. Any from 200 to 399 without it.", [200, 599]),
      name: text("Name that a DNS server is asked for.", { maxLength: 255 }),
      recordType: text("Type that a DNS server is asked for; the answer must have such a record. A without it.", {
        enum: [...dnsCheckTypes],
      }),
      intervalSeconds: number("Seconds between probes. 1 without it.", [1, 3600]),
      timeoutSeconds: number("Seconds for one probe, no more than the interval. 1 without it.", [0.1, 3600]),
      rise: whole("Good probes in a row by which a target that was down is up again. 2 without it.", [1, 10]),
      fall: whole("Bad probes in a row by which a target is down. 2 without it.", [1, 10]),
    },
  };
}

function specSchema(): Schema {
  return {
    type: "object",
    description: "The answer that is wanted.",
    required: ["zone", "name", "type", "targets"],
    properties: {
      zone: text("The zone, one of this site's own, as the mesh's list has it. Cannot be changed.", {
        minLength: 1,
        maxLength: 253,
        ...validations(zoneRules),
      }),
      name: text("The name within the zone, as in a DnsRecord. Cannot be changed.", {
        minLength: 1,
        maxLength: 1000,
        ...validations(nameRules),
      }),
      type: text("The type. Cannot be changed.", { enum: [...poolTypes], ...validations([immutable("type")]) }),
      ttl: whole("How long resolvers may keep the answer, in seconds.", [0, longestTtl], { default: defaultPoolTtl }),
      strategy: text("failover: the healthy targets of the lowest priority. all: every healthy target.", {
        enum: [...strategies],
        default: "failover",
      }),
      minHealthy: whole(
        "With fewer healthy targets than this the last answer stays; failover takes further priorities until it has so many.",
        [1, mostTargets],
        { default: 1 },
      ),
      check: checkSchema("each target that has no check of its own"),
      targets: {
        type: "array",
        description: "Where the name may lead to.",
        minItems: 1,
        maxItems: mostTargets,
        items: {
          type: "object",
          description: "One place.",
          required: ["value"],
          properties: {
            value: text("The record's data, as in a DnsRecord.", { minLength: 1, maxLength: longestValue }),
            priority: whole("Lower ones are taken first by failover. 0 without it.", [0, 65_535]),
            check: checkSchema("this target"),
          },
        },
      },
    },
  };
}

function statusSchema(): Schema {
  const sites = (description: string): Schema => ({
    type: "array",
    description,
    items: { type: "string", description: "A site's name." },
  });
  return {
    type: "object",
    description: "What the operator found and did.",
    properties: {
      observedGeneration: {
        type: "integer",
        format: "int64",
        description: "The generation of the object that the operator has seen.",
      },
      conditions: conditionsSchema(
        "Accepted: the pool can be served. Healthy: enough targets are healthy, and the answer has those. Programmed: every site of the mesh answers it. Ready: accepted and programmed, for tools; with Reconciling while the operator goes on by itself, or Stalled while somebody has to act.",
      ),
      targets: {
        type: "array",
        description: "What is known of each target.",
        "x-kubernetes-list-type": "atomic",
        items: {
          type: "object",
          description: "One target.",
          required: ["value", "healthy", "answered"],
          properties: {
            value: text("The record's data."),
            healthy: text("Whether it counts as healthy.", { enum: ["True", "False", "Unknown"] }),
            answered: { type: "boolean", description: "Whether the answer has it." },
            up: sites("Sites that see it up."),
            down: sites("Sites that see it down."),
          },
        },
      },
    },
  };
}

const columns = [
  { name: "Zone", type: "string", jsonPath: ".spec.zone", description: "The zone" },
  { name: "Name", type: "string", jsonPath: ".spec.name", description: "The name within the zone" },
  { name: "Type", type: "string", jsonPath: ".spec.type", description: "The type" },
  {
    name: "Answer",
    type: "string",
    jsonPath: ".status.targets[?(@.answered==true)].value",
    description: "What the name leads to, the first of several",
  },
  {
    name: "Healthy",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Healthy")].reason',
    description: "Whether enough targets are healthy",
  },
  {
    name: "Ready",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: "Whether every site of the mesh answers it",
  },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when it exists" },
];

/** The definition of DnsPool. */
export function poolDefinition(): Manifest {
  return definitionOf({
    names: { kind: poolKind, plural: poolPlural, singular: "dnspool" },
    description: "A name of a zone of this site that leads to those of its targets that are healthy.",
    columns,
    spec: specSchema(),
    status: statusSchema(),
  });
}
