import type { Clock } from "../../../../src/base/clock";

interface Timer {
  readonly at: number;
  readonly done: () => void;
}

/** A clock that stands still but for what a test lets go by. Everything else that waits is done first. */
export class TestClock implements Clock {
  #now = Date.parse("2026-11-28T12:00:00Z");
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#now;

  readonly pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        this.#timers.delete(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = { at: this.#now + Math.max(0, ms), done };
      signal.addEventListener("abort", done, { once: true });
      this.#timers.add(timer);
    });

  /** Lets so many milliseconds go by. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      next.done();
    }
    this.#now = end;
    await settled();
  }

  /** Lets time go by until something holds. @throws Error when it does not within a minute. */
  async until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      if (holds()) return;
      const next = this.#next();
      if (next === undefined || next.at > end) throw new Error(`not within ${ms} ms: ${what}`);
      this.#now = Math.max(this.#now, next.at);
      next.done();
    }
  }

  #next(): Timer | undefined {
    return [...this.#timers].reduce<Timer | undefined>(
      (first, each) => (first && first.at <= each.at ? first : each),
      undefined,
    );
  }
}

/** Waits until all that can go on without time has done so. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
}
