import { UserError } from "../../base/errors";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../address";
import { malformed } from "../errors";
import { quoted } from "../tokens";
import { WireReader, type WireWriter } from "../wire";

/** One SvcParam (RFC 9460 section 14.3.2). A key without a form of its own is `key667`, its value the octets. */
export type ServiceParameter =
  | { readonly key: "mandatory"; readonly keys: readonly string[] }
  /** Protocol ids, one character per octet (latin-1). */
  | { readonly key: "alpn"; readonly ids: readonly string[] }
  | { readonly key: "no-default-alpn" | "ohttp" }
  | { readonly key: "port"; readonly port: number }
  | { readonly key: "ipv4hint" | "ipv6hint"; readonly addresses: readonly string[] }
  /** A URI template in UTF-8 (RFC 9461 section 5), one character per octet. */
  | { readonly key: "dohpath"; readonly path: string }
  | { readonly key: "ech" | `key${number}`; readonly value: Uint8Array };

/**
 * Keys and their numbers: IANA, DNS SVCB Service Parameter Keys (https://www.iana.org/assignments/dns-svcb, as of June
 * 2026), the private ones left out. Those without a form here are read and written as `key9`.
 */
const keyNames = [
  ...["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"],
  ...["dohpath", "ohttp", "tls-supported-groups", "docpath", "pvd", "oots"],
];

/** How a parameter goes to the wire and back, and to text and back. `value` is what stands behind the `=`. */
interface ParameterForm<P> {
  decode(reader: WireReader): P;
  encode(writer: WireWriter, parameter: P): void;
  /** @throws UserError, DnsError `malformed` */
  parse(value: string | undefined): P;
  /** With the key. */
  format(parameter: P): string;
}

/** The parameter that has this key among its own. */
type Parameter<K, P = ServiceParameter> = P extends { readonly key: infer U } ? (K extends U ? P : never) : never;

function flag<K extends "no-default-alpn" | "ohttp">(key: K): ParameterForm<{ readonly key: K }> {
  return {
    decode: () => ({ key }),
    encode: () => undefined,
    parse: (value) => {
      if (value !== undefined) throw new UserError(`the parameter ${key} has no value; take it away`);
      return { key };
    },
    format: () => writtenKey(key),
  };
}

interface AddressForm {
  readonly length: number;
  readonly parse: (text: string) => Uint8Array;
  readonly format: (octets: Uint8Array) => string;
}

function hint(key: "ipv4hint" | "ipv6hint", form: AddressForm): ParameterForm<Parameter<"ipv4hint">> {
  return {
    decode: (reader) => ({ key, addresses: many(reader, () => form.format(reader.take(form.length))) }),
    encode: (writer, { addresses }) => {
      for (const address of addresses) writer.bytes(form.parse(address));
    },
    parse: (value) => {
      const addresses = given(key, value).split(",");
      return { key, addresses: addresses.map((each) => form.format(form.parse(each))) };
    },
    format: ({ addresses }) => `${key}=${addresses.join(",")}`,
  };
}

const mandatory: ParameterForm<Parameter<"mandatory">> = {
  decode: (reader) => ({ key: "mandatory", keys: many(reader, () => keyName(reader.u16())) }),
  encode: (writer, { keys }) => {
    for (const key of keys) writer.u16(keyNumber(key));
  },
  parse: (value) => {
    const numbers = given("mandatory", value).split(",").map(keyNumber);
    return { key: "mandatory", keys: numbers.toSorted((a, b) => a - b).map(keyName) };
  },
  format: ({ keys }) => `mandatory=${keys.map(writtenKey).join(",")}`,
};

const alpn: ParameterForm<Parameter<"alpn">> = {
  decode: (reader) => ({ key: "alpn", ids: many(reader, () => reader.characterString()) }),
  encode: (writer, { ids }) => {
    for (const id of ids) writer.characterString(id);
  },
  parse: (value) => ({ key: "alpn", ids: listItems(given("alpn", value)) }),
  format: ({ ids }) => `alpn=${quoted(ids.map((id) => id.replace(/[,\\]/g, "\\$&")).join(","))}`,
};

const port: ParameterForm<Parameter<"port">> = {
  decode: (reader) => ({ key: "port", port: reader.u16() }),
  encode: (writer, parameter) => {
    writer.u16(parameter.port);
  },
  parse: (value) => {
    const text = given("port", value);
    if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff)
      throw new UserError(`the parameter port must be a number from 0 to 65535, got "${text}"`);
    return { key: "port", port: Number(text) };
  },
  format: (parameter) => `port=${parameter.port}`,
};

const ech: ParameterForm<Parameter<"ech">> = {
  decode: (reader) => ({ key: "ech", value: rest(reader) }),
  encode: (writer, { value }) => {
    writer.bytes(value);
  },
  parse: (value = "") => {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value))
      throw new UserError("the parameter ech must be base64");
    return { key: "ech", value: new Uint8Array(Buffer.from(value, "base64")) };
  },
  format: ({ value }) => `ech="${Buffer.from(value).toString("base64")}"`,
};

