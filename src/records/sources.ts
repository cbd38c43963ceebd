import { createHash } from "node:crypto";

import { isWithin, zoneNameProblem } from "../base/names";
import { ipVersion } from "../dns/address";
import { longestTtl } from "../dns/ttl";
import { mostValues } from "./crd";
import type { DnsRecordSpec } from "./model";

/** Kinds of objects that DnsRecords are made of. */
export const sourceKinds = ["Service", "Ingress"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** Where the API server has a kind: its group and version as in a path, and as an object has it. */
export const sourceApis: Readonly<
  Record<SourceKind, { readonly path: string; readonly apiVersion: string; readonly plural: string }>
> = {
  Service: { path: "/api/v1", apiVersion: "v1", plural: "services" },
  Ingress: { path: "/apis/networking.k8s.io/v1", apiVersion: "networking.k8s.io/v1", plural: "ingresses" },
};

/** What the site's settings say of sources. */
export interface SourceSettings {
  readonly kinds: readonly SourceKind[];
  /** Zones of the site that records are made in. */
  readonly zones: readonly string[];
  /** Labels of the objects that count; none for all. */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds, where an object does not say. */
  readonly ttl: number;
}

/** Label of a DnsRecord that was made of another object: the object's kind. */
export const sourceLabel = "dns.mesh.io/source";

/** A Service or an Ingress, as far as it counts here. */
export interface SourceObject {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: ServiceSpec & IngressSpec;
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly LoadBalancerIngress[] | null } };
}

interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly externalName?: string;
  readonly externalIPs?: readonly string[];
}

interface IngressSpec {
  readonly rules?: readonly { readonly host?: string }[] | null;
  readonly tls?: readonly { readonly hosts?: readonly string[] | null }[] | null;
}

interface LoadBalancerIngress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** A name with its targets of one type. */
export interface SourceRecord {
  /** Absolute, lower case, without the trailing dot. */
  readonly name: string;
  readonly type: "A" | "AAAA" | "CNAME";
  /** Addresses, or names without the trailing dot, sorted. */
  readonly targets: readonly string[];
  /** Missing where the object says none. */
  readonly ttl?: number;
}

const prefix = "external-dns.alpha.kubernetes.io/";

/** Names with what they point to, before it is told apart by type. */
interface Pointing {
  readonly host: string;
  readonly targets: readonly string[];
}

/**
 * The records that external-dns makes of a Service or an Ingress, by its annotations: `hostname`, `internal-hostname`, `target`,
 * `ttl`, `controller`, `ingress-hostname-source`. Not those that take other objects too: of headless Services and of node ports.
 */
export function recordsOfSource(kind: SourceKind, object: SourceObject): readonly SourceRecord[] {
  const { annotations = {} } = object.metadata ?? {};
  const { controller = "dns-controller" } = fieldsOf(annotations);
  if (controller !== "dns-controller") return [];
  const pointing = kind === "Service" ? pointingOfService(object) : pointingOfIngress(object);
  const ttl = ttlOf(fieldsOf(annotations)["ttl"]);
  const found = new Map<string, { name: string; type: SourceRecord["type"]; targets: Set<string> }>();
  for (const { host, targets } of pointing) {
    const name = host.toLowerCase().replace(/\.$/, "");
    for (const target of targets) {
      const type = typeOf(target);
      const key = `${name} ${type}`;
      const record = found.get(key) ?? { name, type, targets: new Set() };
      found.set(key, record);
      record.targets.add(target.toLowerCase().replace(/\.$/, ""));
    }
  }
  return [...found.values()].map(({ name, type, targets }) => ({
    name,
    type,
    targets: [...targets].sort(),
    ...(ttl !== undefined && { ttl }),
  }));
}

/** Annotations that are external-dns's, without its prefix. */
function fieldsOf(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(annotations).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}

function listed(text = ""): readonly string[] {
  return text
    .replaceAll(" ", "")
    .split(",")
    .filter((part) => part !== "");
}

function pointingOfService({ metadata, spec = {}, status }: SourceObject): readonly Pointing[] {
  const fields = fieldsOf(metadata?.annotations ?? {});
  const given = listed(fields["target"]);
  const inside = spec.clusterIP === undefined || spec.clusterIP === "None" ? [] : [spec.clusterIP];
  const isInCluster = spec.type === "LoadBalancer" || spec.type === "ClusterIP";
  const outside = {
    LoadBalancer: spec.externalIPs?.length ? spec.externalIPs : balanced(status),
    ExternalName: spec.externalIPs?.length ? spec.externalIPs : listed(spec.externalName),
  }[spec.type ?? ""];
  const or = (targets: readonly string[] = []) => (given.length > 0 ? given : targets);
  return [
    ...listed(fields["hostname"]).map((host) => ({ host, targets: or(outside) })),
    ...listed(fields["internal-hostname"]).map((host) => ({ host, targets: or(isInCluster ? inside : outside) })),
  ];
}

