import { createHash } from "node:crypto";

import { isWithin, zoneNameProblem } from "../../base/names";
import { quoted } from "../../dns/tokens";
import { mostValues } from "../crd";
import type { DnsRecordSpec, RecordType } from "../model";
import { recordSetOf } from "../record-set";
import { type EndpointObject, readEndpoints } from "./dns-endpoint";
import { isRoute, type SourceKind, type SourceSettings } from "./kinds";
import { addressTypes, type SourceReading, type SourceRecord } from "./reading";
import { readRoute, type RouteObject, type Surroundings } from "./route";
import { readService, type ServiceObject } from "./service";

/** An object of any of the kinds, as far as it counts here. */
export type SourceObject = ServiceObject & RouteObject & EndpointObject;

/** A DnsRecord that is to be there for a source. */
export interface SourceClaim {
  /** Of the object. */
  readonly name: string;
  readonly spec: DnsRecordSpec;
  /** Seconds, where the object itself says; `spec` has the settings' otherwise. */
  readonly ttl?: number;
  /** Of a CNAME: names of the objects of the addresses that may have been there before. */
  readonly former?: readonly string[];
}

/** What a source asks for, and what of it cannot be made. */
export interface SourceClaims {
  readonly claims: readonly SourceClaim[];
  /** Names of objects for what is outside of the zones, or cannot be made: one that is there already stays. */
  readonly kept: readonly string[];
  /** Names of objects of addresses of a family of which a name has none now. */
  readonly bare: readonly string[];
  readonly problems: readonly string[];
  /** Whether something is not known, so that nothing may be made or taken away. */
  readonly isUnknown: boolean;
}

/** What external-dns makes of an object. */
export function readSource(kind: SourceKind, object: SourceObject, surroundings: Surroundings): SourceReading {
  if (kind === "DNSEndpoint") return readEndpoints(object);
  return isRoute(kind) ? readRoute(kind, object, surroundings) : readService(kind, object);
}

/** The DnsRecords of an object. */
export function claimsOfSource(
  { kind, object }: { readonly kind: SourceKind; readonly object: SourceObject },
  settings: Pick<SourceSettings, "zones" | "ttl">,
  surroundings: Surroundings,
): SourceClaims {
  const { records, faults, bare: unled = [], unknown } = readSource(kind, object, surroundings);
  if (unknown !== undefined)
    return {
      ...{ claims: [], kept: [], bare: [] },
      problems: unknown.cure === undefined ? [] : [unknown.cure],
      isUnknown: true,
    };
  const bare = unled.map((name) => objectName(kind, object, name));
  const claims: SourceClaim[] = [];
  const isHere = ({ name }: { readonly name: string }): boolean => zoneOf(name, settings.zones) !== undefined;
  const kept = faults.map((fault) => objectName(kind, object, fault));
  const problems = faults.filter(isHere).map(({ message }) => message);
  for (const record of records) {
    const name = objectName(kind, object, record);
    const zone = zoneOf(record.name, settings.zones);
    const spec = zone === undefined ? undefined : specOf(record, { zone, ttl: settings.ttl });
    const problem = spec && problemOf(record, spec);
    if (problem !== undefined) problems.push(problem);
    const former =
      record.type === "CNAME" ? addressTypes.map((type) => objectName(kind, object, { name: record.name, type })) : [];
    if (spec === undefined || problem !== undefined) kept.push(name, ...former);
    else
      claims.push({
        ...{ name, spec },
        ...(record.ttl !== undefined && { ttl: record.ttl }),
        ...(former.length > 0 && { former }),
      });
  }
  return { claims, kept, bare, problems, isUnknown: false };
}

/** The zone that a name is in: of several the one that is nearest. */
function zoneOf(name: string, zones: readonly string[]): string | undefined {
  const within = zones.filter((zone) => isWithin(name, zone));
  return within.sort((a, b) => b.length - a.length)[0];
}

function problemOf({ name, type, targets }: SourceRecord, spec: DnsRecordSpec): string | undefined {
  const wrong = zoneNameProblem(name.replace(/^\*\./, ""));
  if (wrong !== undefined) return `"${name}" ${wrong}`;
  if (targets.length > mostValues)
    return `${name} has ${targets.length} targets; a DnsRecord has at most ${mostValues}`;
  const reading = type === "CNAME" ? undefined : recordSetOf(spec);
  if (reading?.kind === "refused") return `${type} of ${name}: ${reading.problems.join("; ")}`;
  return type === "CNAME" ? aliasProblem({ name, targets, zone: spec.zone }) : undefined;
}

function aliasProblem({ name, targets, zone }: Pick<SourceRecord, "name" | "targets"> & { readonly zone: string }) {
  const [target = ""] = targets;
  if (targets.length > 1) return `${name} has the targets ${targets.join(", ")}, and a name has one CNAME; leave one`;
  if (name === zone)
    return `${name} is the zone itself, and its target ${target} is a name: a CNAME cannot stand there; give it addresses`;
  const bad = zoneNameProblem(target);
  return bad === undefined ? undefined : `the target "${target}" of ${name} ${bad}`;
}

function specOf(
  { name, type, targets, ttl }: SourceRecord,
  place: { readonly zone: string; readonly ttl: number },
): DnsRecordSpec {
  const { zone } = place;
  const relative = name === zone ? "@" : name.slice(0, -zone.length - 1);
  return { zone, name: relative, type, ttl: ttl ?? place.ttl, values: targets.map((target) => valueOf(type, target)) };
}

/** A target as a zone file has it: its names are absolute, and a text is quoted unless it is already. */
function valueOf(type: RecordType, target: string): string {
  switch (type) {
    case "CNAME":
    case "NS":
    case "PTR":
    case "MX":
    case "SRV":
      return `${target}.`;
    case "SVCB":
    case "HTTPS":
      return target.replace(/^(\d+\s+)(\S*[^\s.])(?=\s|$)/, "$1$2.");
    case "TXT":
      return target.startsWith('"') ? target : textOf(target);
    default:
      return target;
  }
}

/** Strings of at most 255 octets (RFC 1035 section 3.3). */
function textOf(text: string): string {
  const octets = Buffer.from(text, "utf8").toString("latin1");
  return (octets.match(/[^]{1,255}/g) ?? [""]).map(quoted).join(" ");
}

/** Always the same for a name and type of a source, so that nothing is made twice. */
function objectName(
  kind: SourceKind,
  { metadata }: SourceObject,
  { name, type }: { readonly name: string; readonly type: string },
): string {
  const { name: source = "", uid = "" } = metadata ?? {};
  const hash = createHash("sha256")
    .update(JSON.stringify([uid, name, type]))
    .digest("hex")
    .slice(0, 10);
  return `${kind.toLowerCase()}-${source}`.slice(0, 200).replace(/[.-]+$/, "") + `-${hash}`;
}
