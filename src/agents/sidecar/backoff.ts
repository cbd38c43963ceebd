/** Waits before trying again what failed: 1, 2, 4, … 30 seconds. */
const firstWaitMs = 1000;
const longestWaitMs = 30_000;
/** A Knot that is away comes back by itself, and should find its files soon. */
const awayWaitMs = 500;

/** When to try again. Failures to reach Knot do not make the wait after another failure longer. */
export class Backoff {
  #failures = 0;
  #retryAt = 0;

  /** @param now - Milliseconds since 1970. */
  constructor(private readonly now: () => number) {}

  get isOver(): boolean {
    return this.now() >= this.#retryAt;
  }

  /** @param reason - `away`: Knot was not reached; `failed`: anything else. */
  failed(reason: "away" | "failed"): void {
    const wait = reason === "away" ? awayWaitMs : Math.min(firstWaitMs * 2 ** this.#failures, longestWaitMs);
    if (reason === "failed") this.#failures += 1;
    this.#retryAt = this.now() + wait;
  }

  /** Something succeeded, or the cause of the failure may be gone. */
  reset(): void {
    this.#failures = 0;
    this.#retryAt = 0;
  }
}
