import { formatIpv4, formatIpv6, ipv4Value, parseIpv6 } from "../address";
import { malformed } from "../errors";
import type { Fields } from "../fields";
import { absolute } from "../name";
import { quoted } from "../tokens";
import type { WireReader, WireWriter } from "../wire";

/** How a value goes to the wire and back, and to the text of a master file and back. */
export interface Form<T> {
  /** Reads up to `end` at most. @throws DnsError `malformed` */
  decode(reader: WireReader, end: number): T;
  /** @throws DnsError `malformed` for values that do not fit. */
  encode(writer: WireWriter, value: T): void;
  /** @throws UserError that names the field. */
  parse(fields: Fields): T;
  /** What {@link parse} reads back the same; nothing for a value without such a text. */
  format(value: T): string | undefined;
}

/** The fields of RDATA in the order of the wire, which is that of master files too. */
export function sequence<D extends object>(parts: { readonly [K in keyof D]: Form<D[K]> }): Form<D> {
  const keys = Object.keys(parts) as (keyof D)[];
  const all = Object.values<Form<unknown>>(parts);
  const collect = (read: (part: Form<unknown>) => unknown): D => {
    const data: Partial<Record<keyof D, unknown>> = {};
    keys.forEach((key, i) => {
      const part = all[i];
      if (part !== undefined) data[key] = read(part);
    });
    return data as D;
  };
  return {
    decode: (reader, end) => collect((part) => part.decode(reader, end)),
    encode(writer, data) {
      keys.forEach((key, i) => all[i]?.encode(writer, data[key]));
    },
    parse: (fields) => collect((part) => part.parse(fields)),
    format(data) {
      const texts = keys.map((key, i) => all[i]?.format(data[key]));
      return texts.includes(undefined) ? undefined : texts.join(" ");
    },
  };
}

/** A number of 8 bits. */
export function u8(what: string): Form<number> {
  return {
    decode: (reader) => reader.u8(),
    encode: (writer, value) => {
      writer.u8(value);
    },
    parse: (fields) => fields.number(what, 0xff),
    format: String,
  };
}

/** A number of 16 bits. */
export function u16(what: string): Form<number> {
  return {
    decode: (reader) => reader.u16(),
    encode: (writer, value) => {
      writer.u16(value);
    },
    parse: (fields) => fields.number(what, 0xffff),
    format: String,
  };
}

/** A number of 32 bits. */
export function u32(what: string): Form<number> {
  return {
    decode: (reader) => reader.u32(),
    encode: (writer, value) => {
      writer.u32(value);
    },
    parse: (fields) => fields.number(what, 0xffffffff),
    format: String,
  };
}

/** A time in seconds, of 32 bits; in a master file also as BIND's `1h30m`. */
export function seconds(what: string): Form<number> {
  return { ...u32(what), parse: (fields) => fields.seconds(what, 0xffffffff) };
}

/** A number of 8 bits that master files may give by one of these names, in any case. */
export function named(what: string, names: Readonly<Record<string, number>>): Form<number> {
  return {
    ...u8(what),
    parse(fields) {
      const word = fields.peek()?.toUpperCase() ?? "";
      if (!Object.hasOwn(names, word)) return fields.number(what, 0xff);
      fields.word(what);
      return names[word] ?? 0;
    },
  };
}

/** A name; `compressed` in messages where RFC 3597 section 4 allows that. Reading always takes pointers. */
export function name(what: string, compressed?: "compressed"): Form<string> {
  return {
    decode: (reader) => reader.name(),
    encode: (writer, value) => {
      writer.name(value, compressed !== undefined);
    },
    parse: (fields) => fields.name(what),
    format: absolute,
  };
}

/** A character string of up to 255 octets (RFC 1035 section 3.3), one character per octet. */
export function string(what: string): Form<string> {
  return {
    decode: (reader) => reader.characterString(),
    encode: (writer, value) => {
      writer.characterString(value);
    },
    parse: (fields) => fields.string(what),
    format: quoted,
  };
}

/** Character strings up to the end, at least one. */
export function strings(what: string): Form<readonly string[]> {
  return {
    decode(reader, end) {
      const all: string[] = [];
      do all.push(reader.characterString());
      while (reader.offset < end);
      return all;
    },
    encode(writer, values) {
      if (values.length === 0) malformed(`no ${what}`);
      for (const value of values) writer.characterString(value);
    },
    parse(fields) {
      const all: string[] = [];
      do all.push(fields.string(what));
      while (!fields.isAtEnd);
      return all;
    },
    format: (values) => values.map(quoted).join(" "),
  };
}

/** All octets up to the end as one string in quotes, one character per octet. */
export function longString(what: string): Form<string> {
  return {
    decode: (reader, end) => reader.latin1(lengthTo(reader, end)),
    encode: (writer, value) => {
      writer.latin1(value);
    },
    parse: (fields) => fields.longString(what),
    format: quoted,
  };
}

/** All octets up to the end, at least one, in hexadecimal (lower or upper case, by what is usual) or base64. */
export function octets(what: string, encoding: "hex" | "HEX" | "base64"): Form<Uint8Array> {
  return {
    decode(reader, end) {
      if (reader.offset >= end) malformed(`no ${what}`);
      return new Uint8Array(reader.take(lengthTo(reader, end)));
    },
    encode(writer, value) {
      if (value.length === 0) malformed(`no ${what}`);
      writer.bytes(value);
    },
    parse: (fields) => (encoding === "base64" ? fields.base64(what) : fields.hex(what)),
    format(value) {
      const text = Buffer.from(value).toString(encoding === "base64" ? "base64" : "hex");
      return encoding === "HEX" ? text.toUpperCase() : text;
    },
  };
}

/** Octets behind their number in one octet; `-` in a master file when there are none (RFC 5155 section 4.3). */
export function salt(what: string): Form<Uint8Array> {
  return {
    decode: (reader) => new Uint8Array(reader.take(reader.u8())),
    encode(writer, value) {
      writer.u8(value.length);
      writer.bytes(value);
    },
    parse: (fields) => fields.hexWord(what),
    format: (value) => (value.length === 0 ? "-" : Buffer.from(value).toString("hex")),
  };
}

/** An IPv4 address. */
export const ipv4: Form<string> = {
  decode: (reader) => formatIpv4(reader.take(4)),
  encode: (writer, value) => {
    writer.u32(ipv4Value(value) ?? malformed(`no IPv4 address: ${JSON.stringify(value)}`));
  },
  parse: (fields) => fields.ipv4("address"),
  format: (value) => value,
};

/** An IPv6 address. */
export const ipv6: Form<string> = {
  decode: (reader) => formatIpv6(reader.take(16)),
  encode: (writer, value) => {
    writer.bytes(parseIpv6(value));
  },
  parse: (fields) => fields.ipv6("address"),
  format: (value) => value,
};

/** How many octets are left. @throws DnsError when that is less than none: a field before reached beyond the end. */
export function lengthTo(reader: WireReader, end: number): number {
  return end >= reader.offset ? end - reader.offset : malformed("a field beyond its RDATA");
}
