import { type Environment, list, required, seconds, socket } from "../../../contract/environment";
import { liveSettingsPath } from "../../../contract/live-settings";
import type { FixedRuntime } from "../../../knot/config/site-runtime";

/** All that the agent is told from outside. Read once, at the start. */
export interface AgentOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** What else the stack tells running pods, a JSON file. */
  readonly settingsFile: string;
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
  readonly runtime: FixedRuntime;
  /** Where this pod's Knot answers. */
  readonly knot: { readonly address: string; readonly port: number };
  /** Where the agent's own HTTP server listens. */
  readonly http: { readonly address: string; readonly port: number };
  readonly pod: string;
  /** How a pod that is to end goes. */
  readonly leaving: LeavingTimes;
}

/** How long a pod that is to end goes on, in seconds: nothing where nothing is said. */
export interface LeavingTimes {
  /** It stays ready: load balancers and kube-proxies take notice that it is to end. */
  readonly servedSeconds: number;
  /** Then it is not ready any more, and still answers those who come all the same. */
  readonly answeringSeconds: number;
}

/**
 * Reads the agent's environment.
 *
 * @throws UserError that names the variable.
 */
export function readAgentOptions(env: Environment): AgentOptions {
  const pod = required(env, "DNS_MESH_POD");
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    settingsFile: liveSettingsPath(env),
    ringFile: required(env, "DNS_MESH_KEYS"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    ...mountedFiles(env),
    runtime: {
      storage: required(env, "DNS_MESH_STORAGE"),
      rundir: required(env, "DNS_MESH_RUNDIR"),
      listen: list(env, "DNS_MESH_LISTEN"),
      secure: { listen: list(env, "DNS_MESH_LISTEN_SECURE") },
      replicas: { self: ordinalOf(pod) },
    },
    knot: socket(env, "DNS_MESH_KNOT"),
    http: socket(env, "DNS_MESH_HTTP"),
    pod,
    leaving: {
      servedSeconds: seconds(env, "DNS_MESH_SERVED_SECONDS", { missing: 0, least: 0, most: 999_999 }),
      answeringSeconds: seconds(env, "DNS_MESH_ANSWERING_SECONDS", { missing: 0, least: 0, most: 999_999 }),
    },
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
