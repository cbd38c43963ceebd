import { round } from "../support/statistics";
import type { Job } from "./jobs";

/** What tells the entries of a list apart, in the order in which they make up its name. */
const keys = ["kind", "site", "pod", "sites", "topology", "tripMs", "lossPercent"];

/** The figures of one run, by name: `record.p50Ms`, or `rows[100].ratio` in a list. */
export type Values = ReadonlyMap<string, number>;

/** The numbers in what a bench printed, and the quotients of them that the job wants. Texts, and lists of anything but objects, are left out. */
export function valuesOf(result: unknown, quotients: Job["quotients"] = {}): Values {
  const values = new Map<string, number>();
  collect(result, { at: "", into: values });
  for (const [name, [dividend, divisor]] of Object.entries(quotients)) {
    const [above, below] = [values.get(dividend), values.get(divisor)];
    if (above !== undefined && below !== undefined && below !== 0) values.set(name, round(above / below, 2));
  }
  return values;
}

function collect(value: unknown, { at, into }: { readonly at: string; readonly into: Map<string, number> }): void {
  if (typeof value === "number" && Number.isFinite(value)) into.set(at, value);
  else if (Array.isArray(value))
    value.forEach((entry: unknown) => {
      const key = keyOf(entry);
      if (key !== undefined) collect(withoutKeys(entry as object), { at: `${at}[${key}]`, into });
    });
  else if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value)) collect(inner, { at: at === "" ? name : `${at}.${name}`, into });
}

function keyOf(entry: unknown): string | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const found = keys.flatMap((key) => {
    const value = (entry as Readonly<Record<string, unknown>>)[key];
    return typeof value === "string" || typeof value === "number" ? [String(value)] : [];
  });
  return found.length === 0 ? undefined : found.join(" ");
}

function withoutKeys(entry: object): object {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !keys.includes(name)));
}

/** A figure's name without what depends on the size of a run: the entries' names. */
export function shapeOf(figure: string): string {
  return figure.replaceAll(/\[[^\]]*\]/g, "[]");
}

/**
 * What is wrong with a run in the smallest form that stands for some jobs: figures of theirs that something has a place for, and
 * that it does not print. Undefined when nothing is.
 */
export function missingFigures(
  named: readonly { readonly job: string; readonly figure: string }[],
  of: readonly { readonly name: string; readonly quotients?: Job["quotients"] }[],
  result: unknown,
): string | undefined {
  const missing = of.flatMap(({ name, quotients }) => {
    const found = new Set([...valuesOf(result, quotients).keys()].map(shapeOf));
    const wanted = named.filter(({ job }) => job === name).map(({ figure }) => shapeOf(figure));
    return wanted.filter((figure) => !found.has(figure));
  });
  return missing.length === 0 ? undefined : `it does not print ${[...new Set(missing)].join(", ")}`;
}
