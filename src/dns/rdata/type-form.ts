import { DnsError } from "../errors";
import type { RecordData } from "../record";
import { WireReader, WireWriter } from "../wire";
import { type Form, lengthTo } from "./parts";

type Carried = Extract<RecordData, { type: "OTHER" }>;
type Variant = Exclude<RecordData, Carried>;

/** The variant that has this type among its own. */
type Fields<T, V = Variant> = V extends { readonly type: infer U } ? (T extends U ? Omit<V, "type"> : never) : never;

/** What the table knows of a type: its data to the wire and back, and to text and back where it has a text. */
export type TypeForm = readonly [type: string, form: RdataForm];

/** A {@link Form} whose text may be missing. */
export type RdataForm = Pick<Form<RecordData>, "decode" | "encode"> & {
  readonly text?: Pick<Form<RecordData>, "parse" | "format">;
};

/** A type whose data has fields of its own in {@link RecordData}. */
export function typed<T extends Variant["type"]>(type: T, form: Form<Fields<T>>): TypeForm {
  const inner = form as Form<unknown>;
  // The object is new and has no other reference: a copy for each record of a transfer would be felt.
  const withType = (data: unknown): RecordData => Object.assign(data as RecordData, { type });
  return [
    type,
    {
      decode: (reader, end) => withType(inner.decode(reader, end)),
      encode: (writer, data) => {
        inner.encode(writer, data);
      },
      text: { parse: (fields) => withType(inner.parse(fields)), format: (data) => inner.format(data) },
    },
  ];
}

/**
 * A type that messages carry as its octets: what breaks its rules is data all the same, and has no text of its own.
 * Its names are not compressed, and keep their case.
 */
export function carried<D>(type: string, form: Form<D>): TypeForm {
  const decode = (reader: WireReader, end: number): RecordData =>
    other(type, new Uint8Array(reader.take(lengthTo(reader, end))));
  return [type, { decode, encode, text: textOf(type, form) }];
}

/**
 * A type that is carried as octets though its names may be compressed (RFC 3597 section 4). They are unfolded, so that
 * the octets mean the same in another message.
 */
export function unfolded<D>(type: string, form: Form<D>): TypeForm {
  const [, { decode }] = obsolete(type, form);
  return [type, { decode, encode, text: textOf(type, form) }];
}

/** Like {@link unfolded}, of a type that Knot reads as octets alone. */
export function obsolete<D>(type: string, form: Form<D>): TypeForm {
  const decode = (reader: WireReader, end: number): RecordData =>
    other(type, reader.offset === end ? new Uint8Array() : encodeOctets(form, form.decode(reader, end)));
  return [type, { decode, encode }];
}

function encode(writer: WireWriter, data: RecordData): void {
  writer.bytes((data as Carried).rdata);
}

/** Reads the RDATA of a type that is carried as octets. @throws DnsError `malformed` when it is cut, padded or has a compressed name. */
export function decodeOctets<D>(form: Form<D>, rdata: Uint8Array): D {
  const reader = new WireReader(rdata, { allowsPointers: false });
  const data = form.decode(reader, rdata.length);
  if (reader.offset !== rdata.length) throw new DnsError({ kind: "malformed", detail: "RDATA with a wrong length" });
  return data;
}

/** RDATA of a type that is carried as octets. @throws DnsError `malformed` for values that do not fit. */
export function encodeOctets<D>(form: Form<D>, data: D): Uint8Array {
  const writer = new WireWriter();
  form.encode(writer, data);
  return new Uint8Array(writer.finish());
}

function textOf<D>(type: string, form: Form<D>): NonNullable<RdataForm["text"]> {
  return {
    parse: (fields) => fields.asUserError((): RecordData => other(type, encodeOctets(form, form.parse(fields)))),
    format: (data) => formatOctets(form, (data as Carried).rdata),
  };
}

function formatOctets<D>(form: Form<D>, rdata: Uint8Array): string | undefined {
  try {
    return form.format(decodeOctets(form, rdata));
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

function other(typeName: string, rdata: Uint8Array): Carried {
  return { type: "OTHER", typeName, rdata };
}