/** RFC 9461 section 5: a relative URI template that has the variable `dns`. Other programs refuse one without it. */
const dohpath: ParameterForm<Parameter<"dohpath">> = {
  decode: (reader) => ({ key: "dohpath", path: checkedPath(Buffer.from(rest(reader)).toString("latin1")) }),
  encode: (writer, { path }) => {
    writer.latin1(checkedPath(path));
  },
  parse: (value) => {
    const path = given("dohpath", value);
    if (!isDohPath(path))
      throw new UserError(
        `the parameter dohpath must be a path with the variable dns, for example dohpath=/dns-query{?dns}, got "${path}"`,
      );
    return { key: "dohpath", path };
  },
  format: ({ path }) => `dohpath=${quoted(path)}`,
};

function isDohPath(path: string): boolean {
  return path.startsWith("/") && /\{[^{}]*\bdns\b[^{}]*\}/.test(path);
}

function checkedPath(path: string): string {
  return isDohPath(path) ? path : malformed("a dohpath without the variable dns");
}

const forms = new Map<string, ParameterForm<ServiceParameter>>([
  ["mandatory", mandatory],
  ["alpn", alpn],
  ["no-default-alpn", flag("no-default-alpn")],
  ["port", port],
  ["ipv4hint", hint("ipv4hint", { length: 4, parse: parseIpv4, format: formatIpv4 })],
  ["ech", ech],
  ["ipv6hint", hint("ipv6hint", { length: 16, parse: parseIpv6, format: formatIpv6 })],
  ["dohpath", dohpath],
  ["ohttp", flag("ohttp")],
]);

function formOf(number: number): ParameterForm<ServiceParameter> {
  return forms.get(keyNames[number] ?? "") ?? generic(number);
}

function generic(number: number): ParameterForm<Parameter<`key${number}`>> {
  const key = `key${number}` as const;
  return {
    decode: (reader) => ({ key, value: rest(reader) }),
    encode: (writer, { value }) => {
      writer.bytes(value);
    },
    parse: (value = "") => ({ key, value: new Uint8Array(Buffer.from(value, "latin1")) }),
    format: ({ value }) => (value.length === 0 ? key : `${key}=${quoted(Buffer.from(value).toString("latin1"))}`),
  };
}

/** What a key is called: its name where its value has a form, `key9` otherwise, which every server reads. */
function keyName(number: number): string {
  const name = keyNames[number];
  return name !== undefined && forms.has(name) ? name : `key${number}`;
}

/** A key as it is written: BIND (9.18) does not know that name, and every server reads the number. */
function writtenKey(key: string): string {
  return key === "ohttp" ? "key8" : key;
}

/** The number of a SvcParam's key, also one written as `key7` (RFC 9460 section 2.1). @throws DnsError `malformed` */
export function keyNumber(name: string): number {
  const known = keyNames.indexOf(name);
  if (known !== -1) return known;
  const number = /^key(0|[1-9]\d{0,4})$/.exec(name)?.[1];
  if (number === undefined || Number(number) > 0xffff) malformed(`an unknown SvcParam key ${JSON.stringify(name)}`);
  return Number(number);
}

/** A parameter from its value on the wire. @throws DnsError `malformed` */
export function decodeParameter(number: number, value: Uint8Array): ServiceParameter {
  const reader = new WireReader(value);
  const parameter = formOf(number).decode(reader);
  if (reader.offset !== reader.length) malformed(`the value of ${parameter.key} with a wrong length`);
  return parameter;
}

/** A parameter's value for the wire. @throws DnsError `malformed` */
export function encodeParameter(writer: WireWriter, parameter: ServiceParameter): void {
  formOf(keyNumber(parameter.key)).encode(writer, parameter);
}

/**
 * A parameter as people write it; a known key may also be written as `key3`, its value is octets then.
 *
 * @param value - What stands behind the `=`, one character per octet.
 * @throws UserError, DnsError `malformed`
 */
export function parseParameter(key: string, value: string | undefined): ServiceParameter {
  const number = keyNumber(key);
  if (key !== keyNames[number] && forms.has(keyNames[number] ?? ""))
    return decodeParameter(number, Buffer.from(value ?? "", "latin1"));
  if (key === keyNames[number] && !forms.has(key))
    throw new UserError(`the parameter ${key} can only be read as octets: key${number}="…"`);
  return formOf(number).parse(value);
}

/** A parameter as master files have it, `port=53`. */
export function formatParameter(parameter: ServiceParameter): string {
  return formOf(keyNumber(parameter.key)).format(parameter);
}

function given(key: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new UserError(`the parameter ${key} needs a value: ${key}=…`);
  return value;
}

function rest(reader: WireReader): Uint8Array {
  return new Uint8Array(reader.take(reader.length - reader.offset));
}

function many<T>(reader: WireReader, read: () => T): T[] {
  const items: T[] = [];
  do items.push(read());
  while (reader.offset < reader.length);
  return items;
}

/** Items parted by commas; `\,` and `\\` are a comma and a backslash inside one (RFC 9460 appendix A.1). */
function listItems(text: string): string[] {
  const items = [""];
  for (const [part] of text.matchAll(/\\[^]|[^]/g)) {
    if (part === ",") items.push("");
    else items.push((items.pop() ?? "") + (part.length === 2 ? part.slice(1) : part));
  }
  return items;
}
