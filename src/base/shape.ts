import * as z from "zod/mini";

import { UserError } from "./errors";
import { foldName, zoneNameProblem } from "./names";

/**
 * Shapes of JSON that our programs hand to one another, read with zod/mini, which is small enough for what runs in pods.
 * Messages are the ends of sentences whose beginning is the path, and never show a value, which may be a secret.
 */

/** What a schema reads. */
export type Shape<S extends z.core.$ZodType> = Frozen<z.output<S>>;
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/**
 * Reads parsed JSON; fields that the schema does not have are left out.
 *
 * @param at - What it is, for messages: fields follow with a dot, or apart from it where it ends with a colon. May be empty.
 * @throws UserError that names the first field that is wrong.
 */
export function readShape<S extends z.core.$ZodType>(schema: S, json: unknown, at: string): Shape<S> {
  const found = z.safeParse(schema, json);
  if (found.success) return found.data as Shape<S>;
  const { path, message } = firstOf(found.error.issues);
  const field = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  const isApart = at === "" || at.endsWith(":");
  const where = isApart && field !== "" ? `${at} ${field.replace(/^\./, "")}` : `${at}${field}`;
  throw new UserError((message.startsWith(":") ? `${where}${message}` : `${where} ${message}`).trimStart());
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Of alternatives, that counts which went furthest. */
function firstOf(issues: readonly z.core.$ZodIssue[]): Issue {
  const [issue] = issues;
  if (issue === undefined) throw new Error("refused without an issue");
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const nested = issue.errors.filter(({ length }) => length > 0).map(firstOf);
  const deepest = nested.reduce((a, b) => (b.path.length >= a.path.length ? b : a));
  return { path: [...issue.path, ...deepest.path], message: deepest.message };
}

/** An object with these fields. */
export function objectOf<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.object(shape, "must be a JSON object");
}

/** What is wrong where one of several objects was expected: it is none, or `message`. */
export function variantOf(message: string) {
  return {
    error: ({ input }: { readonly input?: unknown }): string =>
      typeof input === "object" && input !== null ? message : "must be a JSON object",
  };
}

/** A list. */
export function listOf<S extends z.core.SomeType>(item: S) {
  return z.array(item, "must be a list");
}

/** A text, which may be empty. */
export const plainText = z.string("must be a text");

/** A whole number from 1 on. */
export const countingNumber = z
  .int("must be a whole number of at least 1")
  .check(z.gte(1, "must be a whole number of at least 1"));

/** Yes or no. */
export const flag = z.boolean("must be true or false");

/** A text of which something may be wrong, as the end of a sentence. */
export function textWithout(problemOf: (text: string) => string | undefined) {
  return z.string("must be a text").check(problem(problemOf));
}

/** A check by a function that says what is wrong, as the end of a sentence. */
export function problem<T>(problemOf: (value: T) => string | undefined): z.core.$ZodCheck<T> {
  return z.check<T>((context) => {
    const message = problemOf(context.value);
    if (message !== undefined) context.issues.push({ code: "custom", input: undefined, message });
  });
}

/** A domain name, folded. Names are no secrets: a wrong one is shown. */
export const zoneName = z.string("must be a text").check(
  z.overwrite(foldName),
  problem((name: string) => {
    const wrong = zoneNameProblem(name);
    return wrong === undefined ? undefined : `: "${name}" ${wrong}`;
  }),
);
