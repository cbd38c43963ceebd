import type { z } from "zod";
import { UserError } from "../base/errors";

/** Reads one setting of the stack as its text; structured settings are JSON. `pulumi.Config` is one. */
export interface Settings {
  get(key: string): string | undefined;
}

/** Settings that are lists or objects; Pulumi hands them over as JSON. */
const structured = new Set([
  ...["mesh", "vault", "rotation", "ca", "keys", "emptied"],
  ...["service", "clients", "readers", "updaters", "images", "resources", "listen", "rateLimit"],
  ...["apiServer", "monitoring", "records"],
]);

/**
 * One setting, parsed where it is structured; undefined when it is not set.
 *
 * @throws UserError when it should be structured and is not.
 */
export function readSetting(settings: Settings, key: string): unknown {
  const text = settings.get(key);
  if (text === undefined || !structured.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`dns-mesh:${key} must be a list or an object, got ${JSON.stringify(text)}`);
  }
}

/**
 * Settings by their schema.
 *
 * @throws UserError that names every setting at fault and its cure.
 */
export function checkSettings<T>(schema: z.ZodType<T>, input: unknown, stack: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `  dns-mesh:${pathText(issue.path)}: ${issue.message}`);
  throw new UserError(`stack "${stack}" has settings that cannot be used:\n${problems.join("\n")}`);
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : `${i === 0 ? "" : "."}${String(part)}`))
    .join("");
}