function pointingOfIngress({ metadata, spec = {}, status }: SourceObject): readonly Pointing[] {
  const fields = fieldsOf(metadata?.annotations ?? {});
  const given = listed(fields["target"]);
  const targets = given.length > 0 ? given : balanced(status);
  const from = fields["ingress-hostname-source"]?.toLowerCase();
  const defined = [
    ...(spec.rules ?? []).map(({ host }) => host),
    ...(spec.tls ?? []).flatMap(({ hosts }) => hosts ?? []),
  ];
  const hosts = [
    ...(from === "annotation-only" ? [] : defined),
    ...(from === "defined-hosts-only" ? [] : listed(fields["hostname"])),
  ];
  return [...new Set(hosts)].flatMap((host) => (host === undefined || host === "" ? [] : [{ host, targets }]));
}

function balanced(status: SourceObject["status"]): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) =>
    [ip, hostname].filter((target) => target !== undefined && target !== ""),
  ) as string[];
}

function typeOf(target: string): SourceRecord["type"] {
  const version = ipVersion(target);
  return version === undefined ? "CNAME" : version === 6 ? "AAAA" : "A";
}

const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Seconds, or a duration as Go writes it; undefined where it is neither, as where it is missing. */
function ttlOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : isDuration
      ? Math.max(1, Math.floor(parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (units[unit] ?? 0), 0)))
      : 0;
  return seconds >= 1 && seconds <= longestTtl ? seconds : undefined;
}

/** A DnsRecord that is to be there for a source. */
export interface SourceClaim {
  /** Of the object. */
  readonly name: string;
  readonly spec: DnsRecordSpec;
}

/** What a source asks for, and what of it cannot be made. */
export interface SourceClaims {
  readonly claims: readonly SourceClaim[];
  /** Names of objects for what is outside of the zones, or cannot be made: one that is there already stays. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

/** The DnsRecords of a Service or an Ingress. */
export function claimsOfSource(
  kind: SourceKind,
  object: SourceObject,
  settings: Pick<SourceSettings, "zones" | "ttl">,
): SourceClaims {
  const claims: SourceClaim[] = [];
  const kept: string[] = [];
  const problems: string[] = [];
  for (const record of recordsOfSource(kind, object)) {
    const name = objectName(kind, object, record);
    const zone = zoneOf(record.name, settings.zones);
    const problem = zone === undefined ? undefined : problemOf(record, zone);
    if (problem !== undefined) problems.push(problem);
    if (zone === undefined || problem !== undefined) kept.push(name);
    else claims.push({ name, spec: specOf(record, { zone, ttl: settings.ttl }) });
  }
  return { claims, kept, problems };
}

/** The zone that a name is in: of several the one that is nearest. */
function zoneOf(name: string, zones: readonly string[]): string | undefined {
  const within = zones.filter((zone) => isWithin(name, zone));
  return within.sort((a, b) => b.length - a.length)[0];
}

function problemOf({ name, type, targets }: SourceRecord, zone: string): string | undefined {
  const wrong = zoneNameProblem(name.replace(/^\*\./, ""));
  if (wrong !== undefined) return `"${name}" ${wrong}`;
  if (targets.length > mostValues)
    return `${name} has ${targets.length} targets; a DnsRecord has at most ${mostValues}`;
  if (type !== "CNAME") return undefined;
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
  const values = type === "CNAME" ? targets.map((target) => `${target}.`) : targets;
  const relative = name === zone ? "@" : name.slice(0, -zone.length - 1);
  return { zone, name: relative, type, ttl: ttl ?? place.ttl, values };
}

/** Always the same for a name and type of a source, so that nothing is made twice. */
function objectName(kind: SourceKind, { metadata }: SourceObject, { name, type }: SourceRecord): string {
  const { name: source = "", uid = "" } = metadata ?? {};
  const hash = createHash("sha256")
    .update(JSON.stringify([uid, name, type]))
    .digest("hex")
    .slice(0, 10);
  return `${kind.toLowerCase()}-${source}`.slice(0, 200).replace(/[.-]+$/, "") + `-${hash}`;
}
