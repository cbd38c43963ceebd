import { malformed } from "./errors";
import { type Message, noFlags } from "./message";
import { isSubdomain, parseName } from "./name";
import type { ResourceRecord } from "./record";
import { opcodes, typeNumber } from "./types";

/** What must hold before an update is made (RFC 2136 section 2.4), all of it or nothing is changed. */
export type Prerequisite =
  /** The name owns a record of any type. Otherwise NXDOMAIN. */
  | { readonly kind: "nameInUse"; readonly name: string }
  /** The name owns nothing. Otherwise YXDOMAIN. */
  | { readonly kind: "nameNotInUse"; readonly name: string }
  /** The RRset exists, whatever its records. Otherwise NXRRSET. */
  | { readonly kind: "rrsetExists"; readonly name: string; readonly type: string }
  /** There is no such RRset. Otherwise YXRRSET. */
  | { readonly kind: "rrsetAbsent"; readonly name: string; readonly type: string }
  /** These are RRsets as a whole, but for TTLs. Otherwise NXRRSET. */
  | { readonly kind: "rrsetIs"; readonly records: readonly ResourceRecord[] };

/** One change (RFC 2136 section 2.5). */
export type Change =
  | { readonly kind: "add"; readonly record: ResourceRecord }
  /** Its TTL does not matter. What is not there is no error. */
  | { readonly kind: "deleteRecord"; readonly record: ResourceRecord }
  | { readonly kind: "deleteRrset"; readonly name: string; readonly type: string }
  /** All RRsets of the name; at the apex all but SOA and NS. */
  | { readonly kind: "deleteName"; readonly name: string };

/** Changes to one zone, made in order and together. */
export interface ZoneUpdate {
  readonly zone: string;
  readonly prerequisites?: readonly Prerequisite[];
  readonly changes: readonly Change[];
}

/**
 * An UPDATE message (RFC 2136).
 *
 * @throws DnsError `malformed` for names outside the zone, records of another class than IN, and types that no record
 * can have.
 */
export function updateMessage(request: ZoneUpdate & { readonly id: number }): Message {
  const zone = parseName(request.zone);
  const checked = (record: ResourceRecord): ResourceRecord =>
    isSubdomain(record.name, zone) ? record : malformed(`"${record.name}" is not in the zone "${zone}"`);
  return {
    id: request.id,
    flags: { ...noFlags, opcode: opcodes.update },
    rcode: 0,
    questions: [{ name: zone, type: "SOA", class: "IN" }],
    answers: (request.prerequisites ?? []).flatMap(prerequisiteRecords).map(checked),
    authorities: request.changes.map(changeRecord).map(checked),
    additionals: [],
  };
}

function prerequisiteRecords(prerequisite: Prerequisite): ResourceRecord[] {
  switch (prerequisite.kind) {
    case "nameInUse":
      return [typeOnly("ANY", prerequisite.name, "ANY")];
    case "nameNotInUse":
      return [typeOnly("NONE", prerequisite.name, "ANY")];
    case "rrsetExists":
      return [typeOnly("ANY", prerequisite.name, rrsetType(prerequisite.type))];
    case "rrsetAbsent":
      return [typeOnly("NONE", prerequisite.name, rrsetType(prerequisite.type))];
    case "rrsetIs":
      return prerequisite.records.map((record) => ({ ...ownRecord(record), ttl: 0 }));
  }
}

function changeRecord(change: Change): ResourceRecord {
  switch (change.kind) {
    case "add":
      return ownRecord(change.record);
    case "deleteRecord":
      return { ...ownRecord(change.record), class: "NONE", ttl: 0 };
    case "deleteRrset":
      return typeOnly("ANY", change.name, rrsetType(change.type));
    case "deleteName":
      return typeOnly("ANY", change.name, "ANY");
  }
}

function ownRecord(record: ResourceRecord): ResourceRecord {
  if (record.class !== "IN") malformed(`a record of class ${record.class} in an update`);
  if (record.type === "OTHER") rrsetType(record.typeName);
  return { ...record, name: parseName(record.name) };
}

/** Types from 128 to 255 are questions and metadata (RFC 6895 section 3.1); so is OPT. */
function rrsetType(type: string): string {
  const number = typeNumber(type);
  if (number === 0 || number === 41 || (number >= 128 && number <= 255)) malformed(`no type of a record: ${type}`);
  return type.toUpperCase();
}

function typeOnly(recordClass: "ANY" | "NONE", name: string, type: string): ResourceRecord {
  return { name: parseName(name), class: recordClass, ttl: 0, type: "OTHER", typeName: type, rdata: new Uint8Array() };
}
