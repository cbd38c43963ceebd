import { type Clock, isAborted } from "../../../base/clock";
import type { Check, Seen } from "../../../pools/model";
import { nextSight, type Sight, unseen } from "../../../pools/sight";

/** What a {@link Prober} works with. */
export interface ProberOptions {
  /** Probes a target once. Never throws. */
  readonly probe: (check: Check, signal: AbortSignal) => Promise<boolean>;
  /** Probes a second at most, of all targets together. With more to do each of them is probed less often. */
  readonly perSecond: number;
  /** A target came up or went down, or is known now. */
  readonly onTurn: () => void;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

interface Running {
  sight: Sight;
  readonly ending: AbortController;
}

/** Probes that wait for their answers at a time. */
const mostOpen = 256;

/** Probes targets, spread over time, so many at a time and a second at most. */
export class Prober {
  readonly #running = new Map<string, Running>();
  #nextAt = 0;
  #open = 0;
  /** Wakes those that wait until fewer are open. */
  readonly #waiting: (() => void)[] = [];
  /** Probes made, by their results. */
  readonly counts = { good: 0, bad: 0 };

  constructor(private readonly options: ProberOptions) {}

  /** Targets that are probed. */
  get size(): number {
    return this.#running.size;
  }

  /** Whether a target is probed. */
  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** What is known of a target; undefined when it is not probed, or nothing is known yet. */
  seen(id: string): Seen | undefined {
    return this.#running.get(id)?.sight.seen;
  }

  /** Probes these from now on, by their ids, and no others. What is known of those that stay stays. */
  want(checks: ReadonlyMap<string, Check>, signal: AbortSignal): void {
    for (const [id, { ending }] of this.#running) {
      if (checks.has(id)) continue;
      ending.abort();
      this.#running.delete(id);
    }
    for (const [id, check] of checks) {
      if (this.#running.has(id)) continue;
      const running = { sight: unseen, ending: new AbortController() };
      this.#running.set(id, running);
      void this.#follow(check, running, AbortSignal.any([signal, running.ending.signal]));
    }
  }

  async #follow(check: Check, running: Running, signal: AbortSignal): Promise<void> {
    const { clock, random, onTurn, probe } = this.options;
    const { now } = clock;
    // Many that are wanted at once are spread over the first interval, though no first opinion takes longer than a second.
    await clock.pause(random() * Math.min(check.intervalMs, 1000), signal);
    while (!isAborted(signal)) {
      await this.#turn(signal);
      if (isAborted(signal)) return;
      const begunAt = now();
      this.#open++;
      const isGood = await probe(check, signal);
      this.#open--;
      this.#waiting.shift()?.();
      if (isAborted(signal)) return;
      this.counts[isGood ? "good" : "bad"]++;
      const before = running.sight.seen;
      running.sight = nextSight(running.sight, isGood, check);
      if (running.sight.seen !== before) onTurn();
      await clock.pause(begunAt + check.intervalMs - now(), signal);
    }
  }

  /** Waits until another probe may begin. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { clock, perSecond } = this.options;
    const now = clock.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + 1000 / perSecond;
    if (at > now) await clock.pause(at - now, signal);
    while (this.#open >= mostOpen && !isAborted(signal)) await this.#fewer(signal);
    // The turn that came to one that has ended is another one's.
    if (isAborted(signal)) this.#waiting.shift()?.();
  }

  #fewer(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
      this.#waiting.push(wake);
    });
  }
}
