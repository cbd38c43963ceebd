import { BackOff, Bell, type Clock, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { OperatorMetrics } from "./metrics";
import type { ZoneWorker } from "./zone-worker";

/** What a {@link ZoneLoop} works with. */
export interface ZoneLoopOptions {
  readonly zone: string;
  readonly worker: Pick<ZoneWorker, "look" | "reconcile">;
  /** Whether the objects are known: until then nothing may be decided. */
  readonly isReady: () => boolean;
  /** Milliseconds between looks for changes that others made. */
  readonly lookMs: number;
  /** All that was known at the start has been dealt with. */
  readonly onCaughtUp: () => void;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Changes that come within this time are one pass, in milliseconds. */
const gatherMs = 3;

/** Keeps one zone as its objects say, whatever other zones wait for. */
export class ZoneLoop {
  readonly #names = new Set<string>();
  readonly #bell: Bell;
  readonly #backOff: BackOff;
  #looks = 0;
  #lookAt = 0;
  #isCaughtUp = false;

  constructor(private readonly o: ZoneLoopOptions) {
    this.#bell = new Bell(o.clock);
    this.#backOff = new BackOff(o.random);
  }

  /** How often the zone was looked at. */
  get looks(): number {
    return this.#looks;
  }

  /** Something of a name is new. */
  add(name: string): void {
    this.#names.add(name);
    this.#bell.ring();
  }

  /** Nothing is known to be new, but there may be something to do. */
  wake(): void {
    this.#bell.ring();
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, beat, isReady, lookMs } = this.o;
    while (!isAborted(signal)) {
      beat();
      if (isReady()) await this.#pass(signal);
      const isOpen = isReady() && this.#names.size > 0;
      if (isOpen) await clock.pause(gatherMs, signal);
      else await this.#bell.wait(isReady() ? this.#lookAt - clock.now() : lookMs, signal);
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { clock, random, lookMs, worker } = this.o;
    if (clock.now() >= this.#lookAt) {
      await this.#look(signal);
      this.#lookAt = clock.now() + lookMs * (1 + random() / 4);
    }
    if (this.#names.size > 0) {
      const names = [...this.#names];
      this.#names.clear();
      const again = await worker.reconcile(names, signal);
      if (again.length === 0) this.#backOff.reset();
      else void this.#addAgain(again, signal);
    }
    if (!this.#isCaughtUp) this.o.onCaughtUp();
    this.#isCaughtUp = true;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { zone, worker, metrics, log } = this.o;
    try {
      const drifted = await worker.look();
      if (drifted.length > 0 && this.#isCaughtUp) metrics.drift++;
      for (const name of drifted) this.#names.add(name);
    } catch (error) {
      if (!isAborted(signal)) log.warn("a zone cannot be read", { zone, reason: messageOf(error) });
    }
    this.#looks++;
  }

  async #addAgain(names: readonly string[], signal: AbortSignal): Promise<void> {
    await this.o.clock.pause(this.#backOff.next(), signal);
    for (const name of names) this.add(name);
  }
}
