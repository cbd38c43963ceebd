import { DnsClient } from "../dns/client/dns-client";

/**
 * Asks servers for a program that looks once and ends. A transfer's connection outlives two lost packets: a Knot that is busy for a
 * moment is no finding.
 *
 * @param totalMs - Milliseconds after which DNS is given up.
 */
export function patientDns(totalMs: number): DnsClient {
  return new DnsClient({
    ...{ timeoutMs: 1500, transferSilenceMs: 6000, transferMs: 20_000 },
    signal: AbortSignal.timeout(totalMs),
  });
}
