import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address";
import { malformed } from "./errors";
import type { RecordClass, RecordData, ResourceRecord, SoaData } from "./record";
import { typeName, typeNumber } from "./types";
import { type WireReader, WireWriter } from "./wire";

/**
 * Types carried as octets whose RDATA may hold compressed names (RFC 3597 section 4). They are unfolded, so that the
 * octets mean the same in another message. `n` is a name, `s` a character string, a digit that many octets; the rest
 * is taken as it is.
 */
const layouts: Readonly<Record<string, string>> = {
  MD: "n",
  MF: "n",
  MB: "n",
  MG: "n",
  MR: "n",
  MINFO: "nn",
  RP: "nn",
  AFSDB: "2n",
  RT: "2n",
  KX: "2n",
  PX: "2nn",
  NAPTR: "4sssn",
};

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
  const updateOnly = source.length === 0 && (source.class === "ANY" || source.class === "NONE");
  const data = updateOnly ? decodeOther(reader, source.type, end) : decodeTyped(reader, source.type, end);
  if (reader.offset !== end) malformed(`RDATA of ${typeName(source.type)} with a wrong length`);
  return data;
}

/** Writes RDATA without its length. @throws DnsError `malformed` for values that do not fit. */
export function encodeRdata(writer: WireWriter, data: RecordData): void {
  switch (data.type) {
    case "A":
      writer.bytes(parseIpv4(data.address));
      return;
    case "AAAA":
      writer.bytes(parseIpv6(data.address));
      return;
    case "NS":
    case "CNAME":
    case "PTR":
      writer.name(data.target, true);
      return;
    case "DNAME":
      writer.name(data.target, false);
      return;
    case "SOA":
      encodeSoa(writer, data);
      return;
    case "TXT":
      encodeStrings(writer, data.strings);
      return;
    case "MX":
      writer.u16(data.preference);
      writer.name(data.exchange, true);
      return;
    case "SRV":
      for (const value of [data.priority, data.weight, data.port]) writer.u16(value);
      writer.name(data.target, false);
      return;
    case "CAA":
      encodeCaa(writer, data);
      return;
    case "OTHER":
      writer.bytes(data.rdata);
  }
}

/** The type's number of any record data. @throws DnsError `malformed` for a bad `typeName`. */
export function typeNumberOf(data: RecordData): number {
  return typeNumber(data.type === "OTHER" ? data.typeName : data.type);
}

/** Text that two records share when owner, class, type and RDATA are the same, and never otherwise. Without the TTL. */
export function recordKey(record: ResourceRecord): string {
  const writer = new WireWriter();
  encodeRdata(writer, record);
  return `${record.name} ${record.class} ${typeNumberOf(record)} ${writer.finish().toString("latin1")}`;
}

function decodeTyped(reader: WireReader, type: number, end: number): RecordData {
  const name = typeName(type);
  switch (name) {
    case "A":
      return { type: name, address: formatIpv4(reader.take(4)) };
    case "AAAA":
      return { type: name, address: formatIpv6(reader.take(16)) };
    case "NS":
    case "CNAME":
    case "PTR":
    case "DNAME":
      return { type: name, target: reader.name() };
    case "SOA":
      return decodeSoa(reader);
    case "TXT":
      return { type: name, strings: decodeStrings(reader, end) };
    case "MX":
      return { type: name, preference: reader.u16(), exchange: reader.name() };
    case "SRV":
      return { type: name, priority: reader.u16(), weight: reader.u16(), port: reader.u16(), target: reader.name() };
    case "CAA":
      return decodeCaa(reader, end);
    default:
      return decodeOther(reader, type, end);
  }
}

function decodeOther(reader: WireReader, type: number, end: number): RecordData {
  const name = typeName(type);
  const layout = layouts[name];
  const rdata = layout === undefined || reader.offset === end ? undefined : unfold(reader, layout);
  return { type: "OTHER", typeName: name, rdata: rdata ?? new Uint8Array(reader.take(end - reader.offset)) };
}

function unfold(reader: WireReader, layout: string): Uint8Array {
  const writer = new WireWriter();
  for (const part of layout) {
    if (part === "n") writer.name(reader.name(), false);
    else if (part === "s") writer.characterString(reader.characterString());
    else writer.bytes(reader.take(Number(part)));
  }
  return new Uint8Array(writer.finish());
}

function decodeSoa(reader: WireReader): SoaData {
  return {
    type: "SOA",
    mname: reader.name(),
    rname: reader.name(),
    serial: reader.u32(),
    refresh: reader.u32(),
    retry: reader.u32(),
    expire: reader.u32(),
    minimum: reader.u32(),
  };
}

function encodeSoa(writer: WireWriter, soa: SoaData): void {
  writer.name(soa.mname, true);
  writer.name(soa.rname, true);
  for (const value of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) writer.u32(value);
}

function encodeStrings(writer: WireWriter, strings: readonly string[]): void {
  if (strings.length === 0) malformed("a TXT record without a string");
  for (const text of strings) writer.characterString(text);
}

function decodeStrings(reader: WireReader, end: number): string[] {
  const strings: string[] = [];
  do strings.push(reader.characterString());
  while (reader.offset < end);
  return strings;
}

function decodeCaa(reader: WireReader, end: number): RecordData {
  const flags = reader.u8();
  const tag = reader.characterString();
  if (tag === "" || reader.offset > end) malformed("RDATA of CAA with a wrong length");
  return { type: "CAA", flags, tag, value: reader.latin1(end - reader.offset) };
}

function encodeCaa(writer: WireWriter, caa: Extract<RecordData, { type: "CAA" }>): void {
  if (caa.tag === "") malformed("a CAA record without a tag");
  writer.u8(caa.flags);
  writer.characterString(caa.tag);
  writer.latin1(caa.value);
}
