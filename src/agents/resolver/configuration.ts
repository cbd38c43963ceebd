import { createHash } from "node:crypto";

import { compareText } from "../../base/text";
import { versionVariable } from "../../contract/resolver";
import { splitServer } from "../../dns/address";

/** What is known of a zone's keys: DNSKEY records that are its trust anchors, none for a zone without signatures. */
export type ZoneKeys = readonly string[];

/** A zone of the mesh as the resolver has it. */
export interface ResolvedZone {
  /** Absolute, lower-case, without the trailing dot. */
  readonly name: string;
  /** Addresses that answer it on port 53. */
  readonly servers: readonly string[];
  /** Undefined as long as nobody knows whether it is signed: it is not answered then. */
  readonly keys: ZoneKeys | undefined;
}

/** What Knot Resolver is told. */
export interface ResolverConfiguration {
  /** Sockets in Knot's form, such as `0.0.0.0@5353`. */
  readonly listen: readonly string[];
  readonly tls?: {
    readonly listen: readonly string[];
    readonly folder: string;
    /** Changes with the files in the folder. */
    readonly fingerprint: string;
  };
  /** Folder of the cache, which all processes share. */
  readonly cache: string;
  readonly cacheMiB: number;
  /** Who is asked for other names; the root's servers without any. */
  readonly upstreams: readonly string[];
  readonly validatesUpstreams: boolean;
  readonly zones: readonly ResolvedZone[];
}

/**
 * The configuration of Knot Resolver 6, in Lua. Servers of the mesh are told as authoritative ones: it follows referrals to
 * zones outside, and picks the nearest of those that answer. A zone without signatures is exempt from validation, whatever
 * zones above it say. One whose keys are not known, or not understood, is not: it alone fails then, and is not believed.
 *
 * At its end it has a version of its own, so that each process can say what it runs.
 */
export function configurationText(input: ResolverConfiguration): string {
  const { listen, tls, cache, cacheMiB, upstreams, validatesUpstreams } = input;
  const zones = [...input.zones].sort((a, b) => compareText(a.name, b.name));
  const forwards = (name: string, options: string, servers: readonly string[]): string =>
    `policy.rule_forward_add(${quoted(name)}, { ${options} }, { ${servers.map((each) => `{ ${quoted(each)} }`).join(", ")} })`;
  const lines = [
    "-- Written by the resolver's agent. What is changed here is lost.",
    "log_level('notice')",
    "modules.load('stats')",
    `cache.open(${cacheMiB} * MB, ${quoted(`lmdb://${cache}`)})`,
    ...listen.map((socket) => listens(socket, "dns")),
    ...(tls
      ? [
          `-- ${tls.fingerprint}`,
          `net.tls(${quoted(`${tls.folder}/tls.crt`)}, ${quoted(`${tls.folder}/tls.key`)})`,
          ...tls.listen.map((socket) => listens(socket, "tls")),
        ]
      : []),
    ...(upstreams.length > 0
      ? [
          ...unused(validatesUpstreams).map((module) => `modules.unload('${module}')`),
          forwards(".", `auth = false, dnssec = ${validatesUpstreams}`, upstreams),
        ]
      : []),
    ...zones.flatMap(({ name, servers, keys }) => [
      forwards(`${name}.`, `auth = true, dnssec = ${keys === undefined || keys.length > 0}`, servers),
      ...(keys && keys.length > 0 ? [`pcall(trust_anchors.add, ${quoted(anchors(name, keys))})`] : []),
    ]),
  ];
  const text = `${lines.join("\n")}\n`;
  const version = createHash("sha256").update(text).digest("hex").slice(0, 32);
  return `${text}${versionVariable} = '${version}'\n`;
}

/** The version of a configuration; undefined for a text that is none of ours. */
export function versionOf(text: string): string | undefined {
  return new RegExp(`^${versionVariable} = '(\\w+)'$`, "m").exec(text)?.[1];
}

/**
 * Whether a change is not to wait for others: the keys of a zone are known for the first time, or are others, or there is another
 * certificate.
 *
 * @param before - What is written; undefined where that is not known.
 */
export function isUrgent(before: ResolverConfiguration | undefined, next: ResolverConfiguration): boolean {
  if (before === undefined || before.tls?.fingerprint !== next.tls?.fingerprint) return true;
  const known = new Map(before.zones.map(({ name, keys }) => [name, JSON.stringify(keys)]));
  return next.zones.some(({ name, keys }) => keys !== undefined && known.get(name) !== JSON.stringify(keys));
}

/** What would ask for the root's servers, and for its keys where these are not gone by. */
function unused(validates: boolean): readonly string[] {
  return ["priming", ...(validates ? [] : ["ta_update", "ta_signal_query", "detect_time_skew"])];
}

function listens(socket: string, kind: "dns" | "tls"): string {
  const { address, port } = splitServer(socket);
  return `net.listen(${quoted(address)}, ${port}, { kind = '${kind}' })`;
}

function anchors(zone: string, keys: ZoneKeys): string {
  return keys.map((key) => `${zone}. 3600 IN DNSKEY ${key}\n`).join("");
}

/** A text in Lua: whatever is no plain character is written by its octets. */
function quoted(text: string): string {
  const escaped = [...Buffer.from(text, "utf8")].map((octet) => {
    const isPlain = octet >= 0x20 && octet < 0x7f && octet !== 0x27 && octet !== 0x5c;
    return isPlain ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, "0")}`;
  });
  return `'${escaped.join("")}'`;
}
