import { UserError } from "../base/errors";
import { ipVersion } from "../dns/address";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An environment variable, and how its text is written and read. */
export interface Variable<T> {
  readonly name: string;
  /** What holds where the variable is not there; without it there must be one. */
  readonly missing?: T;
  /** The field of a pod that Kubernetes puts into the variable. */
  readonly field?: string;
  write(value: T): string;
  /** @throws UserError with what is wrong with the text, and what it must be. */
  readonly read: (text: string) => T;
}

/** An address and a port. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Variables by the option that each holds. */
type Variables = Readonly<Record<string, Variable<unknown>>>;
/** What variables hold. */
type ValuesOf<V> = { readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never };
/** The options of variables that have such a property. */
type WithOf<V, P extends "field" | "missing"> = {
  [K in keyof V]: V[K] extends Required<Pick<Variable<unknown>, P>> ? K : never;
}[keyof V];
/** Options of which some may be left out. */
type Leaving<Options, Out extends keyof Options> = Omit<Options, Out> & Partial<Pick<Options, Out>>;

/** The environment of a program: the text of each option is written and read in this one place. */
export interface EnvironmentOf<
  Options,
  Defaulted extends keyof Options = keyof Options,
  PodFields extends keyof Options = keyof Options,
> {
  /** @throws UserError that names the variable, for a value that could not be read again. */
  readonly toEnvironment: (options: Leaving<Options, Defaulted>) => Record<string, string>;
  /**
   * Variables that no option is for are left alone: a container of an older pod template may start a newer program.
   *
   * @throws UserError that names the variable, what is wrong with it and what it must be.
   */
  readonly fromEnvironment: (env: Environment) => Options;
  /** What {@link toEnvironment} writes, without what a pod says of itself. */
  readonly toVariables: (
    options: Leaving<Omit<Options, PodFields>, Exclude<Defaulted, PodFields>>,
  ) => Record<string, string>;
  /** Fields of the pod by the variable that Kubernetes puts each into. */
  readonly podFields: Readonly<Record<string, string>>;
}

/**
 * Declares an environment.
 *
 * @param always - Variables of options that are always there.
 * @param optional - Variables of options that may be left out.
 */
export function environmentOf<A extends Variables, O extends Variables>(
  always: A,
  optional: O,
): EnvironmentOf<ValuesOf<A> & Partial<ValuesOf<O>>, WithOf<A, "missing">, WithOf<A, "field">> {
  const all = Object.entries({ ...always, ...optional });
  const given = all.filter(([, { field }]) => field === undefined);
  const write = (variables: typeof all, options: object): Record<string, string> => {
    const values = new Map<string, unknown>(Object.entries(options));
    const texts = variables.map(([option, variable]) => [variable.name, textOf(variable, values.get(option))] as const);
    return Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
  };
  return {
    toEnvironment: (options) => write(all, options),
    toVariables: (options) => write(given, options),
    fromEnvironment: (env) => {
      const values = all.map(
        ([option, variable]) => [option, valueOf(variable, env[variable.name], option in always)] as const,
      );
      type Options = ValuesOf<A> & Partial<ValuesOf<O>>;
      return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Options;
    },
    podFields: Object.fromEntries(all.flatMap(([, { name, field }]) => (field === undefined ? [] : [[name, field]]))),
  };
}

/** Nothing for an option that is left out, or has the value that holds without the variable. */
function textOf<T>(variable: Variable<T>, value: T | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = variable.write(value);
  if (variable.missing !== undefined && text === variable.write(variable.missing)) return undefined;
  if (variable.write(read(variable, text)) !== text) throw new UserError(`${variable.name}: "${text}" is ambiguous`);
  return text;
}

function valueOf<T>(variable: Variable<T>, text: string | undefined, isNeeded: boolean): T | undefined {
  if (text !== undefined && (text !== "" || variable.missing !== undefined)) return read(variable, text);
  if (variable.missing !== undefined) return variable.missing;
  if (isNeeded) throw new UserError(`${variable.name} is not set`);
  return undefined;
}

function read<T>({ name, read: parse }: Variable<T>, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A variable that may be left out. */
type Defaulted<T> = Variable<T> & { readonly missing: T };

/** Any text but an empty one. */
export function text(name: string): Variable<string> {
  const parse = (value: string): string => {
    if (value === "") throw new UserError("must not be empty");
    return value;
  };
  return { name, write: (value) => value, read: parse };
}

/** A field of the pod, as Kubernetes names it, for example `metadata.name`. */
export function podField(name: string, field: string): Variable<string> & { readonly field: string } {
  return { ...text(name), field };
}

/** Texts without commas, which stand between them; none when the variable is missing. */
export function list(name: string): Defaulted<readonly string[]> {
  const write = (items: readonly string[]): string => {
    if (items.some((item) => item === "" || item.includes(",")))
      throw new UserError(`${name}: an item is empty or has a comma`);
    return items.join(",");
  };
  return { name, missing: [], write, read: (value) => value.split(",").filter((item) => item !== "") };
}

/** An address and a port in Knot's form, `127.0.0.1@5353` or `::1@5353`. */
export function socket(name: string): Variable<SocketAddress> {
  return { name, write: ({ address, port }) => `${address}@${port}`, read: readSocket };
}

function readSocket(value: string): SocketAddress {
  const [address = "", port, ...rest] = value.split("@");
  if (ipVersion(address) === undefined || port === undefined || rest.length > 0)
    throw new UserError(`"${value}" must have the form ADDRESS@PORT, for example 127.0.0.1@5353`);
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) throw new UserError(`"${port}" is not a port`);
  return { address, port: Number(port) };
}

/** Sockets as {@link socket} writes each, in Knot's form and separated by commas; at least one. */
export function sockets(name: string): Variable<readonly string[]> {
  const parse = (value: string): readonly string[] => {
    const items = value.split(",");
    items.forEach(readSocket);
    return items;
  };
  return { name, write: (items) => items.join(","), read: parse };
}

/** Seconds, whole or with a fraction of up to three digits. */
export function seconds(
  name: string,
  { missing, least = 0.001, most }: { readonly missing: number; readonly least?: number; readonly most: number },
): Defaulted<number> {
  const parse = (value: string): number => {
    const number = Number(value);
    if (!/^\d+(\.\d{1,3})?$/.test(value) || number < least || number > most)
      throw new UserError(`"${value}" is not a number of seconds from ${least} to ${most}`);
    return number;
  };
  return { name, missing, write: String, read: parse };
}

/** A whole number from 1 on. */
export function wholeNumber(
  name: string,
  { missing, most }: { readonly missing: number; readonly most: number },
): Defaulted<number> {
  const parse = (value: string): number => {
    if (!/^[1-9]\d{0,8}$/.test(value) || Number(value) > most)
      throw new UserError(`"${value}" is not a whole number from 1 to ${most}`);
    return Number(value);
  };
  return { name, missing, write: String, read: parse };
}

/** A time in milliseconds, which stands in the variable as {@link seconds}. */
export function milliseconds(
  name: string,
  range: { readonly missing: number; readonly most: number },
): Defaulted<number> {
  const inSeconds = seconds(name, range);
  return {
    name,
    missing: range.missing * 1000,
    write: (value) => inSeconds.write(value / 1000),
    read: (value) => Math.round(inSeconds.read(value) * 1000),
  };
}
