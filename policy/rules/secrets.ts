import { containersOf, isKind, keysAt, kindOf, knownTextAt, objectName, podSpecOf, textAt } from "./reading";
import type { Finding, Planned, ResourceRule, StackRule } from "./rule";

/** A text that anybody may read who may read the object. */
interface Open {
  /** Such as `data["knot.conf"]`. */
  readonly place: string;
  readonly text: string;
}

/** What a secret looks like. Each needs the secret itself: names of keys and code that reads them are no secrets. */
const looks: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40,}/],
  ["a TSIG key", /^\s*-?\s*secret:\s*["']?[A-Za-z0-9+/]{22,}={0,2}["']?\s*$/m],
  ["a TSIG key", /"secret"\s*:\s*"[A-Za-z0-9+/]{22,}={0,2}"/],
  ["a secret in JSON", /"(?:password|token|secretId)"\s*:\s*"(?!\/(?:etc|run|var)\/)[^"\s]{16,}"/],
  ["a token of Vault", /\bhvs\.[A-Za-z0-9_-]{24,}/],
  ["a key of AWS", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
];

function textsAt(resource: Planned, path: readonly string[], label: string): readonly Open[] {
  return keysAt(resource.props, ...path).map((key) => ({
    place: `${label}["${key}"]`,
    text: knownTextAt(resource.props, ...path, key),
  }));
}

/** What is kept openly: ConfigMaps, annotations, and the environment of pods as far as it has values. */
function openTexts(resource: Planned): readonly Open[] {
  if (kindOf(resource) === undefined) return [];
  const configMap = isKind(resource, "ConfigMap")
    ? [
        ...textsAt(resource, ["data"], "data"),
        ...textsAt(resource, ["binaryData"], "binaryData").map((each) => ({ ...each, text: decoded(each.text) })),
      ]
    : [];
  const environment = containersOf(podSpecOf(resource)).flatMap(({ place, spec }) =>
    keysAt(spec, "env").map((i) => ({
      place: `${place}: env ${textAt(spec, "env", i, "name")}`,
      text: knownTextAt(spec, "env", i, "value"),
    })),
  );
  return [...configMap, ...textsAt(resource, ["metadata", "annotations"], "annotations"), ...environment];
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}

/** No message of this rule quotes anything of the text. */
export const secretsHidden: ResourceRule = {
  name: "secrets-hidden",
  description: "What looks like a secret stands in a Secret, not in a ConfigMap, an annotation or a pod's environment.",
  about: "resource",
  check: (resource) =>
    openTexts(resource).flatMap(({ place, text }) =>
      looks
        .filter(([, pattern]) => pattern.test(text))
        .map(([what]) => `${objectName(resource)}: ${place} has what looks like ${what}: put it into a Secret`),
    ),
};

/** Shorter ones stand anywhere by chance. */
const shortest = 16;

/** Fields of JSON in Secrets that are secret; the others, such as algorithms and names, may be said openly. */
const secretFields: ReadonlySet<string> = new Set(["secret", "password", "token", "privateKey", "secretId", "key"]);

/** The secrets in the value of a Secret: itself, unless it is a certificate or a document, and the secret fields of a document. */
function secretsIn(value: string): readonly string[] {
  const text = value.trim();
  if (/BEGIN CERTIFICATE/.test(text) && !/PRIVATE KEY/.test(text)) return [];
  if (!/^[[{]/.test(text)) return [text];
  try {
    const found: string[] = [];
    JSON.parse(text, (key, item: unknown) => {
      if (secretFields.has(key) && typeof item === "string") found.push(item);
      return item;
    });
    return found;
  } catch {
    return [text];
  }
}

function heldIn(resource: Planned): readonly string[] {
  const { props, type } = resource;
  if (isKind(resource, "Secret"))
    return [
      ...keysAt(props, "data").map((key) => [key, decoded(knownTextAt(props, "data", key))] as const),
      ...keysAt(props, "stringData").map((key) => [key, knownTextAt(props, "stringData", key)] as const),
    ].flatMap(([key, value]) => (/\.crt$/.test(key) ? [] : secretsIn(value)));
  if (type.startsWith("random:")) return [knownTextAt(props, "result")];
  return type.startsWith("tls:") ? [knownTextAt(props, "privateKeyPem").trim()] : [];
}

/** The same by what is secret in this stack, whatever it looks like. */
export const secretsApart: StackRule = {
  name: "secrets-apart",
  description:
    "Nothing that a Secret of the stack holds stands in a ConfigMap, an annotation or a pod's environment too.",
  about: "stack",
  check: (resources) => {
    const secrets = new Set(
      resources.flatMap(heldIn).flatMap((each) => (each.length < shortest ? [] : [each, encoded(each)])),
    );
    return resources.flatMap((resource) =>
      openTexts(resource)
        .filter(({ text }) => text.length >= shortest && [...secrets].some((secret) => text.includes(secret)))
        .map(({ place }): Finding => ({
          urn: resource.urn,
          message: `${objectName(resource)}: ${place} has what a Secret of this stack holds: mount the Secret instead`,
        })),
    );
  },
};

function encoded(text: string): string {
  return Buffer.from(text).toString("base64").replace(/=+$/, "");
}
