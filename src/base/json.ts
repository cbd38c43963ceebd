import { createHash } from "node:crypto";

import { UserError } from "./errors";
import { compareText } from "./text";

/**
 * Parses JSON that may hold secrets: the parser's own message would show a piece of the text.
 *
 * @param what - What the text is, for the message.
 * @throws UserError that quotes nothing.
 */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`${what} is not JSON`);
  }
}

/** The fields of a parsed object; none of whatever is no object. */
export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** JSON in which the order of an object's fields does not show: equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => compareText(a, b)))
      : item,
  );
}

/** SHA-256 of the canonical JSON, in hexadecimal. */
export function canonicalHash(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** SHA-256, in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
