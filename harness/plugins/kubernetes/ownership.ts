import { isObject, textAt, valueAt, type Json, type Properties } from "../wire";

function keysOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    (match) => match[1]?.replaceAll('\\"', '"') ?? match[2] ?? "",
  );
}

function manages(entry: Json, path: readonly string[]): boolean {
  let fields = valueAt(entry, ["fieldsV1"]);
  for (const key of path) {
    fields = valueAt(fields, [`f:${key}`]);
    if (fields === undefined) return false;
  }
  return true;
}

function withValue(object: Properties, path: readonly string[], value: Json | undefined): Properties {
  const [key, ...rest] = path;
  if (key === undefined) return object;
  const { [key]: current, ...others } = object;
  if (rest.length === 0) return value === undefined ? others : { ...others, [key]: value };
  const inner = withValue(isObject(current) ? current : {}, rest, value);
  return value === undefined && current === undefined ? others : { ...others, [key]: inner };
}

/**
 * What an update sends for `ignoreChanges` paths, as the real plugin decides it: nothing where another manager alone owns the field,
 * else the value that is live, so that a shared or own field is neither dropped nor changed.
 */
export function withoutIgnored(
  inputs: Properties,
  live: Properties,
  of: { paths: readonly string[]; fieldManager: string },
): Properties {
  const entries = valueAt(live, ["metadata", "managedFields"]);
  const managers = Array.isArray(entries) ? entries : [];
  let sent = inputs;
  for (const text of of.paths) {
    const path = keysOf(text);
    const ours = managers.some((entry) => textAt(entry, "manager") === of.fieldManager && manages(entry, path));
    const theirs = managers.some((entry) => textAt(entry, "manager") !== of.fieldManager && manages(entry, path));
    if (theirs && !ours) sent = withValue(sent, path, undefined);
    else if (valueAt(live, path) !== undefined) sent = withValue(sent, path, valueAt(live, path));
  }
  return sent;
}
