import { askEveryPod, askPod } from "../../src/agents/pods";
import { messageOf } from "../../src/base/errors";
import type { DnsClient, DnsServer } from "../../src/dns/client/dns-client";

/**
 * The serial of a zone at each pod behind an address, which say themselves how many they are.
 *
 * @throws Error that names the pods that did not answer.
 */
export async function podSerials(dns: DnsClient, server: DnsServer, zone: string): Promise<readonly number[]> {
  const { answers, missing, failures } = await askEveryPod(() => askPod({ dns, server, zone }));
  if (missing.length > 0) {
    const reasons = [...new Set(failures.map(messageOf))].join("; ");
    throw new Error(`${zone} at ${server.address}: no answer of pods ${missing.join(", ")}: ${reasons}`);
  }
  return [...answers.values()].map(({ serial }) => serial);
}
