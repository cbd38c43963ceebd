import { UserError } from "../base/errors";
import { sha256 } from "../base/json";
import { foldName } from "../base/names";
import { compareText } from "../base/text";
import { atLine } from "../dns/master-file";
import { absolute, isSubdomain, labelsOf } from "../dns/name";
import { formatRdata, recordKey, typeNameOf } from "../dns/rdata";
import type { ResourceRecord } from "../dns/record";
import { quotedUtf8 } from "../dns/tokens";
import { longestValue, mostValues } from "./crd";
import { apiVersion, type DnsRecord, kind, type RecordSet, type RecordType, recordTypes } from "./model";
import { recordSetOf } from "./record-set";
import type { LeftOut, ZoneFile, ZoneFileRecord } from "./zone-file";
import { zoneConflicts } from "./zone-file-check";

/** The objects that a zone file gives, and what of it they do not say. */
export interface Imported {
  readonly objects: readonly DnsRecord[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * A zone file's records as DnsRecords, one for each name and type. SOA and NS of the apex are the zone's own.
 *
 * @throws UserError with all records that cannot be together or that a DnsRecord cannot have, each with its line.
 */
export function importZone(file: ZoneFile): Imported {
  const problems = zoneConflicts(file).map(({ line, message }) => atLine(line, new UserError(message)));
  const notes: LeftOut[] = [...file.leftOut];
  const sets = rrsetsOf(file, notes);
  const objects = sets.flatMap((set) => objectsOf(set, { zone: file.zone, problems }));
  if (problems.length > 0) throw new UserError([...new Set(problems)].join("\n"));
  return { objects, leftOut: notes.toSorted((a, b) => a.line - b.line) };
}

/** An RRset of the file. Equal records are found by their keys, which are made once it has a second record. */
interface FileSet {
  readonly records: ZoneFileRecord[];
  keys?: Set<string>;
}

/** The records that DnsRecords can have by name and type, each once; `notes` gets the others. */
function rrsetsOf({ zone, records }: ZoneFile, notes: LeftOut[]): ZoneFileRecord[][] {
  const sets = new Map<string, FileSet>();
  for (const each of records) {
    const why = whyNot(each.record, zone);
    if (why !== undefined) {
      notes.push({ line: each.line, why });
      continue;
    }
    const key = `${each.record.name} ${typeNameOf(each.record)}`;
    const set = sets.get(key);
    if (set === undefined) {
      sets.set(key, { records: [each] });
      continue;
    }
    const first = set.records[0]?.record.ttl ?? each.record.ttl;
    if (first !== each.record.ttl)
      notes.push({ line: each.line, why: `the TTL ${each.record.ttl} of ${key}; the first, ${first}, is taken` });
    addOnce(set, each);
  }
  return [...sets.values()].map((set) => set.records);
}

function addOnce(set: FileSet, added: ZoneFileRecord): void {
  set.keys ??= new Set(set.records.map(({ record }) => recordKey(record)));
  const key = recordKey(added.record);
  if (set.keys.has(key)) return;
  set.keys.add(key);
  set.records.push(added);
}

function whyNot(record: ResourceRecord, zone: string): string | undefined {
  const type = typeNameOf(record);
  if (type === "SOA") return "the SOA record is the zone's own";
  if (type === "NS" && record.name === zone) return "the NS records of the apex are the zone's own";
  if (!isRecordType(type)) return `${record.name}: a DnsRecord cannot have the type ${type}`;
  return undefined;
}

function isRecordType(type: string): type is RecordType {
  return (recordTypes as readonly string[]).includes(type);
}

/** Of the zone, and where what is wrong goes. */
interface Conversion {
  readonly zone: string;
  readonly problems: string[];
}

function objectsOf(set: readonly ZoneFileRecord[], conversion: Conversion): DnsRecord[] {
  const chunks = Array.from({ length: Math.ceil(set.length / mostValues) }, (_, i) =>
    set.slice(i * mostValues, (i + 1) * mostValues),
  );
  return chunks.flatMap((chunk, i) => objectOf(chunk, { ...conversion, suffix: i === 0 ? "" : `-${i + 1}` }));
}

function objectOf(set: readonly ZoneFileRecord[], conversion: Conversion & { readonly suffix: string }): DnsRecord[] {
  const { record, line } = set[0] ?? emptySet();
  const type = typeNameOf(record);
  if (!isRecordType(type)) throw new Error(`no DnsRecord has the type ${type}`);
  const values = set.map((each) => valueText(each.record));
  const spec = {
    zone: conversion.zone,
    name: relativeName(record.name, conversion.zone),
    ttl: record.ttl,
    type,
    ...(values.length === 1 ? { value: values[0] ?? "" } : { values }),
  };
  const tooLong = set.flatMap(({ line }, i) => {
    const text = values[i] ?? "";
    const length = text.length > longestValue ? Array.from(text).length : text.length;
    const message = `the ${type} data of ${record.name} has ${length} characters, and a DnsRecord's value ${longestValue} at most; take the record out, and add it by DNS UPDATE`;
    return length > longestValue ? [atLine(line, new UserError(message))] : [];
  });
  conversion.problems.push(...tooLong);
  const reading = recordSetOf(spec);
  if (reading.kind === "refused") {
    conversion.problems.push(...reading.problems.map((problem) => atLine(line, new UserError(problem))));
    return [];
  }
  return [{ apiVersion, kind, metadata: { name: objectName(record.name, type) + conversion.suffix }, spec }];
}

function emptySet(): never {
  throw new Error("a set without a record");
}

/**
 * IPv4 addresses inside IPv6 (`::ffff:192.0.2.1`) are no addresses to Kubernetes: they go as octets. Text that is too
 * long with an escape for each octet goes as UTF-8.
 */
function valueText(record: ResourceRecord): string {
  const text = formatRdata(record);
  if (record.type === "TXT" && text.length > longestValue) return record.strings.map(quotedUtf8).join(" ");
  if (record.type !== "AAAA" || !/^::ffff:[\da-f]+:[\da-f]+$/.test(text)) return text;
  const [high = "", low = ""] = text.slice("::ffff:".length).split(":");
  return `\\# 16 00000000000000000000ffff${high.padStart(4, "0")}${low.padStart(4, "0")}`;
}

/**
 * The name as a spec has it. Stars that are no wildcard's are escaped, so that they are not taken for one; what would
 * look as if it repeated the zone is absolute.
 */
function relativeName(name: string, zone: string): string {
  if (name === zone) return "@";
  const text = /[\\*]/.test(name) ? starsEscaped(name, zone) : name.slice(0, -zone.length - 1);
  return isSubdomain(text, zone) ? absolute(`${text}.${zone}`) : text;
}

function starsEscaped(name: string, zone: string): string {
  const own = labelsOf(name).slice(0, -labelsOf(zone).length);
  const escaped = own.map((label, i) => (i === 0 && label === "*" ? label : label.replace(/\*/g, "\\042")));
  return escaped.join(".");
}

/** A name for an object: the record's name and type, with a hash where Kubernetes does not take the name as it is. */
function objectName(name: string, type: RecordType): string {
  const whole = `${name}-${type.toLowerCase()}`;
  if (whole.length <= 200 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(whole))
    return whole;
  const readable = name.replace(/^\*/, "wildcard").replace(/[^a-z0-9.-]/g, "");
  const labels = readable.split(".").map((label) => label.replace(/^-+|-+$/g, ""));
  const stem = labels
    .filter((label) => label !== "")
    .join(".")
    .slice(0, 180)
    .replace(/[.-]+$/, "");
  const hash = sha256(whole).slice(0, 8);
  return `${stem === "" ? "record" : stem}-${type.toLowerCase()}-${hash}`;
}

/** What an object is called in what is said about it. */
function title({ metadata }: DnsRecord): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** A zone file made of DnsRecords, and what is wrong with records of other zones. */
export interface Exported {
  readonly text: string;
  readonly problems: readonly string[];
}

/**
 * DnsRecords as a zone file without SOA and the apex's NS, which are the zone's own.
 *
 * @param zone - Which, when there are several.
 * @throws UserError for specs of the zone that are no records, and when it is not clear which zone is meant.
 */
export function exportZone(objects: readonly DnsRecord[], zone?: string): Exported {
  const readings = objects.map((object) => ({ object, reading: recordSetOf(object.spec) }));
  const sets = readings.flatMap(({ reading }) => (reading.kind === "set" ? [reading.set] : []));
  const refused = readings.flatMap(({ object, reading }) =>
    reading.kind === "refused"
      ? [{ zone: foldName(object.spec.zone), problems: withTitle(object, reading.problems) }]
      : [],
  );
  const chosen = zone === undefined ? onlyZone(sets.length > 0 ? sets : refused) : foldName(zone);
  const own = refused.filter((each) => each.zone === chosen).flatMap(({ problems }) => problems);
  if (own.length > 0) throw new UserError(own.join("\n"));
  const text = zoneText(
    chosen,
    sets.filter((set) => set.zone === chosen),
  );
  return { text, problems: refused.flatMap(({ problems }) => problems) };
}

function withTitle(object: DnsRecord, problems: readonly string[]): string[] {
  return problems.map((problem) => `${title(object)}: ${problem}`);
}

function onlyZone(all: readonly { readonly zone: string }[]): string {
  const zones = [...new Set(all.map(({ zone }) => zone))].toSorted();
  const [only] = zones;
  if (only !== undefined && zones.length === 1) return only;
  const options = zones.map((each) => `--zone ${each}`).join(", ") || "--zone NAME";
  throw new UserError(`there are records of ${zones.length} zones; choose one: ${options}`);
}

function zoneText(zone: string, sets: readonly RecordSet[]): string {
  const lines: string[] = [];
  for (const same of bySetName(sets)) {
    const ttl = same[0]?.ttl ?? 0;
    const records = same.flatMap((set) => set.records);
    // Each set was read without doubles; several of one name and type may have some in common.
    const seen = new Set<string>();
    for (const record of records) {
      if (same.length > 1) {
        const key = recordKey(record);
        if (seen.has(key)) continue;
        seen.add(key);
      }
      lines.push(`${ownerText(record.name, zone)} ${ttl} IN ${typeNameOf(record)} ${formatRdata(record)}`);
    }
  }
  return [`$ORIGIN ${absolute(zone)}`, ...lines, ""].join("\n");
}

/** Sets of one name and type beside each other; names in the order of RFC 4034 section 6.1, near enough for people; then types. */
function bySetName(sets: readonly RecordSet[]): RecordSet[][] {
  const byKey = new Map<string, RecordSet[]>();
  for (const set of sets) {
    const key = [...labelsOf(set.name).toReversed(), "", set.type].join("\0");
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [set]);
    else same.push(set);
  }
  return [...byKey].sort(([left], [right]) => compareText(left, right)).map(([, same]) => same);
}

function ownerText(name: string, zone: string): string {
  return name === zone ? "@" : labelsOf(name).slice(0, -labelsOf(zone).length).join(".");
}
