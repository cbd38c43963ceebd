import { malformed } from "../errors";
import { asUserError, type Fields } from "../fields";
import { unescapeToken as tokenOctets } from "../tokens";
import type { WireReader, WireWriter } from "../wire";
import { type Form, name, u16 } from "./parts";
import {
  decodeParameter,
  encodeParameter,
  formatParameter,
  keyNumber,
  parseParameter,
  type ServiceParameter,
} from "./service-parameters";
import { carried, decodeOctets, encodeOctets, type TypeForm } from "./type-form";

export type { ServiceParameter } from "./service-parameters";

/** RDATA of SVCB and HTTPS (RFC 9460 section 2.2). Priority 0 is the alias mode; the target "" means the owner then. */
export interface ServiceBinding {
  readonly priority: number;
  readonly target: string;
  /** In the order of their numbers. */
  readonly parameters: readonly ServiceParameter[];
}

const priority = u16("priority");
const target = name("target");

const binding: Form<ServiceBinding> = {
  decode: (reader, end) => checked({ ...head(reader, end), parameters: decodeParameters(reader, end) }),
  encode(writer, data) {
    checked(data);
    priority.encode(writer, data.priority);
    target.encode(writer, data.target);
    encodeParameters(writer, data.parameters);
  },
  parse: (fields) => ({
    priority: priority.parse(fields),
    target: target.parse(fields),
    parameters: parseParameters(fields),
  }),
  format: (data) => [data.priority, target.format(data.target), ...data.parameters.map(formatParameter)].join(" "),
};

/** Where a service is, and how to speak to it. */
export const serviceTypes: readonly TypeForm[] = ["SVCB", "HTTPS"].map((type) => carried(type, binding));

/**
 * Reads the RDATA of a SVCB or HTTPS record, which messages carry as octets.
 *
 * @throws DnsError `malformed` for all that RFC 9460 section 2.2 wants refused: keys out of order or twice, values of a
 * wrong length, a compressed target, a mandatory key that is missing (section 8), `no-default-alpn` without `alpn`.
 */
export function decodeServiceBinding(rdata: Uint8Array): ServiceBinding {
  return decodeOctets(binding, rdata);
}

/** RDATA for a record of type SVCB or HTTPS. @throws DnsError `malformed` for what {@link decodeServiceBinding} refuses. */
export function encodeServiceBinding(data: ServiceBinding): Uint8Array {
  return encodeOctets(binding, data);
}

function head(reader: WireReader, end: number): Pick<ServiceBinding, "priority" | "target"> {
  return { priority: priority.decode(reader, end), target: target.decode(reader, end) };
}

function decodeParameters(reader: WireReader, end: number): ServiceParameter[] {
  const parameters: ServiceParameter[] = [];
  for (let last = -1; reader.offset < end;) {
    const number = reader.u16();
    if (number <= last) malformed("SvcParams out of order or twice");
    last = number;
    parameters.push(decodeParameter(number, reader.take(reader.u16())));
  }
  return parameters;
}

function encodeParameters(writer: WireWriter, parameters: readonly ServiceParameter[]): void {
  let last = -1;
  for (const parameter of parameters) {
    const number = keyNumber(parameter.key);
    if (number <= last) malformed("SvcParams out of order or twice");
    last = number;
    writer.u16(number);
    writer.lengthPrefixed(() => {
      encodeParameter(writer, parameter);
    });
  }
}

/** The rest of the fields as SvcParams in any order (RFC 9460 section 2.1), sorted as the wire wants them. */
function parseParameters(fields: Fields): ServiceParameter[] {
  const parameters: { readonly number: number; readonly parameter: ServiceParameter }[] = [];
  while (!fields.isAtEnd) {
    const text = fields.word("parameter");
    const equals = text.indexOf("=");
    const key = equals === -1 ? text : text.slice(0, equals);
    const bare = equals === -1 ? undefined : tokenOctets(text.slice(equals + 1));
    const quotedValue = bare === "" ? fields.gluedQuoted() : undefined;
    const value = quotedValue === undefined ? bare : tokenOctets(quotedValue.text);
    const number = asUserError(`"${key}" is no parameter of ${fields.type}`, () => keyNumber(key));
    const parameter = asUserError(`the parameter ${key} of ${fields.type} is wrong`, () => parseParameter(key, value));
    parameters.push({ number, parameter });
  }
  return parameters.toSorted((a, b) => a.number - b.number).map(({ parameter }) => parameter);
}

/** What holds between parameters, and that no list is empty (RFC 9460 sections 7 and 8). */
function checked(data: ServiceBinding): ServiceBinding {
  const present = new Set<string>(data.parameters.map((each) => each.key));
  if (present.has("no-default-alpn") && !present.has("alpn")) malformed("no-default-alpn without alpn");
  for (const parameter of data.parameters) {
    if (parameter.key === "mandatory") checkMandatory(parameter.keys, present);
    if (parameter.key === "alpn" && (parameter.ids.length === 0 || parameter.ids.includes("")))
      malformed("an empty alpn");
    if ("addresses" in parameter && parameter.addresses.length === 0) malformed("a hint without an address");
  }
  return data;
}

function checkMandatory(keys: readonly string[], present: ReadonlySet<string>): void {
  if (keys.length === 0) malformed("an empty list of mandatory keys");
  let last = 0;
  for (const key of keys) {
    const number = keyNumber(key);
    if (number <= last) malformed("mandatory keys out of order or twice");
    if (!present.has(key)) malformed(`a mandatory key that is missing: ${key}`);
    last = number;
  }
}
