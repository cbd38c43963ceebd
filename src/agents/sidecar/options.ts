import type { SiteRuntime } from "../../knot/config/site-runtime";
import { list, port, required, socket, type Environment } from "../../contract/environment";

/** All that the agent is told from outside. Read once, at the start. */
export interface AgentOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** Key ring, a JSON file. */
  readonly ringFile: string;
  /** What is told of Vault, a JSON file. With it the ring's file is ours to write. */
  readonly vaultFile?: string;
  /** The site's own key, a JSON file. */
  readonly localKeyFile: string;
  /** Keys of servers outside the mesh, a JSON file; none without it. */
  readonly readersFile?: string;
  /** Who may change own zones from outside, a JSON file; nobody without it. */
  readonly updatersFile?: string;
  /** The record operator's key, a JSON file; without it no operator does. */
  readonly recordsKeyFile?: string;
  /** Folder with the site's certificate, its key and the roots; missing only where transfers run over plain TCP. */
  readonly tlsFolder?: string;
  /** Folder with the parts of the central zones; on the primary only. */
  readonly centralFolder?: string;
  readonly runtime: SiteRuntime;
  /** Where this pod's Knot answers. */
  readonly knot: { readonly address: string; readonly port: number };
  /** Where the agent's own HTTP server listens. */
  readonly http: { readonly address: string; readonly port: number };
  readonly pod: string;
}

/**
 * Reads the agent's environment (see `docs/architecture.md` for the names).
 *
 * @throws UserError that names the variable.
 */
export function readAgentOptions(env: Environment): AgentOptions {
  const remotePort = port(env["DNS_MESH_REMOTE_PORT"] ?? "53", "DNS_MESH_REMOTE_PORT");
  const pod = required(env, "DNS_MESH_POD");
  const addresses = list(env, "DNS_MESH_REPLICAS");
  const replicas = addresses.length > 1 ? { self: ordinalOf(pod), addresses } : undefined;
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    ringFile: required(env, "DNS_MESH_KEYS"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    ...mountedFiles(env),
    runtime: {
      storage: required(env, "DNS_MESH_STORAGE"),
      rundir: required(env, "DNS_MESH_RUNDIR"),
      listen: list(env, "DNS_MESH_LISTEN"),
      remotePort,
      secure: {
        listen: list(env, "DNS_MESH_LISTEN_SECURE"),
        remotePort: port(env["DNS_MESH_SECURE_PORT"] ?? "853", "DNS_MESH_SECURE_PORT"),
      },
      ...(replicas && { replicas }),
    },
    knot: socket(env, "DNS_MESH_KNOT"),
    http: socket(env, "DNS_MESH_HTTP"),
    pod,
  };
}

/** Files and folders that not every site has, by the variable that names each. */
const mounted = {
  vaultFile: "DNS_MESH_VAULT",
  readersFile: "DNS_MESH_READERS",
  updatersFile: "DNS_MESH_UPDATERS",
  recordsKeyFile: "DNS_MESH_RECORDS_KEY",
  tlsFolder: "DNS_MESH_TLS",
  centralFolder: "DNS_MESH_CENTRAL",
} as const;

function mountedFiles(env: Environment): Partial<Record<keyof typeof mounted, string>> {
  const named = Object.entries(mounted).map(([field, variable]) => [field, env[variable] ?? ""] as const);
  return Object.fromEntries(named.filter(([, path]) => path !== ""));
}

/** The number at the end of a StatefulSet pod's name. */
function ordinalOf(pod: string): number {
  return Number(/-(\d+)$/.exec(pod)?.[1] ?? "0");
}
