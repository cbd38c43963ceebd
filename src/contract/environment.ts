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

/** Seconds, above 0 and no more than `most`; `missing` when the variable is not there. */
export function seconds(
  env: Environment,
  name: string,
  o: { readonly missing: number; readonly most: number },
): number {
  const text = env[name] ?? String(o.missing);
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > o.most)
    throw new UserError(`${name}: "${text}" must be seconds, more than 0 and at most ${o.most}`);
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

/** A number of seconds; 0 when the variable is missing. */
export function seconds(env: Environment, name: string): number {
  const text = env[name] ?? "0";
  if (!/^\d{1,6}$/.test(text)) throw new UserError(`${name}: "${text}" is not a number of seconds`);
  return Number(text);
}
