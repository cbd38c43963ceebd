import { setTimeout as delay } from "node:timers/promises";

/** Time as the operator sees it; tests have one of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits so many milliseconds, and no longer than until the signal. Never rejects. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: Date.now,
  pause: async (ms, signal) => {
    await delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  },
};

/** What is logged after {@link untilClockIsSet}. */
export const clockWords = "the clock was set: the program starts anew";

/** Between two looks at the clock, and by how much it must have been set to matter: adjusting moves it by far less. */
const [lookMs, leastStepMs] = [1000, 5000];

/**
 * Waits until the clock was set, forward or back: times that were noted before mean nothing then, and waits until one would
 * last for as long as it was set back. Programs start anew after that.
 *
 * @param elapsed - Milliseconds from any beginning, by a clock that nobody sets.
 * @returns milliseconds by which it is ahead of where it would be; undefined when the signal came first.
 */
export async function untilClockIsSet(
  { now, pause }: Clock,
  signal: AbortSignal,
  elapsed: () => number = () => performance.now(),
): Promise<number | undefined> {
  let offset = now() - elapsed();
  while (!isAborted(signal)) {
    await pause(lookMs, signal);
    const step = now() - elapsed() - offset;
    if (Math.abs(step) >= leastStepMs) return step;
    offset += step;
  }
  return undefined;
}

/** Wakes a loop before its time. What it is to do then is for the loop to know. */
export class Bell {
  #rung = new AbortController();

  constructor(private readonly clock: Clock) {}

  ring(): void {
    this.#rung.abort();
  }

  /** Waits so many milliseconds, and no longer than until the signal, or until the bell was rung since the last wait. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await this.clock.pause(ms, AbortSignal.any([signal, this.#rung.signal]));
    this.#rung = new AbortController();
  }
}

const firstAgainMs = 500;
const longestAgainMs = 30_000;

/** Delays before what failed is tried again, in milliseconds: doubled up to the longest. */
export class BackOff {
  #ms = firstAgainMs;

  constructor(private readonly random: () => number) {}

  next(): number {
    const ms = this.#ms * (1 + this.random() / 2);
    this.#ms = Math.min(2 * this.#ms, longestAgainMs);
    return ms;
  }

  reset(): void {
    this.#ms = firstAgainMs;
  }
}

/** Milliseconds without a sign of life after which a loop counts as stuck. Every step of a loop has a time limit far below. */
const stuckMs = 180_000;

/** When each loop last showed that it goes on. */
export class Heartbeats {
  readonly #beats = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  beat(loop: string): void {
    this.#beats.set(loop, this.now());
  }

  /** A loop has ended, and need show nothing any more. */
  forget(loop: string): void {
    this.#beats.delete(loop);
  }

  /** Names of loops that have shown nothing for too long. */
  get stuck(): readonly string[] {
    return [...this.#beats].filter(([, at]) => this.now() - at > stuckMs).map(([loop]) => loop);
  }
}

/** Signals may be given while we wait, which the compiler cannot see. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
