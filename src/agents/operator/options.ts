import { type Environment, list, port, required, seconds, socket, socketOf } from "../../contract/environment";

/** What the record operator is set to. Read once, at the start. */
export interface OperatorOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** The site's own key, by which zones are read, a JSON file. */
  readonly localKeyFile: string;
  /** The key by which zones are changed, a JSON file. */
  readonly recordsKeyFile: string;
  /** Where the writer's Knot answers. */
  readonly writer: { readonly address: string; readonly port: number };
  /** Where each of the site's Knot pods answers, by ordinal; none when they are not known. */
  readonly pods: readonly { readonly address: string; readonly port: number }[];
  /** Where the agent beside it answers. */
  readonly agent: { readonly address: string; readonly port: number };
  /** Where our own HTTP server listens. */
  readonly http: { readonly address: string; readonly port: number };
  /** Port that sites answer on. */
  readonly remotePort: number;
  /** Our own namespace, where the Lease is. */
  readonly namespace: string;
  /** Namespaces whose DnsRecords we serve, our own among them; `*` alone for all. */
  readonly namespaces: readonly string[];
  /** Our own pod. */
  readonly pod: string;
  /** Folder with the API server's root certificate and our token; a pod's own when left out. */
  readonly account?: string;
  /** Milliseconds between looks for changes that others made. */
  readonly lookMs: number;
  /** Milliseconds of silence after which a site is away, and nothing waits for it any more. */
  readonly awayMs: number;
  /** Seconds without a sign of life after which another replica leads. */
  readonly leaseSeconds: number;
}

/**
 * Reads the operator's environment.
 *
 * @throws UserError that names the variable.
 */
export function readOperatorOptions(env: Environment): OperatorOptions {
  const account = list(env, "DNS_MESH_ACCOUNT")[0];
  const namespace = required(env, "DNS_MESH_NAMESPACE");
  const served = list(env, "DNS_MESH_NAMESPACES");
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    recordsKeyFile: required(env, "DNS_MESH_RECORDS_KEY"),
    writer: socket(env, "DNS_MESH_WRITER"),
    pods: list(env, "DNS_MESH_PODS").map((text) => socketOf(text, "DNS_MESH_PODS")),
    agent: socket(env, "DNS_MESH_AGENT"),
    http: socket(env, "DNS_MESH_HTTP"),
    remotePort: port(env["DNS_MESH_REMOTE_PORT"] ?? "53", "DNS_MESH_REMOTE_PORT"),
    namespace,
    namespaces: served.includes("*") ? ["*"] : [...new Set([namespace, ...served])],
    pod: required(env, "DNS_MESH_POD"),
    ...(account !== undefined && { account }),
    lookMs: seconds(env, "DNS_MESH_LOOK_SECONDS", { missing: 5, most: 60 }) * 1000,
    awayMs: seconds(env, "DNS_MESH_AWAY_SECONDS", { missing: 30, most: 86_400 }) * 1000,
    leaseSeconds: seconds(env, "DNS_MESH_LEASE_SECONDS", { missing: 15, most: 3600 }),
  };
}
