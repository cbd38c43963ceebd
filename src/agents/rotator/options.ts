import { UserError } from "../../base/errors";
import type { DnsServer } from "../../dns/client/dns-client";
import { list, port, required, type Environment } from "../../contract/environment";

/** All that the rotator is told from outside. Read once, at the start. */
export interface RotatorOptions {
  /** Welcome packet, a JSON file. */
  readonly packetFile: string;
  /** What is told of Vault, a JSON file. */
  readonly vaultFile: string;
  /** The site's own key, by which its pods let it read zones, a JSON file. */
  readonly localKeyFile: string;
  /** This site's Knot pods. */
  readonly pods: readonly DnsServer[];
  /** Port at which the other sites' addresses are asked. */
  readonly remotePort: number;
}

/**
 * Reads the rotator's environment (see `docs/architecture.md` for the names).
 *
 * @throws UserError that names the variable.
 */
export function readRotatorOptions(env: Environment): RotatorOptions {
  const pods = list(env, "DNS_MESH_PODS").map((text) => {
    const [address = "", number = "53"] = text.trim().split("@");
    return { address, port: port(number, "DNS_MESH_PODS") };
  });
  if (pods.length === 0) throw new UserError("DNS_MESH_PODS must list the address of each Knot pod");
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    vaultFile: required(env, "DNS_MESH_VAULT"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    pods,
    remotePort: port(env["DNS_MESH_REMOTE_PORT"] ?? "53", "DNS_MESH_REMOTE_PORT"),
  };
}
