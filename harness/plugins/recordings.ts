import recorded from "./recordings.json";
import { isObject, type Json, type Properties } from "./wire";

/** A resource as it stood in the state after the real plugin had made it. `{ "secret": … }` marks what the engine keeps encrypted. */
export interface Recording {
  readonly name: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** What the real plugins did, by the plugin's name. Kubernetes resources are without their status, and `__inputs` is their inputs. */
export function recordings(plugin: string): Recording[] {
  return (recorded as unknown as Recording[]).filter(({ type }) => type.startsWith(`${plugin}:`));
}

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Properties;
  readonly outputs?: Properties;
}

const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

function marked(value: Json): Json {
  if (Array.isArray(value)) return value.map(marked);
  if (!isObject(value)) return value;
  if (Object.values(value).includes(secretSignature)) {
    return { secret: marked(JSON.parse(typeof value["plaintext"] === "string" ? value["plaintext"] : "null") as Json) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, marked(item)]));
}

/** The resources of an exported state in the form of the recordings, by type and name. */
export function recordingsIn(exported: { deployment?: unknown }): Map<string, Recording> {
  const resources = (exported.deployment as { resources?: StateResource[] } | undefined)?.resources ?? [];
  return new Map(
    resources.map((resource) => {
      const name = resource.urn.split("::").at(-1) ?? "";
      const inputs = marked(resource.inputs ?? {}) as Properties;
      const outputs = marked(resource.outputs ?? {}) as Properties;
      return [`${resource.type} ${name}`, { name, type: resource.type, id: resource.id ?? "", inputs, outputs }];
    }),
  );
}

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** What is left of a text when that which chance, time and length decide is taken out. */
function shapeOf(text: string): string {
  const pemLabel = /^-----(BEGIN [A-Z0-9 ]+)-----/.exec(text);
  if (pemLabel) return `<PEM ${pemLabel[1] ?? ""}>`;
  return text
    .replace(uuid, "<uuid>")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>")
    .replace(/([0-9a-f]{2}:){15}[0-9a-f]{2}/, "<md5>")
    .replace(/SHA256:[A-Za-z0-9+/]{43}/, "<sha256>")
    .replace(/\b[0-9a-f]{40}\b/, "<sha1>")
    .replace(/^\d{30,}$/, "<serial>")
    .replace(/^10\.96\.\d+\.\d+$/, "<cluster address>")
    .replace(/([-_])[0-9a-f]{8}\b/, "$1<hex>");
}

/** Texts whose value is random throughout: only that they are texts counts. */
const random = new Set(["dec", "b64Url", "resourceVersion", "id"]);

/** Numbers that the API server chooses. */
const allotted = new Set(["nodePort", "healthCheckNodePort"]);

function textDiffers(recordedText: string, actual: Json | undefined, key: string): boolean {
  if (typeof actual !== "string") return true;
  const length = /^<string, (\d+) characters>$/.exec(recordedText);
  if (random.has(key) && !recordedText.includes("/") && !recordedText.includes("=")) {
    return !length && shapeOf(recordedText).startsWith("<") && shapeOf(recordedText) !== shapeOf(actual);
  }
  return length ? actual.length !== Number(length[1]) : shapeOf(recordedText) !== shapeOf(actual);
}

function scalarDiffers(expected: Json | undefined, actual: Json | undefined, key: string): boolean {
  if (allotted.has(key)) return typeof expected !== typeof actual;
  if (typeof expected !== "string") return JSON.stringify(expected) !== JSON.stringify(actual);
  if (expected.startsWith("<PEM")) return typeof actual !== "string" || shapeOf(actual) !== expected;
  return textDiffers(expected, actual, key);
}

/**
 * Where a resource differs from its recording, a line each: names, secretness, shapes of values; chance and time are let pass.
 * Empty when they agree.
 */
export function disagreements(expected: Json | undefined, actual: Json | undefined, path: string): string[] {
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return expected.flatMap((item, index) => disagreements(item, actual[index], `${path}[${index}]`));
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => {
      if (expected[key] === undefined) return [`${path}.${key}: not recorded, is ${JSON.stringify(actual[key])}`];
      if (actual[key] === undefined) return [`${path}.${key}: recorded, is missing`];
      return disagreements(expected[key], actual[key], `${path}.${key}`);
    });
  }
  const key = path.slice(path.lastIndexOf(".") + 1).replace(/\[\d+\]$/, "");
  if (!scalarDiffers(expected, actual, key)) return [];
  return [`${path}: recorded ${JSON.stringify(expected)}, is ${JSON.stringify(actual)}`];
}
