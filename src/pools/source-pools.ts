import { ipVersion } from "../dns/address";
import { listed } from "../records/sources/annotations";
import type { SourceClaim, SourceClaims } from "../records/sources/claims";
import type { SourceMetadata } from "../records/sources/reading";
import { type CheckSpec, type PoolSpec, strategies, type Strategy } from "./model";
import { defaultPoolTtl, poolOf } from "./spec";

/** Annotations of a source that have pools made of it. */
export const poolAnnotations = {
  /** The strategy. */
  pool: "dns.mesh.io/pool",
  /** A check as a DnsPool has it, in JSON. */
  check: "dns.mesh.io/pool-check",
  /** Further addresses, with commas between, after the source's own. */
  targets: "dns.mesh.io/pool-targets",
} as const;

/** A DnsPool that is to be there for a source. */
export interface PoolClaim {
  /** Of the object. */
  readonly name: string;
  readonly spec: PoolSpec;
  /** The record whose place it takes. */
  readonly record: SourceClaim;
}

/** What a source asks for once its annotations of pools are read. */
export interface PoolClaims {
  /** What stays a DnsRecord. */
  readonly records: readonly SourceClaim[];
  readonly pools: readonly PoolClaim[];
  /** Names of objects that stay as they are: a pool cannot be made, or leads to none of the source's addresses now. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

/** What the pool is called that stands in a DnsRecord's place. */
export function poolNameOf(record: string): string {
  return `${record}-pool`;
}

/**
 * Makes pools of what a source asks for, where its annotations say so: of A and AAAA records, with the source's addresses as the first
 * targets. Other types stay records, but for a CNAME: its target is a name, which nobody looks up to probe it.
 */
export function poolClaimsOf(
  { annotations = {} }: SourceMetadata,
  { claims, bare }: Pick<SourceClaims, "claims" | "bare">,
): PoolClaims {
  const written = annotations[poolAnnotations.pool];
  if (written === undefined) return { records: claims, pools: [], kept: [], problems: strayProblems(annotations) };
  const records = claims.filter(({ spec }) => !isOfPools(spec.type));
  const led = claims.filter(({ spec }) => isOfPools(spec.type));
  const settings = settingsOf(annotations, written);
  const pools: PoolClaim[] = [];
  // Its own check has found out already that an address of the source's is gone.
  const kept = bare.map(poolNameOf);
  const problems = new Set([...settings.problems, ...strangeFamilies(settings, led)]);
  for (const claim of led) {
    const reading = settings.problems.length > 0 ? { problems: [] } : poolClaimOf(claim, settings);
    if ("pool" in reading) pools.push(reading.pool);
    else for (const name of [claim.name, ...(claim.former ?? [])]) kept.push(name, poolNameOf(name));
    for (const problem of "pool" in reading ? [] : reading.problems) problems.add(problem);
  }
  return { records, pools, kept, problems: [...problems] };
}

/** Addresses of a family of which the source has none have no pool that they could be in. */
function strangeFamilies({ further }: PoolSettings, led: readonly SourceClaim[]): readonly string[] {
  const has = (type: string): boolean => led.some(({ spec }) => spec.type === type);
  if (!has("A") && !has("AAAA")) return [];
  return further
    .filter((address) => !has(ipVersion(address) === 6 ? "AAAA" : "A"))
    .map(
      (address) =>
        `the annotation ${poolAnnotations.targets} has ${address}, and the object has no address of that family; leave it out`,
    );
}

function isOfPools(type: string): boolean {
  return type === "A" || type === "AAAA" || type === "CNAME";
}

/** Annotations that mean nothing without the one that asks for a pool. */
function strayProblems(annotations: Readonly<Record<string, string>>): readonly string[] {
  return [poolAnnotations.check, poolAnnotations.targets]
    .filter((name) => annotations[name] !== undefined)
    .map((name) => `the annotation ${name} has no effect without ${poolAnnotations.pool}: failover`);
}

interface PoolSettings {
  readonly strategy: Strategy;
  readonly check: CheckSpec | undefined;
  readonly further: readonly string[];
  readonly problems: readonly string[];
}

function settingsOf(annotations: Readonly<Record<string, string>>, written: string): PoolSettings {
  const problems: string[] = [];
  const strategy = strategies.find((each) => each === written);
  if (strategy === undefined)
    problems.push(`the annotation ${poolAnnotations.pool} is "${written}"; use ${strategies.join(" or ")}`);
  const further = listed(annotations[poolAnnotations.targets]);
  for (const address of further.filter((each) => ipVersion(each) === undefined))
    problems.push(`the annotation ${poolAnnotations.targets} has "${address}", which is no IP address`);
  const text = annotations[poolAnnotations.check];
  const check = text === undefined ? checkMissing : checkOf(text);
  if (typeof check === "string") problems.push(`the annotation ${poolAnnotations.check} ${check}`);
  return { strategy: strategy ?? "failover", check: typeof check === "string" ? undefined : check, further, problems };
}

const example = `for example {"type":"HTTPS","port":443,"path":"/healthz"}`;
const checkMissing = `is missing: without a check nothing is known of a target; write one, ${example}`;

const fieldTypes: Readonly<Record<Exclude<keyof CheckSpec, "address">, "string" | "number">> = {
  type: "string",
  port: "number",
  host: "string",
  path: "string",
  status: "number",
  name: "string",
  recordType: "string",
  intervalSeconds: "number",
  timeoutSeconds: "number",
  rise: "number",
  fall: "number",
};

/** Fields of a check, but for the address: that is a target's. */
export const checkFields = Object.keys(fieldTypes) as readonly (keyof typeof fieldTypes)[];

/** A check, or what is wrong with its text. What its values must be is the pool's to say. */
function checkOf(text: string): CheckSpec | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return `is no JSON object; write it as ${example}`;
  const types = fieldTypes as Readonly<Record<string, string | undefined>>;
  for (const [field, value] of Object.entries(json)) {
    const type = types[field];
    if (type === undefined) return `has the field "${field}"; use ${checkFields.join(", ")}`;
    if (typeof value !== type) return `has in "${field}" no ${type}`;
  }
  const missing = ["type", "port"].find((field) => !(field in json));
  return missing === undefined ? (json as CheckSpec) : `has no "${missing}"; write it as ${example}`;
}

