import { UserError } from "./errors";
import { foldName, zoneNameProblem } from "./names";

/**
 * Reads parsed JSON a field at a time, where no zod is: in pods. Each function throws a UserError that names the path and
 * never shows the value, which may be a secret.
 */

/** The fields of an object. */
export function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UserError(`${path} must be a JSON object`);
  return { ...value };
}

/** The items of a list. */
export function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new UserError(`${path} must be a list`);
  return value;
}

/** A text, which may be empty. */
export function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new UserError(`${path} must be a text`);
  return value;
}

/** A domain name, folded. Names are no secrets: a wrong one is shown. */
export function zoneName(value: unknown, path: string): string {
  const name = foldName(text(value, path));
  const problem = zoneNameProblem(name);
  if (problem !== undefined) throw new UserError(`${path}: "${name}" ${problem}`);
  return name;
}
