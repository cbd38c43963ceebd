import { UserError } from "../base/errors";
import { malformed } from "./errors";
import { asUserError, Fields } from "./fields";
import { absolute } from "./name";
import { nameTypes } from "./rdata/name-types";
import { lengthTo } from "./rdata/parts";
import { serviceTypes } from "./rdata/service-types";
import { textTypes } from "./rdata/text-types";
import { trustTypes } from "./rdata/trust-types";
import type { RdataForm } from "./rdata/type-form";
import type { RecordClass, RecordData, ResourceRecord } from "./record";
import { type Token, tokensOf } from "./tokens";
import { typeName, typeNumber } from "./types";
import { WireReader, WireWriter } from "./wire";

/**
 * What is known of each type; any other is carried as its octets (RFC 3597). Those with a text are types whose text Knot
 * reads, too, since zones are given to it as files.
 */
const forms: ReadonlyMap<string, RdataForm> = new Map([...nameTypes, ...textTypes, ...trustTypes, ...serviceTypes]);

interface RdataSource {
  readonly type: number;
  readonly class: RecordClass;
  readonly length: number;
}

/**
 * Reads RDATA at the reader's place.
 *
 * In updates (RFC 2136 sections 2.4 and 2.5) RDATA is empty where only a name or a type is meant; such records come
 * out as `OTHER`, whatever their type.
 *
 * @throws DnsError `malformed` unless exactly `length` octets are used.
 */
export function decodeRdata(reader: WireReader, source: RdataSource): RecordData {
  const end = reader.offset + source.length;
  if (end > reader.length) malformed("RDATA longer than the message");
  const type = typeName(source.type);
  const updateOnly = source.length === 0 && (source.class === "ANY" || source.class === "NONE");
  const form = updateOnly ? undefined : forms.get(type);
  const data = form === undefined ? decodeOther(reader, type, end) : form.decode(reader, end);
  if (reader.offset !== end) malformed(`RDATA of ${type} with a wrong length`);
  return data;
}

function decodeOther(reader: WireReader, type: string, end: number): RecordData {
  return { type: "OTHER", typeName: type, rdata: new Uint8Array(reader.take(lengthTo(reader, end))) };
}

/** Writes RDATA without its length. @throws DnsError `malformed` for values that do not fit. */
export function encodeRdata(writer: WireWriter, data: RecordData): void {
  if (data.type === "OTHER") writer.bytes(data.rdata);
  else forms.get(data.type)?.encode(writer, data);
}

/** What a record's data is read from. */
export interface RdataText {
  /** A mnemonic or `TYPE1234`. */
  readonly type: string;
  readonly tokens: readonly Token[];
  /** Names without the trailing dot are below it. */
  readonly origin: string;
}

/**
 * Reads a record's data as people write it (RFC 1035 section 5.1); any type also as `\# LENGTH HEX` (RFC 3597 section 5).
 *
 * @throws UserError with the field that is wrong and what belongs there.
 */
export function parseRdata({ type, tokens, origin }: RdataText): RecordData {
  const number = typeNumberFromText(type);
  const fields = new Fields(typeName(number), tokens, origin);
  const data = isGeneric(tokens) ? parseGeneric(fields, number) : textForm(fields.type).parse(fields);
  fields.end();
  asUserError(`the data of ${fields.type} does not fit into a message`, () => {
    encodeRdata(cleared(), data);
  });
  return data;
}

function textForm(type: string): NonNullable<RdataForm["text"]> {
  const text = forms.get(type)?.text;
  if (text === undefined)
    throw new UserError(`the data of type ${type} can only be read as octets: \\# LENGTH HEX (RFC 3597)`);
  return text;
}

/** Whether {@link parseRdata} can read such data. @throws UserError for a type that does not exist. */
export function readsType(type: string, tokens: readonly Token[]): boolean {
  return forms.get(typeName(typeNumberFromText(type)))?.text !== undefined || isGeneric(tokens);
}

function typeNumberFromText(type: string): number {
  return asUserError(`"${type}" is no record type`, () => typeNumber(type));
}

/** RFC 3597 section 5. */
function isGeneric([first]: readonly Token[]): boolean {
  return first?.text === "\\#" && !first.isQuoted;
}

/** Octets that have a text mean what the text means: the case of their names is lost. */
function parseGeneric(fields: Fields, number: number): RecordData {
  fields.word("mark");
  const length = fields.number("length", 0xffff);
  const rdata = length === 0 ? new Uint8Array() : fields.hex("octets");
  if (rdata.length !== length)
    throw new UserError(`${fields.type} has ${rdata.length} octets behind \\#, but says ${length}`);
  const reader = new WireReader(rdata, { allowsPointers: false });
  const data = asUserError(`the octets of ${fields.type} are wrong`, () =>
    decodeRdata(reader, { type: number, class: "IN", length }),
  );
  const text = data.type === "OTHER" ? ownText(data) : undefined;
  return text === undefined ? data : parseRdata({ type: fields.type, tokens: tokensOf(text), origin: "" });
}

/**
 * A record's data as master files have it (RFC 1035 section 5.1), names absolute; what has no form of its own as
 * `\# LENGTH HEX` (RFC 3597 section 5). `parseRdata` reads it back the same.
 */
export function formatRdata(data: RecordData): string {
  return ownText(data) ?? genericText(data);
}

function ownText(data: RecordData): string | undefined {
  return forms.get(typeNameOf(data))?.text?.format(data);
}

function genericText(data: RecordData): string {
  const octets = rdataOctets(data);
  return octets.length === 0 ? "\\# 0" : `\\# ${octets.length} ${octets.toString("hex")}`;
}

/**
 * A record as a line of a master file. One without a text of its own has its type as `TYPE1234`, since servers differ
 * in the mnemonics that they know.
 */
export function formatRecord(record: ResourceRecord): string {
  const text = ownText(record);
  const type = text === undefined ? `TYPE${typeNumberOf(record)}` : typeNameOf(record);
  return `${absolute(record.name)} ${record.ttl} ${record.class} ${type} ${text ?? genericText(record)}`;
}

/** The type's mnemonic of any record data, `TYPE1234` when there is none. */
export function typeNameOf(data: RecordData): string {
  return data.type === "OTHER" ? data.typeName : data.type;
}

/** The type's number of any record data. @throws DnsError `malformed` for a bad `typeName`. */
export function typeNumberOf(data: RecordData): number {
  return typeNumber(typeNameOf(data));
}

/** Text that two records share when owner, class, type and RDATA are the same, and never otherwise. Without the TTL. */
export function recordKey(record: ResourceRecord): string {
  return `${record.name} ${record.class} ${typeNumberOf(record)} ${rdataOctets(record).toString("latin1")}`;
}

function rdataOctets(data: RecordData): Buffer {
  const writer = cleared();
  encodeRdata(writer, data);
  return writer.finish();
}

/** One writer for all RDATA by itself: what it wrote is copied out before it is used again. */
const scratch = new WireWriter({ compresses: false });

function cleared(): WireWriter {
  scratch.clear();
  return scratch;
}
