import { UserError } from "../base/errors";
import { foldName, zoneNameProblem } from "../base/names";
import { asUserError, nameFromText } from "../dns/fields";
import { isSubdomain } from "../dns/name";
import { formatRdata, parseRdata, recordKey } from "../dns/rdata";
import { decodeServiceBinding } from "../dns/rdata/service-types";
import { decodeNaptr } from "../dns/rdata/text-types";
import { decodeTlsa } from "../dns/rdata/trust-types";
import type { RecordData, ResourceRecord } from "../dns/record";
import { type Token, tokensOf } from "../dns/tokens";
import { longestTtl } from "../dns/ttl";
import { type AppliedSet, defaultTtl, type DnsRecordSpec, type RecordSet, recordTypes } from "./model";

/**
 * The records of a spec, or all that is wrong with it, each a sentence with its field and its cure. `reason` is that of the
 * condition, where it is not the spec that is wrong.
 */
export type SpecReading =
  | { readonly kind: "set"; readonly set: RecordSet }
  | { readonly kind: "refused"; readonly problems: readonly string[]; readonly reason?: string };

/** Types whose data is a name and nothing else; an address there is a mistake. */
const nameTypes = new Set(["CNAME", "NS", "PTR"]);

/** Reads a spec. It never throws, whatever strings and numbers are in it. */
export function recordSetOf(spec: DnsRecordSpec): SpecReading {
  const problems: string[] = [];
  const zone = foldName(spec.zone);
  const zoneProblem = zoneNameProblem(zone);
  if (zoneProblem !== undefined) return { kind: "refused", problems: [`spec.zone "${spec.zone}" ${zoneProblem}`] };
  const name = attempt(problems, "spec.name", () => ownerOf(spec.name, zone));
  const ttl = spec.ttl ?? defaultTtl;
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > longestTtl)
    problems.push(`spec.ttl must be whole seconds from 0 to ${longestTtl}, got ${ttl}; 3600 is an hour`);
  if (!recordTypes.includes(spec.type))
    problems.push(`spec.type "${spec.type as string}" is not supported; use one of ${recordTypes.join(", ")}`);
  const values = valuesOf(spec);
  if (typeof values === "string") problems.push(values);
  if (name !== undefined) problems.push(...placeProblems(spec, name, zone));
  if (typeof values === "string" || name === undefined || problems.length > 0) return { kind: "refused", problems };
  const records = values.flatMap(({ field, text }) => {
    const data = attempt(problems, field, () => dataOf({ type: spec.type, text, zone }));
    return data === undefined ? [] : [{ field, record: { name, class: "IN" as const, ttl, ...data } }];
  });
  problems.push(...doubles(records));
  if (problems.length > 0) return { kind: "refused", problems };
  return { kind: "set", set: { zone, name, type: spec.type, ttl, records: records.map(({ record }) => record) } };
}

/** How a set is remembered in an object's status. The order of the values says nothing, so it is always the same. */
export function appliedOf({ zone, name, type, ttl, records }: RecordSet): AppliedSet {
  return { zone, name, type, ttl, values: records.map(formatRdata).toSorted() };
}

/** The set that a status remembers. @throws UserError when somebody wrote something else there. */
export function recordSetOfApplied({ zone, name, type, ttl, values }: AppliedSet): RecordSet {
  const records = values.map((text) => {
    const data = parseRdata({ type, tokens: tokensOf(text), origin: zone });
    return { name, class: "IN" as const, ttl, ...data };
  });
  return { zone, name, type, ttl, records };
}

function attempt<T>(problems: string[], field: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(`${field}: ${error.message}`);
    return undefined;
  }
}

function ownerOf(text: string, zone: string): string {
  if (text === "") throw new UserError(`is empty; write "@" for the zone's apex`);
  checkStar(text);
  const name = nameFromText(text, zone);
  if (!isSubdomain(name, zone))
    throw new UserError(`"${text}" is not within the zone ${zone}; leave the trailing dot out, or name the right zone`);
  if (!isSubdomain(text.toLowerCase(), zone)) return name;
  throw new UserError(`"${text}" repeats the zone; write ${relative(text, zone)}, or put a dot at the end`);
}

function relative(text: string, zone: string): string {
  return text.length === zone.length ? `"@"` : `"${text.slice(0, -zone.length - 1)}"`;
}

