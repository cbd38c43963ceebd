import { Bell, type Clock, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import type { PoolStatus } from "../../../pools/model";
import { writeWidth } from "../spreading";
import type { PoolEntry, PoolStore } from "./pool-store";
import type { PoolWriter } from "./pool-writer";

/** What {@link PoolReports} work with. */
export interface PoolReportsOptions {
  readonly store: Pick<PoolStore, "get">;
  readonly writer: Pick<PoolWriter, "report">;
  /** Where a pool stands; undefined as long as nothing can be said. */
  readonly statusOf: (entry: PoolEntry) => PoolStatus | undefined;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Statuses wait so long, so that an answer on its way has mostly arrived. */
const soonMs = 300;
/** The same where nothing turned but which site sees what. */
const laterMs = 1000;
/** For so long a new pool's first status waits, where all that it would say is that the answer is on its way. */
const patienceMs = 3000;
const idleMs = 60_000;

/** Writes statuses, in their own time, of those pools of which something is new. */
export class PoolReports {
  /** When to look at a pool, by uid. */
  readonly #due = new Map<string, number>();
  readonly #newSince = new WeakMap<PoolEntry, number>();
  readonly #bell: Bell;

  constructor(private readonly options: PoolReportsOptions) {
    this.#bell = new Bell(options.clock);
  }

  /** Something turned. */
  soon(uid: string): void {
    this.#add(uid, soonMs);
  }

  /** A detail is another one. */
  later(uid: string): void {
    this.#add(uid, laterMs);
  }

  #add(uid: string, ms: number): void {
    const now = this.options.clock.now();
    const due = this.#due.get(uid) ?? Number.POSITIVE_INFINITY;
    if (due <= now + ms) return;
    this.#due.set(uid, now + ms);
    this.#bell.ring();
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock, log, beat } = this.options;
    while (!isAborted(signal)) {
      beat();
      const now = clock.now();
      const ready = [...this.#due].flatMap(([uid, due]) => (due <= now ? [uid] : []));
      for (const uid of ready) this.#due.delete(uid);
      let failed: string | undefined;
      await inParallel(writeWidth, ready, async (uid) => {
        // With many of them all together may take minutes.
        beat();
        const entry = store.get(uid);
        if (entry === undefined || isAborted(signal)) return;
        try {
          await this.#report(entry, now);
        } catch (error) {
          if (isAborted(signal)) return;
          failed = messageOf(error);
          this.later(uid);
        }
      });
      if (failed !== undefined) log.warn("a pool's status could not be written", { reason: failed });
      if (ready.length > 0) await clock.pause(soonMs / 2, signal);
      await this.#bell.wait(this.#pauseMs(), signal);
    }
  }

  #pauseMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const due of this.#due.values()) next = Math.min(next, due);
    return Math.max(0, Math.min(idleMs, next - this.options.clock.now()));
  }

  async #report(entry: PoolEntry, now: number): Promise<void> {
    const status = this.options.statusOf(entry);
    if (status === undefined) return;
    const since = this.#newSince.get(entry) ?? now;
    this.#newSince.set(entry, since);
    const isFirst = entry.status.conditions === undefined;
    const isOnItsWay = status.conditions?.some(({ type, reason }) => type === "Ready" && reason === "Propagating");
    if (isFirst && isOnItsWay === true && now < since + patienceMs) this.#add(entry.uid, since + patienceMs - now);
    else await this.options.writer.report(entry, status);
  }
}
