import type { z } from "zod";

import { UserError } from "../base/errors";
import { parseJson } from "../base/json";

/** Reads one setting of the stack as its text; structured settings are JSON. `pulumi.Config` is one. */
export interface Settings {
  get(key: string): string | undefined;
}

/** Settings by name, each with its schema. */
export type SettingsShape = Readonly<Record<string, z.core.$ZodType>>;

/**
 * The settings that are set, those that are lists or objects parsed: Pulumi hands these over as JSON.
 *
 * @throws UserError for one that should be a list or an object and is not. It does not show the text, which may hold a secret.
 */
export function readSettings(settings: Settings, shape: SettingsShape): Readonly<Record<string, unknown>> {
  const found = Object.entries(shape).flatMap(([key, schema]) => {
    const text = settings.get(key);
    if (text === undefined) return [];
    return [[key, isStructured(schema) ? parseSetting(key, text) : text] as const];
  });
  return Object.fromEntries(found);
}

function parseSetting(key: string, text: string): unknown {
  try {
    return parseJson(text, `dns-mesh:${key}`);
  } catch (error) {
    throw new UserError(`dns-mesh:${key} must be a list or an object`, { cause: error });
  }
}

/** Whether a setting is more than a text, a number or a switch, which Pulumi hands over as they are written. */
export function isStructured(schema: z.core.$ZodType): boolean {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
    case "array":
    case "record":
    case "union":
      return true;
    case "pipe":
      return isStructured(def.in);
    case "optional":
    case "default":
    case "prefault":
      return isStructured(def.innerType);
    default:
      return false;
  }
}

/** Of a setting that may be `false` or an object, such as `records`: what is wrong within the object that somebody wrote. */
function withinObject(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union" || issue.path.length > 1) return [issue];
  const within = issue.errors.find((errors) => errors.length > 0 && errors.every(({ path }) => path.length > 0));
  return within?.map((each) => ({ ...each, path: [...issue.path, ...each.path] })) ?? [issue];
}

/**
 * Settings by their schema.
 *
 * @throws UserError that names every setting at fault and its cure.
 */
export function checkSettings<T>(schema: z.ZodType<T>, input: unknown, stack: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap(withinObject)
    .map((issue) => `  dns-mesh:${pathText(issue.path)}: ${issue.message}`);
  throw new UserError(`stack "${stack}" has settings that cannot be used:\n${problems.join("\n")}`);
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : `${i === 0 ? "" : "."}${String(part)}`))
    .join("");
}
