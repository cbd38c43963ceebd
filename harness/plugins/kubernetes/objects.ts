import { createHash } from "node:crypto";
import {
  isObject,
  plainProperties,
  secret,
  textAt,
  valueAt,
  without,
  withSecretsOf,
  type Json,
  type Properties,
} from "../wire";

const dashed = [
  "embedded-resource",
  "int-or-string",
  "list-map-keys",
  "list-type",
  "map-type",
  "preserve-unknown-fields",
  "validations",
].map((name) => `x-kubernetes-${name}`);

const toDashed = new Map(dashed.map((key) => [key.replaceAll("-", "_"), key]));
const toUnderscored = new Map(dashed.map((key) => [key, key.replaceAll("-", "_")]));

function renameKeys(value: Json, names: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [names.get(key) ?? key, renameKeys(item, names)]),
  );
}

/** What is sent to the API server for inputs of a program: no secret marks, `x-kubernetes-*` keys as the server spells them. */
export function toObject(properties: Properties): Properties {
  return plainProperties(renameKeys(plainProperties(properties), toDashed));
}

/** The name of an object's identity as resource id: `namespace/name`, or the name alone. */
export function idOf(object: Properties): string {
  const namespace = textAt(object, "metadata", "namespace");
  const name = textAt(object, "metadata", "name") ?? "";
  return namespace ? `${namespace}/${name}` : name;
}

/** An annotation of an object. */
export function annotation(object: Properties, name: string): string | undefined {
  return textAt(object, "metadata", "annotations", name);
}

/** The metadata of an object with some entries set. */
export function withMetadata(object: Properties, entries: Properties): Properties {
  const metadata = valueAt(object, ["metadata"]);
  return { ...object, metadata: { ...(isObject(metadata) ? metadata : {}), ...entries } };
}

/** Eight hexadecimal digits that belong to a seed. */
export function suffix(seed: string | Uint8Array): string {
  return createHash("sha256").update(seed).digest("hex").slice(0, 8);
}

/** The properties in the form that a Secret has in the state: its data secret as a whole. */
export function withSecretData(properties: Properties): Properties {
  if (properties["kind"] !== "Secret") return properties;
  const marked = { ...properties };
  for (const key of ["data", "stringData"]) if (marked[key] !== undefined) marked[key] = secret(marked[key]);
  return marked;
}

/** A Secret's `stringData` as `data`, as the real plugin keeps it. Values must be known. */
export function mergeStringData(object: Properties): Properties {
  const texts = object["stringData"];
  if (object["kind"] !== "Secret" || !isObject(texts)) return object;
  const data = object["data"];
  const encoded = Object.entries(texts).map(([key, text]) => [
    key,
    Buffer.from(typeof text === "string" ? text : "").toString("base64"),
  ]);
  return {
    ...without(object, "stringData"),
    data: { ...(isObject(data) ? data : {}), ...(Object.fromEntries(encoded) as Properties) },
  };
}

/** What the state keeps of a resource: the live object, and beside it what it was made from. */
export function checkpoint(of: {
  inputs: Properties;
  live: Properties;
  initialApiVersion: string;
  fieldManager: string;
  marks: Properties;
}): Properties {
  const mark = (object: Properties): Properties =>
    withSecretData(withSecretsOf(plainProperties(renameKeys(object, toUnderscored)), of.marks));
  const live = withMetadata(of.live, {});
  const metadata = live["metadata"];
  if (isObject(metadata)) delete metadata["managedFields"];
  return {
    ...mark(live),
    __inputs: mark(of.inputs),
    __initialApiVersion: of.initialApiVersion,
    __fieldManager: of.fieldManager,
  };
}

const quantityKeys = new Set(["requests", "limits", "capacity", "hard", "sizeLimit"]);
const units: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

function quantity(value: Json): number | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(value));
  const unit = units[match?.[2] ?? "-"];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

function isZero(value: Json): boolean {
  return (
    value === null ||
    value === false ||
    value === 0 ||
    value === "" ||
    (typeof value === "object" && Object.keys(value).length === 0)
  );
}

/**
 * The live object cut down to the shape of the inputs, so that the two can be compared: what a server adds is left out, what the
 * server merely spells in another way (quantities, omitted zero values) keeps the spelling of the inputs.
 */
export function pruneToInputs(live: Json, inputs: Json, inQuantities = false): Json {
  if (Array.isArray(live) && Array.isArray(inputs)) {
    return live.slice(0, inputs.length).map((item, index) => pruneToInputs(item, inputs[index] ?? null, inQuantities));
  }
  if (isObject(live) && isObject(inputs)) {
    const pruned: Properties = {};
    for (const [key, input] of Object.entries(inputs)) {
      const value = live[key];
      if (value !== undefined) pruned[key] = pruneToInputs(value, input, inQuantities || quantityKeys.has(key));
      else if (isZero(input)) pruned[key] = input;
    }
    return pruned;
  }
  if (inQuantities && quantity(live) !== undefined && quantity(live) === quantity(inputs)) return inputs;
  return live;
}
