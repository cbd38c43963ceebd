import { Bell, type Clock, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import { isNewerSerial } from "../../dns/serial";
import type { ObjectWriter } from "./object-writer";
import { type Entry, isProgrammed } from "./record-store";
import type { SiteAnswers, Spread } from "./site-answers";

/** An object whose records the writer has, in a version of its zone, and that every site is to answer. */
export interface SpreadingObject {
  readonly entry: Entry;
  readonly generation: number;
  readonly serial: number;
  readonly note?: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** What a {@link Spreading} works with. */
export interface SpreadingOptions {
  readonly zone: string;
  readonly answers: Pick<SiteAnswers, "ask" | "forget">;
  readonly writer: Pick<ObjectWriter, "report">;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Statuses of a zone written at a time. */
export const writeWidth = 16;
const firstPauseMs = 10;
const longestPauseMs = 1000;
const idleMs = 60_000;
/** Before pods that were not seen are asked for again: doubled up to the longest. */
const firstRetryMs = 4000;
const longestRetryMs = 60_000;
/** How long an object waits before its status says for whom. */
const patienceMs = 1000;

/** Follows the objects of a zone on their way to every site, and reports when they are there. */
export class Spreading {
  readonly #open = new Map<string, SpreadingObject>();
  /** Objects that all had but sites that were away and pods that were not seen: looked at again, ever more rarely. */
  readonly #short = new Map<string, SpreadingObject>();
  readonly #bell: Bell;
  #pauseMs = firstPauseMs;
  #retryMs = 0;
  #retriedAt = 0;

  constructor(private readonly options: SpreadingOptions) {
    this.#bell = new Bell(options.clock);
  }

  get waiting(): number {
    return this.#open.size;
  }

  /** Since when the one waits that has waited longest; undefined while none does. */
  get waitingSince(): number | undefined {
    let first: number | undefined;
    for (const { since } of this.#open.values()) first = Math.min(first ?? since, since);
    return first;
  }

  expect(object: SpreadingObject): void {
    const { uid } = object.entry;
    this.#open.set(uid, object);
    this.#short.delete(uid);
    this.#pauseMs = firstPauseMs;
    this.#bell.ring();
  }

  forget(uid: string): void {
    this.#open.delete(uid);
    this.#short.delete(uid);
  }

  /** Looks again at what sites that were away did not have, and more rarely at what pods that were not seen did not. */
  retryShort(): void {
    const now = this.options.clock.now();
    if (this.#short.size === 0) this.#retryMs = 0;
    if (this.#short.size === 0 || now - this.#retriedAt < this.#retryMs) return;
    this.#retriedAt = now;
    this.#retryMs = Math.min(Math.max(2 * this.#retryMs, firstRetryMs), longestRetryMs);
    for (const object of [...this.#short.values()]) this.expect({ ...object, since: now });
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, beat } = this.options;
    while (!isAborted(signal)) {
      beat();
      if (this.#open.size > 0) await this.#look(signal);
      const pauseMs = this.#open.size > 0 ? this.#pauseMs : idleMs;
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
      await clock.pause(firstPauseMs, signal);
      await this.#bell.wait(pauseMs - firstPauseMs, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { zone, answers, log, beat } = this.options;
    const asked = [...this.#open.values()];
    const latest = asked.reduce(
      (high, { serial }) => (isNewerSerial(serial, high) ? serial : high),
      asked[0]?.serial ?? 0,
    );
    const spreadOf = await answers.ask(zone, latest);
    const answeredAt = this.options.clock.now();
    const spreads = new Map<number, Spread>();
    const known = (serial: number): Spread | undefined => {
      const spread = spreads.get(serial) ?? spreadOf?.(serial);
      if (spread !== undefined) spreads.set(serial, spread);
      return spread;
    };
    await inParallel(writeWidth, asked, async (object) => {
      const { uid } = object.entry;
      if (isAborted(signal) || this.#open.get(uid) !== object) return;
      try {
        const isOver = await this.#report(object, { spread: known(object.serial), answeredAt });
        if (isOver && this.#open.get(uid) === object) this.#open.delete(uid);
      } catch (error) {
        if (!isAborted(signal)) log.warn("a status could not be written", { zone, reason: messageOf(error) });
      }
      beat();
    });
    if (this.#open.size === 0) answers.forget(zone);
  }

  /**
   * Returns whether there is nothing more to wait for. How long an object has waited counts up to the moment when sites were
   * asked: with thousands to write its turn comes later, and the sites may have it by then.
   */
  async #report(
    object: SpreadingObject,
    { spread, answeredAt }: { readonly spread: Spread | undefined; readonly answeredAt: number },
  ): Promise<boolean> {
    const { entry, generation, note, since } = object;
    if (spread === undefined || spread.waiting.length > 0) {
      if (answeredAt - since < patienceMs) return false;
      // That it is not known which sites there are says nothing against an object that all of them had.
      if (spread === undefined && isProgrammed(entry, generation)) return false;
      const progress = spread ? ({ kind: "waiting", sites: spread.waiting } as const) : ({ kind: "unknown" } as const);
      await this.options.writer.report(entry, { generation, progress });
      return false;
    }
    const { away, unseen } = spread;
    // That a pod cannot be seen just now says nothing against an object that all pods had.
    if (away.length === 0 && unseen.length > 0 && isProgrammed(entry, generation, "AllSites")) return true;
    const progress = { kind: "programmed" as const, away, unseen, ...(note !== undefined && { note }) };
    if (!(await this.options.writer.report(entry, { generation, progress }))) return false;
    if (away.length + unseen.length > 0) this.#short.set(entry.uid, object);
    if (away.length > 0) this.#retryMs = 0;
    return true;
  }
}
