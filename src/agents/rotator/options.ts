import { type Environment, required } from "../../contract/environment";
import type { LiveSettings } from "../../contract/live-settings";
import type { DnsServer } from "../../dns/client/dns-client";

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
 * Reads the rotator's environment.
 *
 * @throws UserError that names the variable.
 */
export function readRotatorOptions(env: Environment, { pods, remotePort }: LiveSettings): RotatorOptions {
  return {
    packetFile: required(env, "DNS_MESH_PACKET"),
    vaultFile: required(env, "DNS_MESH_VAULT"),
    localKeyFile: required(env, "DNS_MESH_LOCAL_KEY"),
    pods: pods.addresses.map((address) => ({ address, port: pods.port })),
    remotePort,
  };
}
