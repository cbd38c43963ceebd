import { dnsperf } from "../../harness/load/dnsperf";
import type { DnsServer } from "../../src/dns/client/dns-client";
import { cpuMs } from "./processes";

/** A server that is compared with others. */
export interface Contestant {
  readonly name: string;
  readonly server: DnsServer;
  /** Of the process that answers. */
  readonly pid: number;
}

/** What one round came to. */
export interface Round {
  readonly perSecond: number;
  /** CPU time of the server for each answer, in microseconds. */
  readonly cpuMicros: number;
  /** Cores that the server used. */
  readonly busy: number;
}

/**
 * Loads servers in turn as much as they bear, each round in the opposite order of the one before, so that neither drift
 * nor the place in the order favours one. A round before the first is not counted.
 */
export async function compareServers(
  contestants: readonly Contestant[],
  load: { readonly questions: string; readonly rounds: number; readonly seconds: number },
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const results = new Map(contestants.map(({ name }) => [name, [] as Round[]]));
  for (let i = -1; i < load.rounds; i++) {
    for (const contestant of i % 2 === 0 ? contestants : [...contestants].reverse()) {
      const round = await playRound(contestant, load);
      if (i >= 0) results.get(contestant.name)?.push(round);
    }
  }
  return results;
}

async function playRound(
  { name, server, pid }: Contestant,
  { questions, seconds }: { readonly questions: string; readonly seconds: number },
): Promise<Round> {
  const before = cpuMs(pid);
  const { completed, codes, perSecond } = await dnsperf({ server, questions, seconds });
  const wrong = [...codes.keys()].filter((code) => code !== "NOERROR" && code !== "NXDOMAIN");
  if (completed === 0 || wrong.length > 0) throw new Error(`${name} answered ${wrong.join(", ") || "nothing"}`);
  const used = cpuMs(pid) - before;
  return { perSecond, cpuMicros: (used * 1000) / completed, busy: used / (seconds * 1000) };
}
