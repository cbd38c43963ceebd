import type { WelcomePacket } from "../../src/mesh/model";
import { looksUpName, type ServerReach } from "../../src/policies/site-policies";
import type { SiteConfig } from "../../src/settings/site-settings";

/** The Vault that a site's pods talk to, as the site reaches it; undefined where there is none. */
export function vaultReach(packet: WelcomePacket, config: Pick<SiteConfig, "vault">): ServerReach | undefined {
  if (packet.vault === undefined) return undefined;
  const { address = packet.vault.address, egress } = config.vault ?? {};
  return { address, ...(egress && { egress }) };
}

/** Where pods look names up: at the cluster's resolver for a Vault that is given by name, which policies let them ask; else nowhere. */
export function dnsPolicy(vault: ServerReach | undefined): "ClusterFirst" | "Default" {
  return vault !== undefined && looksUpName(vault.address) ? "ClusterFirst" : "Default";
}
