import { parseArgs } from "node:util";

import { messageOf, UserError } from "../../src/base/errors";
import { table } from "../../src/base/table";

/** One `--option`: what it is when it is not given, and how its text is read. */
export interface Option<T> {
  readonly byDefault: T;
  /** Ends the sentence "--sites must be …". */
  readonly wanted: string;
  /** Returns nothing for a text that will not do. */
  readonly read: (text: string) => T | undefined;
  /** Takes no text: it is given or not. */
  readonly isFlag?: true;
}

/** The options of a bench by name. Every bench has `--json` and `--help` besides. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** What was given, or the defaults. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never;
};

/** A whole number from `least` (1) to `most` (4,294,967,295). */
export function wholeNumber(byDefault: number, bounds: { least?: number; most?: number } = {}): Option<number> {
  const { least = 1, most = 0xffffffff } = bounds;
  const read = (text: string): number | undefined => {
    const value = Number(text);
    return /^\d{1,10}$/.test(text) && value >= least && value <= most ? value : undefined;
  };
  return { byDefault, read, wanted: `a whole number from ${least} to ${most}` };
}

/** Whole numbers with commas in between, such as `10,100,1000`; with `orNone` also the word `none`. */
export function wholeNumbers(
  byDefault: readonly number[],
  bounds: { least?: number; most?: number; orNone?: true } = {},
): Option<readonly number[]> {
  const one = wholeNumber(0, bounds);
  const read = (text: string): readonly number[] | undefined => {
    if (bounds.orNone && text === "none") return [];
    const values = text.split(",").map((part) => one.read(part));
    return values.includes(undefined) ? undefined : (values as number[]);
  };
  const wanted = `numbers with commas in between, each ${one.wanted}`;
  return { byDefault, read, wanted: bounds.orNone ? `${wanted}, or none` : wanted };
}

/** One of some words, the first of which is the default. */
export function oneOf<const Word extends string>(...words: readonly [Word, ...Word[]]): Option<Word> {
  return { byDefault: words[0], read: (text) => words.find((word) => word === text), wanted: words.join(" or ") };
}

/** Some of several words, with commas in between; none by default. */
export function someOf<const Word extends string>(...words: readonly Word[]): Option<readonly Word[]> {
  const read = (text: string): readonly Word[] | undefined => {
    const found = text.split(",").map((part) => words.find((word) => word === part));
    return found.includes(undefined) ? undefined : (found as Word[]);
  };
  return { byDefault: [], read, wanted: `some of ${words.join(", ")}, with commas in between` };
}

/** A file's name; undefined when none is given. */
export function fileName(): Option<string | undefined> {
  return { byDefault: undefined, read: (text) => (text === "" ? undefined : text), wanted: "the name of a file" };
}

/** Given or not. */
export function flag(): Option<boolean> {
  return { byDefault: false, read: () => true, wanted: "nothing", isFlag: true };
}

/** A command line in which the words that follow one option are its own, as with commas in between. */
export function wordsTogether(args: readonly string[], option: string): readonly string[] {
  const at = args.indexOf(`--${option}`);
  if (at === -1) return args;
  const next = args.findIndex((word, i) => i > at && word.startsWith("--"));
  const end = next === -1 ? args.length : next;
  return [...args.slice(0, at + 1), args.slice(at + 1, end).join(","), ...args.slice(end)];
}

/**
 * Reads a command line.
 *
 * @throws UserError that names the option, what was given and what is wanted.
 */
export function readOptions<O extends Options>(options: O, args: readonly string[]): Values<O> & { json: boolean } {
  const given = parse(options, args);
  const values = Object.entries(options).map(([name, option]) => {
    const text = given[name];
    if (text === true) return [name, true] as const;
    if (typeof text !== "string") return [name, option.byDefault] as const;
    const value = option.read(text);
    if (value === undefined) throw new UserError(`--${name} must be ${option.wanted}, got "${text}"`);
    return [name, value] as const;
  });
  return { ...(Object.fromEntries(values) as Values<O>), json: given["json"] === true };
}

/** What `--help` prints: what is measured and how long that takes, then each option with what it takes and its default. */
export function helpText(options: Options, about: string): string {
  const rows = Object.entries(options).map(([name, { wanted, byDefault }]) => [`--${name}`, wanted, shown(byDefault)]);
  const all = [...rows, ["--json", "prints one JSON object on the last line", ""]];
  return `${about}\n\n${table([["option", "takes", "default"], ...all])}`;
}

function shown(byDefault: unknown): string {
  if (Array.isArray(byDefault)) return byDefault.join(",");
  return typeof byDefault === "string" || typeof byDefault === "number" ? String(byDefault) : "";
}

function parse(options: Options, args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const known = Object.fromEntries(
    Object.entries(options).map(([name, { isFlag }]) => [
      name,
      { type: isFlag ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options: { ...known, json: { type: "boolean" } } }).values;
  } catch (error) {
    const names = [...Object.keys(options).map((name) => `--${name}`), "--json"].join(", ");
    throw new UserError(`${messageOf(error).replace(/\.? To specify .*$/s, "")}; options are ${names}`, {
      cause: error,
    });
  }
}
