import { setTimeout as delay } from "node:timers/promises";

import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { type LogPlace, type LogReader, type LogSource, type LogSources, nameOf } from "./gather";
import { byTime, type LogEntry } from "./log-line";

/** Who hears of what is followed. */
export interface FollowListener {
  /** Entries, ordered by time. */
  readonly onEntries: (entries: readonly LogEntry[]) => void;
  /** What cannot be read any more, once, and when it can be again. */
  readonly onTrouble: (line: string) => void;
}

/** Milliseconds for which an entry waits for earlier ones of others, and between looks for containers that started. */
const [defaultHoldMs, defaultLookMs] = [500, 2000];
const siteWidth = 8;

/** Goes on where a reader has come to, with containers that start later too. */
export class Follower {
  readonly #held: { readonly entry: LogEntry; readonly at: number }[] = [];
  /** Sources that are being read, and those of which nothing more will come. */
  readonly #reading = new Map<string, Promise<void>>();
  readonly #finished = new Set<string>();
  readonly #gone = new Set<LogPlace>();
  readonly #troubles = new Map<string, string>();
  readonly #said: Set<string>;
  readonly #holdMs: number;
  readonly #lookMs: number;

  /** @param options.said - What was said to be wrong already. */
  constructor(
    private readonly reader: LogReader,
    private readonly listener: FollowListener,
    options: { readonly said?: readonly string[]; readonly holdMs?: number; readonly lookMs?: number } = {},
  ) {
    this.#said = new Set(options.said);
    this.#holdMs = options.holdMs ?? defaultHoldMs;
    this.#lookMs = options.lookMs ?? defaultLookMs;
  }

  /** Ends with the signal, or when every place is gone. */
  async run(): Promise<void> {
    const { places, query } = this.reader;
    const timer = setInterval(() => {
      this.#release(performance.now() - this.#holdMs);
    }, this.#holdMs / 2);
    try {
      while (!isAborted(query.signal) && this.#gone.size < places.length) {
        const rest = places.filter((place) => !this.#gone.has(place));
        await inParallel(siteWidth, rest, (place) => this.#lookAt(place));
        await delay(this.#lookMs, undefined, { signal: query.signal }).catch(() => undefined);
      }
      await Promise.all(this.#reading.values());
    } finally {
      clearInterval(timer);
      this.#release(Number.POSITIVE_INFINITY);
    }
  }

  async #lookAt(place: LogPlace): Promise<void> {
    let found: LogSources | undefined;
    try {
      found = await place.look();
    } catch (error) {
      this.#trouble(place.site, `${place.site}: ${messageOf(error)}`);
      return;
    }
    if (found === undefined) {
      this.#gone.add(place);
      return;
    }
    this.#recovered(place.site, place.site);
    for (const failure of found.failures) this.#trouble(failure, failure);
    for (const source of found.sources) this.#begin(source);
  }

  #begin(source: LogSource): void {
    const { key, isOver } = source;
    if (this.#reading.has(key) || this.#finished.has(key)) return;
    const take = (entry: LogEntry): void => void this.#held.push({ entry, at: performance.now() });
    const reading = this.reader.read(source, { follow: !isOver, take }).then(({ failure, isQuiet }) => {
      this.#reading.delete(key);
      // An end that came before the container's is a server's: the next look goes on from there.
      if (failure === undefined && isOver) this.#finished.add(key);
      if (failure === undefined) this.#recovered(key, nameOf(source));
      else if (isQuiet !== true) this.#trouble(key, failure);
    });
    this.#reading.set(key, reading);
  }

  #trouble(key: string, line: string): void {
    if (this.#troubles.get(key) === line) return;
    this.#troubles.set(key, line);
    if (!this.#said.delete(line)) this.listener.onTrouble(line);
  }

  #recovered(key: string, name: string): void {
    if (this.#troubles.delete(key)) this.listener.onTrouble(`${name}: is read again`);
  }

  /** Hands on what came until then. */
  #release(until: number): void {
    const later = this.#held.findIndex(({ at }) => at > until);
    const due = this.#held.splice(0, later === -1 ? this.#held.length : later).map(({ entry }) => entry);
    if (due.length > 0) this.listener.onEntries(due.sort(byTime));
  }
}
