import { Bell, type Clock, isAborted } from "../../../base/clock";
import type { Check, Seen } from "../../../pools/model";
import { nextSight, type Sight, unseen } from "../../../pools/sight";

/** What a {@link Prober} works with. */
export interface ProberOptions {
  /** Probes a target once. Never throws. */
  readonly probe: (check: Check, signal: AbortSignal) => Promise<boolean>;
  /** Probes a second at most, of all targets together. With more to do each of them is probed less often. */
  readonly perSecond: number;
  /** A target came up or went down, or is known now. */
  readonly onTurn: (id: string) => void;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

interface Running {
  readonly id: string;
  readonly check: Check;
  sight: Sight;
  /** When it is probed next. */
  dueAt: number;
  readonly ending: AbortController;
}

/** Probes that wait for their answers at a time. */
const mostOpen = 256;
/** What a wake-up that came late may be made up for, in milliseconds' worth of probes. */
const lateMs = 20;
const idleMs = 60_000;

/** Probes targets, spread over time, so many at a time and a second at most. One timer for all of them. */
export class Prober {
  readonly #running = new Map<string, Running>();
  /** Those that wait for their turn, the next one last. */
  readonly #queue: Running[] = [];
  readonly #bell: Bell;
  /** When the loop looks again. */
  #wakeAt = 0;
  #nextAt = 0;
  #open = 0;
  #isOn = false;
  /** Probes made, by their results. */
  readonly counts = { good: 0, bad: 0 };

  constructor(private readonly options: ProberOptions) {
    this.#bell = new Bell(options.clock);
  }

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
    const { clock, random } = this.options;
    for (const [id, { ending }] of this.#running) {
      if (checks.has(id)) continue;
      ending.abort();
      this.#running.delete(id);
    }
    const now = clock.now();
    for (const [id, check] of checks) {
      if (this.#running.has(id)) continue;
      // Many that are wanted at once are spread over the first interval, though no first opinion takes longer than a second.
      const dueAt = now + random() * Math.min(check.intervalMs, 1000);
      const running = { id, check, sight: unseen, dueAt, ending: new AbortController() };
      this.#running.set(id, running);
      this.#enqueue(running);
    }
    if (!this.#isOn && this.#running.size > 0) void this.#run(signal);
  }

  #enqueue(running: Running): void {
    let [from, to] = [0, this.#queue.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#queue[middle]?.dueAt ?? 0) > running.dueAt) from = middle + 1;
      else to = middle;
    }
    this.#queue.splice(from, 0, running);
    if (running.dueAt < this.#wakeAt) this.#bell.ring();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, perSecond, beat } = this.options;
    this.#isOn = true;
    this.#nextAt = clock.now();
    const end = (): void => {
      for (const { ending } of this.#running.values()) ending.abort();
    };
    signal.addEventListener("abort", end, { once: true });
    while (!isAborted(signal)) {
      beat();
      const now = clock.now();
      this.#wakeAt = this.#turnAt(now);
      if (this.#wakeAt > now) {
        await this.#bell.wait(this.#wakeAt - now, signal);
        continue;
      }
      const next = this.#queue.pop();
      if (next === undefined || next.ending.signal.aborted) continue;
      this.#nextAt = Math.max(this.#nextAt, now - lateMs) + 1000 / perSecond;
      void this.#probe(next);
    }
    this.#isOn = false;
  }

  /** When the next probe may begin. */
  #turnAt(now: number): number {
    const next = this.#queue.at(-1);
    if (next === undefined || this.#open >= mostOpen) return now + idleMs;
    return Math.max(next.dueAt, this.#nextAt);
  }

  async #probe(running: Running): Promise<void> {
    const { clock, probe, onTurn } = this.options;
    const { id, check, ending } = running;
    const begunAt = clock.now();
    this.#open++;
    const isGood = await probe(check, ending.signal);
    if (this.#open-- === mostOpen) this.#bell.ring();
    if (ending.signal.aborted) return;
    this.counts[isGood ? "good" : "bad"]++;
    const before = running.sight.seen;
    running.sight = nextSight(running.sight, isGood, check);
    running.dueAt = begunAt + check.intervalMs;
    this.#enqueue(running);
    if (running.sight.seen !== before) onTurn(id);
  }
}
