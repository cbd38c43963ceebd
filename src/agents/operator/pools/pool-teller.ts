import { BackOff, Bell, type Clock, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import type { Logger } from "../../../base/log";
import type { TsigKey } from "../../../dns/tsig-key";
import { beatEveryMs } from "../../../pools/wire";
import type { OwnTellings } from "./own-tellings";

/** What a {@link PoolTeller} works with. */
export interface PoolTellerOptions {
  /** What is told now; undefined as long as nothing may be told. */
  readonly own: () => OwnTellings | undefined;
  /** Whether anything is probed from here. */
  readonly isProbing: () => boolean;
  /** How many sites the mesh has. */
  readonly sites: () => number;
  /** For updates. */
  readonly key: TsigKey;
  /** Tells the agent that a zone was changed. @throws Error */
  readonly announce: () => Promise<unknown>;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** What is to be told within so many milliseconds is told together; while more of it comes all the time it is the second figure. */
const [gatherMs, longestGatherMs] = [20, 100];
/** What people read of pools waits so long. */
const publishMs = 1000;
/** Between looks while there is nothing to tell. */
const idleMs = 1000;

/** Keeps the site's own zone of pools as it is to be, and gives its sign of life. Each message costs every site a transfer. */
export class PoolTeller {
  readonly #bell: Bell;
  /** When the last sign of life was given, in milliseconds since 1970. */
  #beat = 0;

  constructor(private readonly options: PoolTellerOptions) {
    this.#bell = new Bell(options.clock);
  }

  /** Says that there may be something to tell. */
  ring(): void {
    this.#bell.ring();
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, random, beat } = this.options;
    const backOff = new BackOff(random);
    let gather = gatherMs;
    while (!isAborted(signal)) {
      beat();
      const own = this.options.own();
      const isTold = own !== undefined && (own.isUrgent || this.#untilPublished(own) <= 0 || this.#untilBeat <= 0);
      if (isTold) {
        try {
          await this.#tell(own);
          backOff.reset();
        } catch (error) {
          if (isAborted(signal)) return;
          log.warn("what is seen from here could not be told", { zone: own.zone, reason: messageOf(error) });
          await clock.pause(backOff.next(), signal);
        }
      }
      gather = isTold ? Math.min(2 * gather, longestGatherMs) : gatherMs;
      await clock.pause(gather, signal);
      const pauseMs = own === undefined ? idleMs : Math.min(idleMs, this.#untilBeat, this.#untilPublished(own));
      if (this.options.own()?.isUrgent !== true) await this.#bell.wait(Math.max(0, pauseMs), signal);
    }
  }

  /** Milliseconds until the next sign of life; there is none from a site that probes nothing. */
  get #untilBeat(): number {
    const { isProbing, clock } = this.options;
    return isProbing() ? this.#beat + this.#beatMs - clock.now() : idleMs;
  }

  #untilPublished({ toPublishSince }: OwnTellings): number {
    return toPublishSince === undefined ? idleMs : toPublishSince + publishMs - this.options.clock.now();
  }

  get #beatMs(): number {
    return beatEveryMs(this.options.sites());
  }

  async #tell(own: OwnTellings): Promise<void> {
    const { key, announce, clock } = this.options;
    if (this.#untilBeat <= 0) this.#beat = clock.now();
    const publishes = this.#untilPublished(own) <= 0;
    const beat = this.#beat === 0 ? undefined : { text: String(this.#beat), everyMs: this.#beatMs };
    if (await own.write(key, { beat, publishes })) await announce();
  }
}
