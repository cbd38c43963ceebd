import { list, port, required, type Environment } from "../../contract/environment";
import { UserError } from "../../base/errors";

/** One Knot pod, at an address that is its alone. */
export interface Pod {
  readonly name: string;
  readonly address: string;
}

/** All that the reconciler is told from outside. Read once, at the start. */
export interface ReconcilerOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** The site's own key, a JSON file. */
  readonly localKeyFile: string;
  readonly pods: readonly Pod[];
  readonly namespace: string;
  /** Our own pod, for Events. */
  readonly pod: string;
  /** Port that other sites answer on. */
  readonly remotePort: number;
  /** Port that other sites offer encrypted transfers on. */
  readonly securePort: number;
}

/** Ports that each pod's own Service has. */
export const ports = { dns: 53, agent: 8053 } as const;

/**
 * Reads the reconciler's environment (see `docs/architecture.md` for the names).
 *
 * @throws UserError that names the variable.
 */
export function readReconcilerOptions(env: Environment): ReconcilerOptions {
  const pods = list(env, "DNS_MESH_PODS").map((address, i) => ({ name: `knot-${i}`, address: address.trim() }));
  if (pods.length === 0) throw new UserError("DNS_MESH_PODS must list the address of each Knot pod");
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    pods,
    namespace: required(env, "DNS_MESH_NAMESPACE"),
    pod: required(env, "DNS_MESH_POD"),
    remotePort: port(env["DNS_MESH_REMOTE_PORT"] ?? "53", "DNS_MESH_REMOTE_PORT"),
    securePort: port(env["DNS_MESH_SECURE_PORT"] ?? "853", "DNS_MESH_SECURE_PORT"),
  };
}
