import type { z } from "zod";

import type { SettingsShape } from "../../src/settings/reading";

/**
 * Every setting of a stack by its path, such as `service.split` or `mesh.sites[].zones[].dnssec.nsec3`, as the schemas have
 * them. A setting that may be an object or something else is there for itself as well.
 */
export function settingPaths(shape: SettingsShape): readonly string[] {
  return [...new Set(Object.entries(shape).flatMap(([name, schema]) => pathsOf(name, schema)))];
}

function pathsOf(path: string, schema: z.core.$ZodType): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return Object.entries(def.shape).flatMap(([name, field]) => pathsOf(`${path}.${name}`, field));
    case "array":
      return isPlain(def.element) ? [path] : [path, ...pathsOf(`${path}[]`, def.element)];
    case "union":
      return def.options.flatMap((option) => pathsOf(path, option));
    case "pipe":
      return pathsOf(path, def.in);
    case "optional":
    case "default":
    case "prefault":
      return pathsOf(path, def.innerType);
    default:
      return [path];
  }
}

function isPlain(schema: z.core.$ZodType): boolean {
  return pathsOf("", schema).every((path) => path === "");
}

/** Whether a row that names `covered` is about a setting: it names it, or with `.*` at its end all that is within. */
export function covers(covered: string, setting: string): boolean {
  const within = covered.endsWith(".*") ? covered.slice(0, -2) : undefined;
  if (within === undefined) return covered === setting;
  return setting === within || setting.startsWith(`${within}.`) || setting.startsWith(`${within}[]`);
}
