/** What travels between the engine and a plugin: JSON, with objects of known signatures for secrets and a sentinel for unknowns. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The properties of a resource, in their wire form. */
export type Properties = Record<string, Json>;

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What the engine sends instead of a value that a preview cannot know yet. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const unknownSentinels = new Set([
  unknown,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** True for a JSON object, and only for that. */
export function isObject(value: Json | undefined): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a value that is marked secret as a whole. */
export function isSecretValue(value: Json | undefined): boolean {
  return isObject(value) && value[signatureKey] === secretSignature;
}

/** Marks a value secret; a value that is one already is left as it is. */
export function secret(value: Json): Json {
  return isSecretValue(value) ? value : { [signatureKey]: secretSignature, value };
}

/** The value without any secret mark, at whatever depth. */
export function plain(value: Json | undefined): Json {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  if (isSecretValue(value)) return plain(value["value"]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** The properties without any secret mark. */
export function plainProperties(value: Json | undefined): Properties {
  const bare = plain(value);
  return isObject(bare) ? bare : {};
}

/** True for the sentinel of a value that is not known yet. */
export function isUnknown(value: Json | undefined): boolean {
  return typeof value === "string" && unknownSentinels.has(value);
}

/** True when anything in the value is not known yet. */
export function hasUnknown(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (isObject(value)) return Object.values(value).some(hasUnknown);
  return isUnknown(value);
}

/** True when anything in the value is secret. */
export function hasSecret(value: Json | undefined): boolean {
  if (isSecretValue(value)) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isObject(value) && Object.values(value).some(hasSecret);
}

/**
 * The outputs with the secret marks of the inputs of the same name. Objects are followed; where the input is an array or a scalar
 * that holds a secret, the whole output of that name becomes one.
 */
export function withSecretsOf(outputs: Properties, inputs: Properties): Properties {
  const marked: Properties = { ...outputs };
  for (const [key, input] of Object.entries(inputs)) {
    const output = marked[key];
    if (output === undefined || isSecretValue(output)) continue;
    if (isObject(output) && isObject(input) && !isSecretValue(input)) marked[key] = withSecretsOf(output, input);
    else if (hasSecret(input)) marked[key] = secret(output);
  }
  return marked;
}

/** Equality by content; an absent key equals `undefined`, never `null`. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
  if (!isObject(left) || !isObject(right)) return false;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => sameJson(left[key], right[key]));
}

/** The properties without those of some names. */
export function without(properties: Properties, ...names: string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !names.includes(key)));
}

/** The text at a path of keys, or undefined when there is something else. */
export function textAt(value: Json | undefined, ...path: string[]): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
}

/** The value at a path of keys, or undefined. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let current = value;
  for (const key of path) current = isObject(current) ? current[key] : undefined;
  return current;
}
