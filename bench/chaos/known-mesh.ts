import { readFile } from "node:fs/promises";

import type { Lab, LabSite } from "../../lab";

/** Between two looks at all pods. */
const everyMs = 1000;

/** Of a volume: the servers that Knot exchanges zones with, and the members of the catalog that it interprets. */
const files = ["conf/peers.d/10-remotes.conf", "zones/local-catalog.invalid.zone", "conf/zones.d/own.conf"];

/** Watches what each pod's Knot is configured with: every site and zone of the list must stay in it. */
export class KnownMesh implements Disposable {
  #timer: NodeJS.Timeout | undefined;
  readonly #suspended = new Set<string>();
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly options: {
      readonly lab: Lab;
      readonly lost: (pod: string, detail: string) => void;
    },
  ) {}

  /** Holds every pod from now on to what it has. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), everyMs);
  }

  /** A pod's volume is about to be lost: what is found there meanwhile means nothing. */
  suspend(pod: string): void {
    this.#suspended.add(pod);
  }

  /** A pod whose volume is gone knows nothing, until it has everything again. */
  forget(pod: string): void {
    this.#known.delete(pod);
    this.#suspended.delete(pod);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    await Promise.all([...this.options.lab.sites.values()].map((pod) => this.#lookAt(pod)));
  }

  async #lookAt(pod: LabSite): Promise<void> {
    const { podName } = pod;
    const wanted = wantedAt(this.options.lab, pod.name);
    const texts = await Promise.all(files.map((file) => readFile(pod.path("storage", file), "utf8").catch(() => "")));
    const text = texts.join("\n");
    const known = new Set([...wanted].filter((name) => text.includes(name)));
    // A site that has left loses its volume.
    const isListed = this.options.lab.plan.names().includes(pod.name);
    if (this.#suspended.has(podName) || !isListed) return;
    const before = this.#known.get(podName);
    for (const name of before ?? []) if (wanted.has(name) && !known.has(name)) this.options.lost(podName, name);
    this.#known.set(podName, known);
  }
}

/** What stands in a pod's files for every other site, and for every zone. */
function wantedAt({ plan }: Lab, site: string): ReadonlySet<string> {
  const peers = plan.names().filter((name) => name !== site);
  return new Set([...peers.map((name) => `peer-${name}`), ...plan.zones()]);
}
