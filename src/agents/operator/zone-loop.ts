import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { OperatorMetrics } from "./metrics";
import { WorkLoop, type WorkLoopOptions } from "./work-loop";
import type { ZoneWorker } from "./zone-worker";

/** What a {@link ZoneLoop} works with. */
export interface ZoneLoopOptions extends WorkLoopOptions {
  readonly zone: string;
  readonly worker: Pick<ZoneWorker, "look" | "reconcile" | "outage">;
  /** Milliseconds between looks for changes that others made. */
  readonly lookMs: number;
  /** All that was known at the start has been dealt with. */
  readonly onCaughtUp: () => void;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

/** Keeps one zone as its objects say, whatever other zones wait for. */
export class ZoneLoop extends WorkLoop<string> {
  protected readonly gatherMs = 3;
  #looks = 0;
  #lookAt = 0;
  #isCaughtUp = false;

  constructor(private readonly options: ZoneLoopOptions) {
    super(options);
  }

  /** How often the zone was looked at. */
  get looks(): number {
    return this.#looks;
  }

  /** Whether the zone's writer is away, and how many objects wait for it. */
  get outage(): ZoneWorker["outage"] {
    return this.options.worker.outage;
  }

  protected idleMs(isReady: boolean): number {
    return isReady ? this.#lookAt - this.options.clock.now() : this.options.lookMs;
  }

  protected async pass(signal: AbortSignal): Promise<void> {
    const { clock, random, lookMs, worker } = this.options;
    if (clock.now() >= this.#lookAt) {
      await this.#look(signal);
      this.#lookAt = clock.now() + lookMs * (1 + random() / 4);
    }
    if (this.items.size > 0) this.retryLater(await worker.reconcile(this.take(), signal), signal);
    if (!this.#isCaughtUp) this.options.onCaughtUp();
    this.#isCaughtUp = true;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { zone, worker, metrics, log } = this.options;
    try {
      const { drifted, waited } = await worker.look();
      if (drifted.length > 0 && this.#isCaughtUp) metrics.drift++;
      for (const name of [...drifted, ...waited]) this.items.add(name);
    } catch (error) {
      if (!isAborted(signal)) log.warn("a zone cannot be read", { zone, reason: messageOf(error) });
    }
    this.#looks++;
  }
}
