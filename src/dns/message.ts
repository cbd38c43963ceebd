import { DnsError, malformed } from "./errors";
import { decodeRdata, encodeRdata, typeNumberOf } from "./rdata";
import type { RecordClass, ResourceRecord } from "./record";
import { className, classNumber, opcodes, typeName, typeNumber } from "./types";
import { WireReader, WireWriter } from "./wire";

/** A question; in an update the zone section (RFC 2136 section 2.3). `type` is a mnemonic or `TYPE1234`. */
export interface Question {
  readonly name: string;
  readonly type: string;
  readonly class: RecordClass;
}

/** The header's second word without the response code (RFC 1035 section 4.1.1, RFC 2535 for AD and CD). */
export interface Flags {
  readonly qr: boolean;
  readonly opcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly ad: boolean;
  readonly cd: boolean;
}

/** The OPT pseudo record (RFC 6891 section 6.1), which does not look like a record: it has a payload size for a class. */
export interface Edns {
  readonly udpPayload: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** RDATA as it is. */
  readonly options: Uint8Array;
}

/**
 * A DNS message. In an update (RFC 2136) `questions` is the zone, `answers` the prerequisites, `authorities` the
 * changes. A TSIG record is the last of `additionals`, as `OTHER`.
 */
export interface Message {
  readonly id: number;
  readonly flags: Flags;
  /** With EDNS the extended code. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns;
}

/** All flags unset, opcode QUERY. */
export const noFlags: Flags = {
  qr: false,
  opcode: 0,
  aa: false,
  tc: false,
  rd: false,
  ra: false,
  ad: false,
  cd: false,
};

const optType = 41;

/** Octets of a message's fixed start (RFC 1035 section 4.1.1). */
export const headerLength = 12;

/** A message as octets, names compressed. @throws DnsError `malformed` or `tooLarge` when it cannot be written. */
export function encodeMessage(message: Message): Buffer {
  const writer = new WireWriter();
  if (message.rcode > 15 && message.edns === undefined) malformed("an extended response code without EDNS");
  writer.u16(message.id);
  writer.u16(flagBits(message.flags) | (message.rcode & 0xf));
  const additionals = message.additionals.length + (message.edns === undefined ? 0 : 1);
  for (const count of [message.questions.length, message.answers.length, message.authorities.length, additionals])
    writer.u16(count);
  for (const question of message.questions) {
    writer.name(question.name, true);
    writer.u16(typeNumber(question.type));
    writer.u16(classNumber(question.class));
  }
  for (const record of [...message.answers, ...message.authorities]) encodeRecord(writer, record);
  if (message.edns !== undefined) encodeEdns(writer, message.edns, message.rcode);
  for (const record of message.additionals) encodeRecord(writer, record);
  return writer.finish();
}

/**
 * A message from its octets, all of them. Time and memory are bounded by the length of the input.
 *
 * @throws DnsError `malformed`, and nothing else.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new WireReader(bytes);
  const id = reader.u16();
  const bits = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()];
  const questions = times(counts[0], () => ({
    name: reader.name(),
    type: typeName(reader.u16()),
    class: className(reader.u16()),
  }));
  const answers = times(counts[1], () => decodeRecord(reader));
  const authorities = times(counts[2], () => decodeRecord(reader));
  const { additionals, edns } = decodeAdditionals(reader, counts[3] ?? 0);
  if (reader.offset !== reader.length) malformed("octets behind the last record");
  const message = { id, flags: readFlags(bits), questions, answers, authorities, additionals };
  if (edns === undefined) return { ...message, rcode: bits & 0xf };
  const { extendedRcode, ...rest } = edns;
  return { ...message, rcode: (extendedRcode << 4) | (bits & 0xf), edns: rest };
}

function times<T>(count: number | undefined, read: () => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < (count ?? 0); i++) items.push(read());
  return items;
}

function encodeRecord(writer: WireWriter, record: ResourceRecord): void {
  writer.name(record.name, true);
  writer.u16(typeNumberOf(record));
  writer.u16(classNumber(record.class));
  writer.u32(record.ttl);
  writer.lengthPrefixed(() => {
    encodeRdata(writer, record);
  });
}

function decodeRecord(reader: WireReader): ResourceRecord {
  const name = reader.name();
  const type = reader.u16();
  if (type === optType) malformed("an OPT record outside the additional section");
  const recordClass = className(reader.u16());
  const ttl = reader.u32();
  const data = decodeRdata(reader, { type, class: recordClass, length: reader.u16() });
  return { name, class: recordClass, ttl, ...data };
}

interface DecodedEdns extends Edns {
  readonly extendedRcode: number;
}

function decodeAdditionals(reader: WireReader, count: number) {
  const additionals: ResourceRecord[] = [];
  let edns: DecodedEdns | undefined;
  for (let i = 0; i < count; i++) {
    const start = reader.offset;
    reader.skipName();
    const isOpt = reader.u16() === optType;
    reader.offset = start;
    if (!isOpt) additionals.push(decodeRecord(reader));
    else if (edns === undefined) edns = decodeEdns(reader);
    else malformed("two OPT records");
  }
  return { additionals, edns };
}

function encodeEdns(writer: WireWriter, edns: Edns, rcode: number): void {
  writer.u8(0);
  writer.u16(optType);
  writer.u16(edns.udpPayload);
  writer.u8(rcode >> 4);
  writer.u8(edns.version);
  writer.u16(edns.dnssecOk ? 0x8000 : 0);
  writer.lengthPrefixed(() => {
    writer.bytes(edns.options);
  });
}

function decodeEdns(reader: WireReader): DecodedEdns {
  if (reader.name() !== "") malformed("an OPT record with a name");
  reader.u16();
  const udpPayload = reader.u16();
  const extendedRcode = reader.u8();
  const version = reader.u8();
  const dnssecOk = (reader.u16() & 0x8000) !== 0;
  return { udpPayload, extendedRcode, version, dnssecOk, options: new Uint8Array(reader.take(reader.u16())) };
}

function flagBits(flags: Flags): number {
  if (!Number.isInteger(flags.opcode) || flags.opcode < 0 || flags.opcode > 15) malformed("an opcode out of range");
  const bit = (set: boolean, at: number) => (set ? 1 << at : 0);
  return (
    bit(flags.qr, 15) |
    (flags.opcode << 11) |
    bit(flags.aa, 10) |
    bit(flags.tc, 9) |
    bit(flags.rd, 8) |
    bit(flags.ra, 7) |
    bit(flags.ad, 5) |
    bit(flags.cd, 4)
  );
}

/** The flags of a header's second word. */
export function readFlags(bits: number): Flags {
  const set = (at: number) => (bits & (1 << at)) !== 0;
  return {
    qr: set(15),
    opcode: (bits >> 11) & 0xf,
    aa: set(10),
    tc: set(9),
    rd: set(8),
    ra: set(7),
    ad: set(5),
    cd: set(4),
  };
}

/** Throws unless `message` is a response to our operation. */
export function checkResponse(message: Message, expected: { readonly id: number; readonly opcode: number }): void {
  if (message.id !== expected.id) throw new DnsError({ kind: "wrongId" });
  if (!message.flags.qr || message.flags.opcode !== expected.opcode) throw new DnsError({ kind: "notAResponse" });
}

/**
 * Throws unless the response repeats our question. A server that could not read the question may leave it out together
 * with an error (RFC 1035 section 4.1.1 FORMERR), and any server that of an update (RFC 2136 section 3.8).
 */
export function checkQuestion(message: Message, asked: Question): void {
  const [question, ...more] = message.questions;
  if (question === undefined && (message.rcode !== 0 || message.flags.opcode === opcodes.update)) return;
  const same = question?.name === asked.name && question.type === asked.type && question.class === asked.class;
  if (!same || more.length > 0) throw new DnsError({ kind: "wrongQuestion" });
}
