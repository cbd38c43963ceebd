import { askEveryPod } from "../src/agents/pods";
import { messageOf } from "../src/base/errors";
import type { DnsServer } from "../src/dns/client/dns-client";
import { formatPodId, parsePodId, type PodId } from "../src/mesh/pod-id";
import { toolPath } from "./tools";
import { run } from "./tools/run";

/** What the real `kdig` prints for a name's records of a type at an address. */
export async function kdigAnswer(address: string, name: string, type = "SOA"): Promise<string> {
  return run(toolPath("kdig"), [`@${address}`, name, type, "+short"]);
}

/** What one pod answers the real `kdig`. */
export interface PodAnswer {
  /** As it names itself, such as `site-b/0/2`. */
  readonly pod: string;
  /** RDATA of the answer's records, one a line. */
  readonly answer: string;
}

/**
 * What each pod behind an address answers the real `kdig` for a name's records of a type, by ordinal.
 *
 * @throws Error that names the pods that did not answer.
 */
export async function kdigEveryPod(server: DnsServer, name: string, type = "SOA"): Promise<readonly PodAnswer[]> {
  const shown = ["+nsid", "+noall", "+opt", "+answer"];
  const ask = async (): Promise<{ readonly pod: PodId; readonly answer: string }> =>
    readAnswer(await run(toolPath("kdig"), [`@${server.address}`, "-p", String(server.port), name, type, ...shown]));
  const { answers, missing, failures } = await askEveryPod(ask);
  if (missing.length > 0) {
    const reasons = [...new Set(failures.map(messageOf))].join("; ");
    throw new Error(`${name} at ${server.address}: no answer of pods ${missing.join(", ")}: ${reasons}`);
  }
  return [...answers.values()]
    .sort((one, other) => one.pod.ordinal - other.pod.ordinal)
    .map(({ pod, answer }) => ({ pod: formatPodId(pod), answer }));
}

/** Reads the line with the identifier and the lines of records, which begin with name, TTL, class and type. */
function readAnswer(text: string): { pod: PodId; answer: string } {
  const [, hex = ""] = /^;; NSID: ([0-9A-F]+) /m.exec(text) ?? [];
  const pod = parsePodId(Buffer.from(hex, "hex"));
  if (pod === undefined) throw new Error(`no pod named itself in "${text.trim()}"`);
  const records = text.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  return { pod, answer: records.map((line) => line.split(/\s+/).slice(4).join(" ")).join("\n") };
}

/** What the real `kdig` says of a transfer without a key, whether it came about or not. */
export async function kdigTransfer(address: string, zone: string): Promise<string> {
  return run(toolPath("kdig"), [`@${address}`, zone, "AXFR"]).catch(messageOf);
}
