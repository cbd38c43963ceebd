import type { Desired, Observed, Step } from "./reconcile";

/** Waits before trying again what failed: 1, 2, 4, … 30 seconds. */
const firstWaitMs = 1000;
const longestWaitMs = 30_000;
/** A Knot that is away comes back by itself, and should find its files soon. */
const awayWaitMs = 500;

/** When to try again. Failures to reach Knot do not make the wait after another failure longer. */
class Backoff {
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

/** Kinds of what can be requested; see {@link Desired}. */
type Request = keyof Omit<Desired, "today">;

/** A step that changes something. */
export type Work = Exclude<Step, { readonly kind: "observe" | "rest" }>;

/** How far an agent is with what was requested of it: the two sides that `reconcile` compares. */
export class AgentProgress {
  /** The first files are loaded, whatever a predecessor got loaded. */
  #requested: Readonly<Record<Request, number>> = { files: 1, load: 1, plan: 1 };
  #settled: Pick<Observed, "settledFiles" | "listedFiles" | "planned"> = {
    settledFiles: 0,
    listedFiles: 0,
    planned: "",
  };
  readonly #backoff: Backoff;

  /** @param now - Milliseconds since 1970. */
  constructor(private readonly now: () => number) {
    this.#backoff = new Backoff(now);
  }

  /** ISO date. */
  get today(): string {
    return new Date(this.now()).toISOString().slice(0, 10);
  }

  get desired(): Desired {
    return { ...this.#requested, today: this.today };
  }

  /** Whether files and loads that were requested are carried out. */
  get isSettled(): boolean {
    return this.#settled.settledFiles >= this.#requested.files;
  }

  observed(facts: Pick<Observed, "stateIsWhole" | "serials">): Observed {
    return { ...this.#settled, ...facts, mayTry: this.#backoff.isOver };
  }

  request(...kinds: readonly Request[]): void {
    let { files, load, plan } = this.#requested;
    if (kinds.includes("files")) files += 1;
    if (kinds.includes("load")) load = files;
    if (kinds.includes("plan")) plan += 1;
    this.#requested = { files, load, plan };
  }

  /** The cause of earlier failures may be gone: there is no wait before the next attempt. */
  retryNow(): void {
    this.#backoff.reset();
  }

  /** A step was carried out. */
  done(step: Work): void {
    switch (step.kind) {
      case "list-own-zones":
        this.#settled = { ...this.#settled, listedFiles: step.request };
        return;
      case "settle":
        this.#settled = { ...this.#settled, settledFiles: step.request };
        break;
      case "follow":
        this.#settled = { ...this.#settled, planned: step.key };
        break;
    }
    this.#backoff.reset();
  }

  /** A step failed; see {@link Backoff.failed}. */
  failed(reason: "away" | "failed"): void {
    this.#backoff.failed(reason);
  }
}
