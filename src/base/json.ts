import { UserError } from "./errors";

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
