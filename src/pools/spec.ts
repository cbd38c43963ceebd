import { ipVersion } from "../dns/address";
import { parseName } from "../dns/name";
import type { DnsRecordSpec } from "../records/model";
import { recordSetOf } from "../records/record-set";
import {
  type Check,
  type CheckSpec,
  dnsCheckTypes,
  type Pool,
  type PoolSpec,
  poolTypes,
  type Question,
  strategies,
  type Target,
  type TargetSpec,
} from "./model";

/** A pool, or all that is wrong with its spec, each a sentence with its field and its cure. */
export type PoolReading =
  { readonly kind: "pool"; readonly pool: Pool } | { readonly kind: "refused"; readonly problems: readonly string[] };

/** TTL of a pool that has none of its own, in seconds: resolvers keep a target that is gone for so long. */
export const defaultPoolTtl = 30;

/** Targets of one pool. */
export const mostTargets = 32;

const defaultPace = { intervalSeconds: 1, timeoutSeconds: 1, rise: 2, fall: 2 };

/** Seconds between probes, and for one: no target is asked more often. */
const [shortestSeconds, longestSeconds] = [1, 3600];
const shortestTimeout = 0.1;
const mostInRow = 10;

/** Characters of a host or a path: what is published of a check stays small. */
export const longestHost = 253;
export const longestPath = 200;

/** Reads a spec. It never throws, whatever strings and numbers are in it. */
export function poolOf(spec: PoolSpec): PoolReading {
  const problems: string[] = [];
  const { targets: listed, strategy = "failover", minHealthy = 1, ttl = defaultPoolTtl } = spec;
  if (!poolTypes.includes(spec.type))
    problems.push(`spec.type "${spec.type as string}" is not supported; use one of ${poolTypes.join(", ")}`);
  if (!strategies.includes(strategy)) problems.push(strategyProblem(strategy));
  if (spec.type === "CNAME" && strategy === "all")
    problems.push("spec.strategy: a name has one CNAME at most; use failover");
  if (listed.length === 0) problems.push("spec.targets is empty; write at least one target");
  if (listed.length > mostTargets) problems.push(`spec.targets has more than ${mostTargets}; make another pool`);
  problems.push(...wholeProblem("spec.minHealthy", minHealthy, [1, Math.max(1, listed.length)]));
  if (spec.type === "CNAME" && minHealthy !== 1)
    problems.push("spec.minHealthy: a CNAME's answer has one target; leave it out");
  const values = listed.map((target) => target.value);
  const identity = { zone: spec.zone, name: spec.name, ttl };
  const set = recordProblems(problems, { ...identity, type: spec.type }, values);
  const targets = listed.map((target, i) => targetOf(problems, { spec, target, field: `spec.targets[${i}]` }));
  if (problems.length > 0 || set === undefined) return { kind: "refused", problems };
  return {
    kind: "pool",
    pool: { zone: set.zone, name: set.name, type: spec.type, ttl, strategy, minHealthy, targets },
  };
}

/** What is wrong with a strategy that is none of ours. Weights are what people look for. */
function strategyProblem(strategy: string): string {
  const use = `use one of ${strategies.join(", ")}`;
  if (strategy !== "weighted") return `spec.strategy "${strategy}" is not known; ${use}`;
  return `spec.strategy: DNS has no answers by weight that every site could give and sign alike; ${use}, or SRV records, which have weights`;
}

/** Checks what the answer's DnsRecord would be, with every target in it. A CNAME's targets are looked at one by one. */
function recordProblems(
  problems: string[],
  spec: Omit<DnsRecordSpec, "value" | "values">,
  values: readonly string[],
): { readonly zone: string; readonly name: string } | undefined {
  const sets = spec.type === "CNAME" ? values.map((value) => [value]) : values.length === 0 ? [] : [values];
  let first: { readonly zone: string; readonly name: string } | undefined;
  for (const [i, each] of sets.entries()) {
    const reading = recordSetOf({ ...spec, values: each });
    if (reading.kind === "set") first ??= reading.set;
    else problems.push(...reading.problems.map((problem) => asTarget(problem, i)).filter(isNewTo(problems)));
  }
  if (spec.type === "CNAME" && new Set(values).size < values.length)
    problems.push("spec.targets has the same value twice; take one away");
  return first;
}

/** A record's values are the targets'. */
function asTarget(text: string, offset: number): string {
  return text.replaceAll(/spec\.values\[(\d+)\]/g, (_, index) => `spec.targets[${Number(index) + offset}].value`);
}

function isNewTo(problems: readonly string[]): (problem: string) => boolean {
  return (problem) => !problems.includes(problem);
}

