import { setTimeout as delay } from "node:timers/promises";

import { Histogram } from "../../../base/prometheus";
import { Turns } from "../../../base/turns";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { isNewerSerial } from "../../../dns/serial";
import type { Target } from "./open-entries";

/** What {@link Publication} works with. */
export interface PublicationParts {
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** @default a timer that keeps no program alive */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Upper bounds of the buckets, in seconds. */
const bounds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Until the first look, and how much later each further one is than the one before, up to the longest pause. */
const [firstMs, growth, longestMs] = [10, 1.4, 2000];
/** After which a site that answers is no longer followed; it counts beyond all bounds. */
const patienceMs = 60_000;
/** Between the end of one and the next change that is followed. */
const restMs = 5000;
/** Sites that are followed at a time, and that have a histogram of their own. */
const [mostFollowed, mostNamed] = [64, 64];

/**
 * How long a change takes to each site. One change is followed at a time, with ever longer pauses: looks at all of them
 * would cost more than their NOTIFYs.
 */
export class Publication {
  readonly #histograms = new Map<string, Histogram>();
  readonly #turns = new Turns(mostFollowed);
  #isFollowing = false;
  #nextAt = 0;

  constructor(private readonly parts: PublicationParts) {}

  /** By site; what there is no room for has no name. */
  get histograms(): readonly (readonly [labels: Readonly<Record<string, string>>, histogram: Histogram])[] {
    return [...this.#histograms].map(([site, histogram]) => [site === "" ? {} : { peer: site }, histogram]);
  }

  /** A zone has this serial here since just now, and these were notified. Follows that, unless another one is followed. Never throws. */
  follow(zone: string, serial: number, targets: readonly Target[]): void {
    const began = this.parts.now();
    if (this.#isFollowing || began < this.#nextAt || targets.length === 0) return;
    this.#isFollowing = true;
    const change = { zone, serial, began };
    void Promise.all(this.#turns.next(targets).map((target) => this.#followAt(target, change))).then(() => {
      this.#isFollowing = false;
      this.#nextAt = this.parts.now() + restMs;
    });
  }

  async #followAt(
    { site, servers: [server] }: Target,
    change: { readonly zone: string; readonly serial: number; readonly began: number },
  ): Promise<void> {
    if (server === undefined) return;
    const { now, pause = quietPause } = this.parts;
    for (let ms = firstMs; now() - change.began < patienceMs; ms = Math.min(ms * growth, longestMs)) {
      await pause(ms);
      const answer = await this.#ask(server, change);
      if (answer === "silent") return;
      if (answer === "has") break;
    }
    this.#of(site).observe((now() - change.began) / 1000);
  }

  async #ask(
    server: DnsServer,
    { zone, serial }: { readonly zone: string; readonly serial: number },
  ): Promise<"has" | "lacks" | "silent"> {
    try {
      return isNewerSerial(serial, (await this.parts.dns.querySoa(server, zone)).serial) ? "lacks" : "has";
    } catch (error) {
      return isUnreachable(error) ? "silent" : "lacks";
    }
  }

  #of(site: string): Histogram {
    const key = this.#histograms.has(site) || this.#histograms.size < mostNamed ? site : "";
    const histogram = this.#histograms.get(key) ?? new Histogram(bounds);
    this.#histograms.set(key, histogram);
    return histogram;
  }
}

function quietPause(ms: number): Promise<void> {
  return delay(ms, undefined, { ref: false });
}