/** A star that is not the whole first label is a plain character, and never meant: whoever does mean it escapes it. */
function checkStar(text: string): void {
  if (/^\*?[^*]*$/.test(text) && !/^\*[^.]/.test(text)) return;
  throw new UserError(`"${text}" has a * that is not its whole first label; a wildcard is "*" or "*.name"`);
}

function valuesOf(spec: DnsRecordSpec): string | { readonly field: string; readonly text: string }[] {
  if (spec.value !== undefined && spec.values !== undefined)
    return "spec.value and spec.values are both there; keep one of them";
  if (spec.value !== undefined) return [{ field: "spec.value", text: spec.value }];
  if (spec.values === undefined || spec.values.length === 0)
    return "spec has no value; write value, or values for several";
  return spec.values.map((text, i) => ({ field: `spec.values[${i}]`, text }));
}

function placeProblems(spec: DnsRecordSpec, name: string, zone: string): string[] {
  if (spec.type === "NS" && name === zone)
    return ["spec.name: the NS records at the apex are the zone's own; a delegation needs a name below it"];
  if (spec.type !== "CNAME") return [];
  if (name === zone)
    return [
      "spec.name: a CNAME cannot stand at the zone's apex, beside SOA and NS; use A and AAAA, or HTTPS in alias mode",
    ];
  if ((spec.values?.length ?? 0) > 1)
    return ["spec.values: a name has one CNAME at most; keep one value, or use several A records"];
  return [];
}

function dataOf(record: { readonly type: string; readonly text: string; readonly zone: string }): RecordData {
  const tokens = tokensOf(record.text);
  if (tokens.length === 0) throw new UserError("is empty");
  if (tokens[0]?.text !== "\\#") checkHabits(record, tokens);
  const data = parseRdata({ type: record.type, tokens, origin: record.zone });
  if (data.type === "OTHER")
    asUserError(`the octets of ${record.type} are wrong`, () => {
      octetChecks[data.typeName]?.(data.rdata);
    });
  return data;
}

/** Octets by matching type: SHA-256 and SHA-512 (RFC 6698 section 2.1.3). */
const digestLengths: Readonly<Record<number, number>> = { 1: 32, 2: 64 };

function checkDigest(rdata: Uint8Array): void {
  const { matchingType, data } = decodeTlsa(rdata);
  const octets = digestLengths[matchingType];
  if (octets !== undefined && data.length !== octets)
    throw new UserError(
      `a TLSA of matching type ${matchingType} has ${2 * octets} hexadecimal digits, got ${2 * data.length}; hash the certificate anew`,
    );
}

/** Whether octets are what their type wants, by type; they may have been written as such. Each throws DnsError or UserError. */
const octetChecks: Readonly<Record<string, (rdata: Uint8Array) => unknown>> = {
  TLSA: checkDigest,
  NAPTR: decodeNaptr,
  SVCB: decodeServiceBinding,
  HTTPS: decodeServiceBinding,
};

/** What is no fault in a master file, but never meant in an object. */
function checkHabits(record: { readonly type: string; readonly zone: string }, tokens: readonly Token[]): void {
  if (record.type === "TXT" && tokens.length > 1 && tokens.some((token) => !token.isQuoted))
    throw new UserError(`has blanks or quotes outside of quotes; put the text in double quotes: '"v=spf1 -all"'`);
  if (!nameTypes.has(record.type) && record.type !== "MX" && record.type !== "SRV") return;
  const target = tokens.at(-1)?.text ?? "";
  if (/^(?:\d+\.){3}\d+$|^[\da-f:.]*:[\da-f:.]*[\da-f:]$/i.test(target))
    throw new UserError(
      `"${target}" is an address, but ${record.type} wants a name; use type A or AAAA for an address`,
    );
  if (isSubdomain(target.toLowerCase(), record.zone))
    throw new UserError(`"${target}" would be below the zone once more; put a dot at its end: "${target}."`);
}

function doubles(records: readonly { readonly field: string; readonly record: ResourceRecord }[]): string[] {
  if (records.length < 2) return [];
  const seen = new Map<string, string>();
  return records.flatMap(({ field, record }) => {
    const key = recordKey(record);
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, field);
    return earlier === undefined ? [] : [`${field} says the same as ${earlier}; take one away`];
  });
}
