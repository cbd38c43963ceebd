import { UserError } from "../base/errors";
import { parseIpv4, parseIpv6, formatIpv6 } from "./address";
import { Fields, told } from "./fields";
import { encodeNaptr, encodeTlsa } from "./octet-rdata";
import { decodeRdata } from "./rdata";
import type { RecordData } from "./record";
import { encodeServiceBinding } from "./service-binding";
import { readServiceParameters } from "./service-parameters";
import type { Token } from "./tokens";
import { typeName, typeNumber } from "./types";
import { WireReader } from "./wire";

/** What a record's data is read from. */
export interface RdataText {
  /** A mnemonic or `TYPE1234`. */
  readonly type: string;
  readonly tokens: readonly Token[];
  /** Names without the trailing dot are below it. */
  readonly origin: string;
}

type Reader = (fields: Fields) => RecordData;

const target = (type: "NS" | "CNAME" | "PTR" | "DNAME"): [string, Reader] => [
  type,
  (fields) => ({ type, target: fields.name("target") }),
];

const readers = new Map<string, Reader>([
  ["A", readIpv4],
  ["AAAA", readIpv6],
  ...(["NS", "CNAME", "PTR", "DNAME"] as const).map(target),
  ["SOA", readSoa],
  ["TXT", readTxt],
  ["MX", (fields) => ({ type: "MX", preference: fields.u16("preference"), exchange: fields.name("exchange") })],
  ["SRV", readSrv],
  ["CAA", readCaa],
  ["TLSA", readTlsa],
  ["NAPTR", readNaptr],
  ["SVCB", readServiceBinding],
  ["HTTPS", readServiceBinding],
]);

/**
 * Reads a record's data as people write it (RFC 1035 section 5.1); any type also as `\# LENGTH HEX` (RFC 3597 section 5).
 *
 * @throws UserError with the field that is wrong and what belongs there.
 */
export function parseRdata({ type, tokens, origin }: RdataText): RecordData {
  const number = told(`"${type}" is no record type`, () => typeNumber(type));
  const name = typeName(number);
  const fields = new Fields(name, tokens, origin);
  if (isGeneric(tokens)) return readGeneric(fields, number);
  const read = readers.get(name);
  if (read === undefined)
    throw new UserError(`the data of type ${name} can only be read as octets: \\# LENGTH HEX (RFC 3597)`);
  const data = read(fields);
  fields.end();
  return data;
}

/** Whether {@link parseRdata} can read such data. @throws UserError for a type that does not exist. */
export function readsType(type: string, tokens: readonly Token[]): boolean {
  return isGeneric(tokens) || readers.has(typeName(told(`"${type}" is no record type`, () => typeNumber(type))));
}

/** RFC 3597 section 5. */
function isGeneric([first]: readonly Token[]): boolean {
  return first?.text === "\\#" && !first.isQuoted;
}

function readGeneric(fields: Fields, number: number): RecordData {
  fields.word("mark");
  const length = fields.u16("length");
  const rdata = length === 0 ? new Uint8Array() : fields.hex("octets");
  fields.end();
  if (rdata.length !== length)
    throw new UserError(`${fields.type} has ${rdata.length} octets behind \\#, but says ${length}`);
  return told(`the octets of ${fields.type} are wrong`, () =>
    decodeRdata(new WireReader(rdata), { type: number, class: "IN", length }),
  );
}

function readIpv4(fields: Fields): RecordData {
  const address = fields.word("address");
  try {
    parseIpv4(address);
  } catch (cause) {
    throw new UserError(`"${address}" is not an IPv4 address; write four numbers, for example 192.0.2.1`, { cause });
  }
  return { type: "A", address };
}

function readIpv6(fields: Fields): RecordData {
  const address = fields.word("address");
  try {
    return { type: "AAAA", address: formatIpv6(parseIpv6(address)) };
  } catch (cause) {
    throw new UserError(`"${address}" is not an IPv6 address; write one such as 2001:db8::1`, { cause });
  }
}

function readSoa(fields: Fields): RecordData {
  const [mname, rname] = [fields.name("primary server"), fields.name("mailbox")];
  const serial = fields.number("serial", 0xffffffff);
  const time = (what: string): number => ttlFromText(fields.word(what), what, 0xffffffff);
  const [refresh, retry, expire, minimum] = [time("refresh"), time("retry"), time("expire"), time("minimum")];
  return { type: "SOA", mname, rname, serial, refresh, retry, expire, minimum };
}

function readTxt(fields: Fields): RecordData {
  const strings: string[] = [];
  do strings.push(fields.string("text"));
  while (!fields.isAtEnd);
  return { type: "TXT", strings };
}

function readSrv(fields: Fields): RecordData {
  const [priority, weight, port] = [fields.u16("priority"), fields.u16("weight"), fields.u16("port")];
  return { type: "SRV", priority, weight, port, target: fields.name("target") };
}

function readCaa(fields: Fields): RecordData {
  const flags = fields.u8("flags");
  const tag = fields.word("tag");
  if (!/^[a-z0-9]{1,255}$/i.test(tag))
    throw new UserError(`the tag of CAA must be letters and digits, for example issue, got "${tag}"`);
  const value = fields.longString("value");
  return { type: "CAA", flags, tag, value };
}

function readTlsa(fields: Fields): RecordData {
  const [usage, selector, matchingType] = [fields.u8("usage"), fields.u8("selector"), fields.u8("matching type")];
  const data = fields.hex("certificate data");
  return { type: "OTHER", typeName: "TLSA", rdata: encodeTlsa({ usage, selector, matchingType, data }) };
}

function readNaptr(fields: Fields): RecordData {
  const rdata = encodeNaptr({
    order: fields.u16("order"),
    preference: fields.u16("preference"),
    flags: fields.string("flags"),
    services: fields.string("services"),
    regexp: fields.string("regexp"),
    replacement: fields.name("replacement"),
  });
  return { type: "OTHER", typeName: "NAPTR", rdata };
}

function readServiceBinding(fields: Fields): RecordData {
  const [priority, target] = [fields.u16("priority"), fields.name("target")];
  const parameters = readServiceParameters(fields);
  const rdata = told(`${fields.type} is wrong`, () => encodeServiceBinding({ priority, target, parameters }));
  return { type: "OTHER", typeName: fields.type, rdata };
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Longest TTL, in seconds (RFC 2181 section 8). */
export const longestTtl = 0x7fffffff;

/** Whether a field is a time: digits, or BIND's `1h30m`. */
export function looksLikeTtl(text: string): boolean {
  return /^(?:\d+|(?:\d+[smhdw])+)$/i.test(text);
}

/** A time in seconds, written in seconds or as BIND's `1h30m`. @throws UserError for anything else. */
export function ttlFromText(text: string, what: string, max = longestTtl): number {
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : [...text.matchAll(/(\d+)([smhdw])/gi)].reduce(
        (sum, [, count, unit]) => sum + Number(count) * (units[unit?.toLowerCase() ?? ""] ?? 1),
        0,
      );
  if (!looksLikeTtl(text) || seconds > max)
    throw new UserError(`the ${what} must be seconds from 0 to ${max}, or such as 1h30m, got "${text}"`);
  return seconds;
}
