import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address";
import { malformed } from "./errors";
import { WireReader, WireWriter } from "./wire";

/** One SvcParam (RFC 9460 section 14.3.2). A key without a name of its own is `key667`, its value the octets. */
export type ServiceParameter =
  | { readonly key: "mandatory"; readonly keys: readonly string[] }
  /** Protocol ids, one character per octet (latin-1). */
  | { readonly key: "alpn"; readonly ids: readonly string[] }
  | { readonly key: "no-default-alpn" }
  | { readonly key: "port"; readonly port: number }
  | { readonly key: "ipv4hint" | "ipv6hint"; readonly addresses: readonly string[] }
  | { readonly key: "ech" | `key${number}`; readonly value: Uint8Array };

/** RDATA of SVCB and HTTPS (RFC 9460 section 2.2). Priority 0 is the alias mode; the target "" means the owner then. */
export interface ServiceBinding {
  readonly priority: number;
  readonly target: string;
  /** In the order of their numbers. */
  readonly parameters: readonly ServiceParameter[];
}

const keyNames = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];

/**
 * Reads the RDATA of a SVCB or HTTPS record, which messages carry as octets.
 *
 * @throws DnsError `malformed` for all that RFC 9460 section 2.2 wants refused: keys out of order or twice, values of a
 * wrong length, a compressed target, a mandatory key that is missing (section 8), `no-default-alpn` without `alpn`.
 */
export function decodeServiceBinding(rdata: Uint8Array): ServiceBinding {
  const reader = new WireReader(rdata);
  const priority = reader.u16();
  const target = reader.plainName();
  const parameters: ServiceParameter[] = [];
  for (let last = -1; reader.offset < reader.length;) {
    const number = reader.u16();
    if (number <= last) malformed("SvcParams out of order or twice");
    last = number;
    parameters.push(decodeParameter(number, reader.take(reader.u16())));
  }
  checkTogether(parameters);
  return { priority, target, parameters };
}

/** RDATA for a record of type SVCB or HTTPS. @throws DnsError `malformed` for what {@link decodeServiceBinding} refuses. */
export function encodeServiceBinding(binding: ServiceBinding): Uint8Array {
  checkTogether(binding.parameters);
  const writer = new WireWriter();
  writer.u16(binding.priority);
  writer.name(binding.target, false);
  let last = -1;
  for (const parameter of binding.parameters) {
    const number = keyNumber(parameter.key);
    if (number <= last) malformed("SvcParams out of order or twice");
    last = number;
    writer.u16(number);
    writer.lengthPrefixed(() => {
      encodeParameter(writer, parameter);
    });
  }
  return new Uint8Array(writer.finish());
}

function keyName(number: number): string {
  return keyNames[number] ?? `key${number}`;
}

/** The number of a SvcParam's key. @throws DnsError `malformed` for a key without one. */
export function keyNumber(name: string): number {
  const known = keyNames.indexOf(name);
  if (known !== -1) return known;
  const number = /^key(0|[1-9]\d{0,4})$/.exec(name)?.[1];
  if (number === undefined || Number(number) > 0xffff || Number(number) < keyNames.length)
    malformed(`an unknown SvcParam key ${JSON.stringify(name)}`);
  return Number(number);
}

function decodeParameter(number: number, value: Buffer): ServiceParameter {
  const reader = new WireReader(value);
  const key = keyName(number);
  const many = <T>(read: () => T): T[] => {
    const items: T[] = [];
    do items.push(read());
    while (reader.offset < reader.length);
    return items;
  };
  switch (key) {
    case "mandatory":
      return { key, keys: many(() => keyName(reader.u16())) };
    case "alpn":
      return { key, ids: many(() => reader.characterString()) };
    case "no-default-alpn":
      return value.length === 0 ? { key } : malformed("a value of no-default-alpn");
    case "port":
      return value.length === 2 ? { key, port: reader.u16() } : malformed("a port that is not two octets");
    case "ipv4hint":
      return { key, addresses: many(() => formatIpv4(reader.take(4))) };
    case "ipv6hint":
      return { key, addresses: many(() => formatIpv6(reader.take(16))) };
    case "ech":
      return { key, value: new Uint8Array(value) };
    default:
      return { key: `key${number}`, value: new Uint8Array(value) };
  }
}

function encodeParameter(writer: WireWriter, parameter: ServiceParameter): void {
  switch (parameter.key) {
    case "mandatory":
      for (const key of parameter.keys) writer.u16(keyNumber(key));
      return;
    case "alpn":
      for (const id of parameter.ids) writer.characterString(id);
      return;
    case "no-default-alpn":
      return;
    case "port":
      writer.u16(parameter.port);
      return;
    case "ipv4hint":
      for (const address of parameter.addresses) writer.bytes(parseIpv4(address));
      return;
    case "ipv6hint":
      for (const address of parameter.addresses) writer.bytes(parseIpv6(address));
      return;
    default:
      writer.bytes(parameter.value);
  }
}

/** What holds between parameters, and that no list is empty (RFC 9460 sections 7 and 8). */
function checkTogether(parameters: readonly ServiceParameter[]): void {
  const present = new Set<string>(parameters.map((each) => each.key));
  if (present.has("no-default-alpn") && !present.has("alpn")) malformed("no-default-alpn without alpn");
  for (const parameter of parameters) {
    if (parameter.key === "mandatory") checkMandatory(parameter.keys, present);
    if (parameter.key === "alpn" && (parameter.ids.length === 0 || parameter.ids.includes("")))
      malformed("an empty alpn");
    if ("addresses" in parameter && parameter.addresses.length === 0) malformed("a hint without an address");
  }
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
