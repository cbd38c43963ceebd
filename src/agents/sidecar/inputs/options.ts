import type { Environment, SocketAddress } from "../../../contract/environment";
import { agentEnvironment, type OptionsOf } from "../../../contract/environments";
import { liveSettingsPath } from "../../../contract/live-settings";
import type { FixedRuntime } from "../../../knot/config/site-runtime";

/** The agent's options, from its environment. Read once, at the start. */
export interface AgentOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** What else the stack tells running pods, a JSON file. */
  readonly settingsFile: string;
  /** Key ring, a JSON file. */
  readonly ringFile: string;
  /** How to reach Vault, a JSON file. With it the agent writes the ring's file itself. */
  readonly vaultFile?: string;
  /** The site's own key, a JSON file. */
  readonly localKeyFile: string;
  /** Keys of servers outside the mesh, a JSON file; none without it. */
  readonly readersFile?: string;
  /** Who may change own zones from outside, a JSON file. Without it there are no updaters. */
  readonly updatersFile?: string;
  /** The record operator's key, a JSON file; without it no operator does. */
  readonly recordsKeyFile?: string;
  /** The kept copy of the zones' keys, a JSON file that comes with the first copy, and what copies are sealed with; without Vault. */
  readonly zoneKeysFile?: string;
  readonly zoneKeysSealFile?: string;
  /** Folder with the site's certificate, its key and the roots; missing only where transfers run over plain TCP. */
  readonly tlsFolder?: string;
  /** Folder with the parts of the central zones; on the primary only. */
  readonly centralFolder?: string;
  /** What a request of the backup's pods must show, a file that is there while the site has backups. */
  readonly backupTokenFile?: string;
  /** The pod's annotation by which changes of own zones are let through. Without it the pod has no guard on them. */
  readonly letThroughFile?: string;
  readonly runtime: FixedRuntime;
  /** Where this pod's Knot answers. */
  readonly knot: SocketAddress;
  /** Where the agent's own HTTP server listens. */
  readonly http: SocketAddress;
  readonly pod: string;
  /** For how long another site may answer another version of an own zone, in milliseconds. */
  readonly disagreeMs: number;
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
  const {
    storage,
    rundir,
    listen,
    secureListen,
    servedSeconds,
    answeringSeconds,
    ...options
  }: OptionsOf<typeof agentEnvironment> = agentEnvironment.fromEnvironment(env);
  return {
    ...options,
    settingsFile: liveSettingsPath(options.packetFile),
    runtime: {
      storage,
      rundir,
      listen,
      secure: { listen: secureListen },
      replicas: { self: ordinalOf(options.pod) },
    },
    leaving: { servedSeconds, answeringSeconds },
  };
}

/** The number at the end of a StatefulSet pod's name. */
function ordinalOf(pod: string): number {
  return Number(/-(\d+)$/.exec(pod)?.[1] ?? "0");
}
