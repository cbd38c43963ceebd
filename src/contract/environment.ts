import { UserError } from "../base/errors";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that must be there. */
export function required(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new UserError(`${name} is not set`);
  return value;
}

/** A list separated by commas; none when the variable is missing. */
export function list(env: Environment, name: string): readonly string[] {
  return (env[name] ?? "").split(",").filter((item) => item !== "");
}

/** A port number. */
export function port(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) throw new UserError(`${name}: "${text}" is not a port`);
  return value;
}

/** Which seconds a variable may have. */
interface SecondsRange {
  /** When the variable is not there. */
  readonly missing: number;
  readonly least?: number;
  readonly most: number;
}

/** Seconds, whole or with a fraction. */
export function seconds(env: Environment, name: string, { missing, least = 0.001, most }: SecondsRange): number {
  const text = env[name] ?? String(missing);
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most)
    throw new UserError(`${name}: "${text}" is not a number of seconds from ${least} to ${most}`);
  return value;
}

/** An address and a port in Knot's form, `127.0.0.1@5353`. */
export function socket(env: Environment, name: string): { readonly address: string; readonly port: number } {
  return socketOf(required(env, name), name);
}

/** Reads an address and a port; `name` is the variable that has them. */
export function socketOf(text: string, name: string): { readonly address: string; readonly port: number } {
  const [address = "", number = ""] = text.split("@");
  if (address === "") throw new UserError(`${name} must have the form ADDRESS@PORT`);
  return { address, port: port(number, name) };
}
