import type { AskSerial } from "../../../../src/agents/operator/zone-at-site";
import { DnsError } from "../../../../src/dns/errors";

/** A pod of a site: what it answers is what the writer has, unless it is told otherwise. */
interface FakePod {
  /** The serial at which it stands still. */
  behind?: number;
  isDown?: boolean;
}

interface FakeSite {
  readonly address: string;
  readonly pods: FakePod[];
  /** Whether its pods name themselves. */
  readonly isNamed: boolean;
}

/** The sites of a mesh, each with one address and several pods behind it. A balancer gives them questions in turn. */
export class FakeSites {
  questions = 0;
  /** Ports that were asked. */
  readonly ports = new Set<number>();
  /** Questions by site that came from a port of their own. */
  readonly anew = new Map<string, number>();
  readonly #sites = new Map<string, FakeSite>();
  readonly #direct = new Map<string, string>();
  #turn = 0;

  /** @param serialOf - What the writer has. */
  constructor(private readonly serialOf: (zone: string) => number) {}

  add(name: string, site: { address: string; pods?: number; isNamed?: boolean }): void {
    const { address, pods = 1, isNamed = true } = site;
    this.#sites.set(name, { address, pods: Array.from({ length: pods }, () => ({})), isNamed });
  }

  /** An address at which one pod answers by itself. */
  addDirect(site: string, ordinal: number, address: string): void {
    this.#direct.set(address, `${site}/${ordinal}`);
  }

  pod(site: string, ordinal = 0): FakePod {
    const pod = this.#sites.get(site)?.pods[ordinal];
    if (pod === undefined) throw new Error(`${site} has no pod ${ordinal}`);
    return pod;
  }

  /** Changes how many pods a site has. */
  scale(site: string, replicas: number): void {
    const pods = this.#sites.get(site)?.pods ?? [];
    pods.length = Math.min(pods.length, replicas);
    while (pods.length < replicas) pods.push({});
  }

  readonly ask: AskSerial = async ({ server, zone, anew }) => {
    this.questions++;
    this.ports.add(server.port);
    await Promise.resolve();
    const direct = this.#direct.get(server.address)?.split("/");
    const found = [...this.#sites].find(([name, { address }]) =>
      direct ? name === direct[0] : address === server.address,
    );
    if (found === undefined) throw new DnsError({ kind: "timeout", afterMs: 700 });
    const [name, { pods, isNamed }] = found;
    if (anew) this.anew.set(name, (this.anew.get(name) ?? 0) + 1);
    const up = [...pods.keys()].filter((ordinal) => direct !== undefined || pods[ordinal]?.isDown !== true);
    // Without a port of its own a question goes to the pod that got the last one.
    const ordinal = direct ? Number(direct[1]) : up[anew ? this.#turn++ % up.length : 0];
    const pod = ordinal === undefined ? undefined : pods[ordinal];
    if (ordinal === undefined || pod === undefined || pod.isDown === true)
      throw new DnsError({ kind: "timeout", afterMs: 700 });
    const serial = pod.behind ?? this.serialOf(zone);
    return { serial, ...(isNamed && { pod: { site: name, ordinal, replicas: pods.length } }) };
  };
}