/** The pool in a record's place, or what is wrong with it. */
function poolClaimOf(
  record: SourceClaim,
  { strategy, check, further }: PoolSettings,
): { readonly pool: PoolClaim } | { readonly problems: readonly string[] } {
  const { name, spec, ttl } = record;
  const own = spec.values ?? [];
  const full = spec.name === "@" ? spec.zone : `${spec.name}.${spec.zone}`;
  const type = spec.type === "AAAA" ? "AAAA" : "A";
  if (spec.type !== type) return { problems: [aliasText(full, own)] };
  const version = type === "A" ? 4 : 6;
  const others = new Set(further.filter((each) => ipVersion(each) === version && !own.includes(each)));
  const pool: PoolSpec = {
    ...{ zone: spec.zone, name: spec.name, type, ttl: ttl ?? defaultPoolTtl, strategy, minHealthy: 1 },
    ...(check && { check: withHost(check, full) }),
    targets: [
      ...own.map((value) => ({ value, priority: 0 })),
      ...[...others].map((value, n) => ({ value, priority: n + 1 })),
    ],
  };
  const reading = poolOf(pool);
  return reading.kind === "pool"
    ? { pool: { name: poolNameOf(name), spec: pool, record } }
    : { problems: reading.problems.map((problem) => `the pool of ${full} cannot be: ${problem}`) };
}

function aliasText(name: string, targets: readonly string[]): string {
  const { pool } = poolAnnotations;
  const names = targets.map((target) => target.replace(/\.$/, "")).join(", ");
  return `${name} leads to ${names}: a pool is made of addresses, and names are not looked up; take the annotation ${pool} away`;
}

/** What serves several names goes by the one that it is asked for. */
function withHost(check: CheckSpec, name: string): CheckSpec {
  const isWeb = check.type === "HTTP" || check.type === "HTTPS";
  return !isWeb || check.host !== undefined || name.startsWith("*") ? check : { ...check, host: name };
}