function targetOf(
  problems: string[],
  { spec, target, field }: { readonly spec: PoolSpec; readonly target: TargetSpec; readonly field: string },
): Target {
  const { value, priority = 0 } = target;
  problems.push(...wholeProblem(`${field}.priority`, priority, [0, 65_535]));
  const written = target.check ?? spec.check;
  if (written === undefined) return { value, priority };
  const place = target.check === undefined ? "spec.check" : `${field}.check`;
  const address = written.address ?? value;
  if (ipVersion(address) === undefined)
    problems.push(
      spec.type === "CNAME" && written.address === undefined
        ? `${field}.check.address is missing: a name is not looked up; write the address that is probed`
        : `${place}.address "${address}" is not an IP address`,
    );
  if (target.check === undefined && spec.check?.address !== undefined)
    problems.push("spec.check.address: an address belongs to one target; write it into that target's check");
  return { value, priority, check: checkOf(problems, { written, address, place }) };
}

function checkOf(
  problems: string[],
  { written, address, place }: { readonly written: CheckSpec; readonly address: string; readonly place: string },
): Check {
  const { port, intervalSeconds, timeoutSeconds, rise, fall } = { ...defaultPace, ...written };
  const found = [
    ...wholeProblem(`${place}.port`, port, [1, 65_535]),
    ...numberProblem(`${place}.intervalSeconds`, intervalSeconds, [shortestSeconds, longestSeconds]),
    ...numberProblem(`${place}.timeoutSeconds`, timeoutSeconds, [shortestTimeout, intervalSeconds]),
    ...wholeProblem(`${place}.rise`, rise, [1, mostInRow]),
    ...wholeProblem(`${place}.fall`, fall, [1, mostInRow]),
  ];
  problems.push(...found.filter(isNewTo(problems)));
  const pace = { intervalMs: intervalSeconds * 1000, timeoutMs: timeoutSeconds * 1000, rise, fall };
  return { address, port, ...pace, ...questionOf(problems, written, place) };
}

function questionOf(problems: string[], written: CheckSpec, place: string): Question {
  const add = (problem: string): void => {
    if (!problems.includes(problem)) problems.push(problem);
  };
  const { type, host, path = "/", status } = written;
  for (const problem of strayFields(written, place)) add(problem);
  if (type === "TCP") return { kind: "tcp" };
  if (type === "DNS") return dnsQuestionOf(add, written, place);
  if (!["HTTP", "HTTPS"].includes(type))
    add(`${place}.type "${type as string}" is not known; use TCP, HTTP, HTTPS or DNS`);
  if (host !== undefined && !isHost(host)) add(`${place}.host "${host}" is not a host's name`);
  if (!isPath(path))
    add(`${place}.path must begin with a slash and have at most ${longestPath} printable characters without blanks`);
  if (status !== undefined) for (const problem of wholeProblem(`${place}.status`, status, [200, 599])) add(problem);
  const kind = type === "HTTPS" ? "https" : "http";
  return { kind, path, ...(host !== undefined && { host }), ...(status !== undefined && { status }) };
}

/** Fields of another kind of check. */
function strayFields(written: CheckSpec, place: string): readonly string[] {
  const { type } = written;
  const isWeb = type === "HTTP" || type === "HTTPS";
  const web = isWeb ? [] : (["host", "path", "status"] as const);
  const dns = type === "DNS" ? [] : (["name", "recordType"] as const);
  return [
    ...web.filter((field) => written[field] !== undefined).map((field) => `${field} is of HTTP and HTTPS alone`),
    ...dns.filter((field) => written[field] !== undefined).map((field) => `${field} is of DNS alone`),
  ].map((problem) => `${place}.${problem}; leave it out`);
}

function dnsQuestionOf(add: (problem: string) => void, written: CheckSpec, place: string): Question {
  const { name = "", recordType = "A" } = written;
  const asked = askedName(name);
  if (asked === undefined) add(`${place}.name "${name}" is no name that a DNS server can be asked for`);
  if (!dnsCheckTypes.includes(recordType))
    add(`${place}.recordType "${recordType as string}" is not known; use one of ${dnsCheckTypes.join(", ")}`);
  return { kind: "dns", name: asked ?? "", recordType };
}

/** A name as it is asked for: absolute, folded, without the dot at its end; undefined for what is none. The root is none either. */
export function askedName(text: string): string | undefined {
  try {
    const name = parseName(text);
    return name === "" ? undefined : name;
  } catch {
    return undefined;
  }
}

/** Whether a text can be in a Host header. */
export function isHost(text: string): boolean {
  return text.length <= longestHost && /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(text);
}

/** Whether a text can stand in a request's first line. */
export function isPath(text: string): boolean {
  return text.length <= longestPath && /^\/[!-~]*$/.test(text);
}

function wholeProblem(field: string, value: number, range: readonly [number, number]): readonly string[] {
  return Number.isInteger(value) ? numberProblem(field, value, range) : [`${field} must be a whole number`];
}

function numberProblem(field: string, value: number, [least, most]: readonly [number, number]): readonly string[] {
  return typeof value === "number" && value >= least && value <= most
    ? []
    : [`${field} must be from ${least} to ${most}, got ${String(value)}`];
}
