import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { Cursor } from "./cursor";
import { byTime, type LogEntry, type LogOrigin, readLine, timeText, unstamp } from "./log-line";

/** The log of a container that was started once. */
export interface LogSource {
  readonly origin: LogOrigin;
  /** Tells this start of the container from others. */
  readonly key: string;
  /** Whether the container has ended: nothing more will come. */
  readonly isOver: boolean;
  /** Gives its lines, each with its time before it; with `follow` until the signal or its end. */
  readonly read: (options: ReadOptions) => Promise<void>;
}

/** How a source is read. */
export interface ReadOptions {
  /** Milliseconds since 1970; lines before may come all the same. */
  readonly sinceMs?: number;
  /** The last lines alone. */
  readonly tail?: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** What a place has to read, and what it has that cannot be read, and why. */
export interface LogSources {
  readonly sources: readonly LogSource[];
  readonly failures: readonly string[];
}

/** Where a site's logs are. */
export interface LogPlace {
  readonly site: string;
  /** What there is now; undefined when the place is gone for good. */
  readonly look: () => Promise<LogSources | undefined>;
}

/** What is wanted of the logs. */
export interface LogQuery {
  /** Milliseconds since 1970. */
  readonly sinceMs?: number;
  /** So many lines of each container at most, the last ones, of those that are wanted. */
  readonly tail?: number;
  /** Which entries. @default all */
  readonly wanted?: (entry: LogEntry) => boolean;
  readonly signal: AbortSignal;
}

/** What was read, ordered by time, and what could not be read. */
export interface Gathered {
  readonly entries: readonly LogEntry[];
  readonly failures: readonly string[];
}

const [siteWidth, sourceWidth] = [8, 4];

/** How a reading of a source ended: why not well, where it did not. */
export interface Ending {
  readonly failure?: string;
  /** Whether nothing had come for so long that the connection may have been dead. */
  readonly isQuiet?: true;
}

/** Milliseconds without a line after which a log that is followed is asked for anew. */
export const quietMs = 60_000;

/** Reads logs of many places, each line once, however often a container's log is asked for. */
export class LogReader {
  readonly #cursors = new Map<string, Cursor>();

  constructor(
    readonly places: readonly LogPlace[],
    readonly query: LogQuery,
  ) {}

  /** All that there is by now. Never throws: what cannot be read is among the failures. */
  async gather(): Promise<Gathered> {
    const entries: LogEntry[] = [];
    const failures: string[] = [];
    await inParallel(siteWidth, this.places, async ({ site, look }) => {
      try {
        const found = await look();
        failures.push(...(found?.failures ?? [`${site}: its logs are gone`]));
        await inParallel(sourceWidth, found?.sources ?? [], async (source) => {
          const lines: LogEntry[] = [];
          const { failure } = await this.read(source, { follow: false, take: (entry) => lines.push(entry) });
          for (const entry of lastOf(lines, this.query.tail)) entries.push(entry);
          if (failure !== undefined) failures.push(failure);
        });
      } catch (error) {
        failures.push(`${site}: ${messageOf(error)}`);
      }
    });
    return { entries: entries.sort(byTime), failures: failures.sort() };
  }

  /** Reads a source from where it was left. Never throws. */
  async read(
    source: LogSource,
    { follow, take }: { readonly follow: boolean; readonly take: (entry: LogEntry) => void },
  ): Promise<Ending> {
    const { wanted = () => true, signal, sinceMs } = this.query;
    const since = sinceMs === undefined ? "" : timeText(sinceMs);
    const cursor = this.#cursorOf(source);
    let strange: string | undefined;
    let last = performance.now();
    const onLine = (line: string): void => {
      last = performance.now();
      const stamped = unstamp(line);
      if (stamped === undefined) {
        if (line !== "") strange ??= line;
        return;
      }
      if (!cursor.pass(stamped.time) || stamped.time < since) return;
      const entry = readLine(source.origin, stamped);
      if (wanted(entry)) take(entry);
    };
    try {
      await source.read({ ...this.#startOf(cursor, follow), follow, signal, onLine });
    } catch (error) {
      if (signal.aborted) return {};
      const failure = `${nameOf(source)}: ${messageOf(error)}`;
      return { failure, ...(follow && performance.now() - last >= quietMs && { isQuiet: true }) };
    }
    // Without its log, the kubelet says why in the log's place, and that all is well.
    return strange === undefined ? {} : { failure: `${nameOf(source)}: ${strange}` };
  }

  #cursorOf({ key }: LogSource): Cursor {
    const cursor = this.#cursors.get(key) ?? new Cursor();
    this.#cursors.set(key, cursor);
    cursor.rewind();
    return cursor;
  }

  #startOf(cursor: Cursor, follow: boolean): Pick<ReadOptions, "sinceMs" | "tail"> {
    const { sinceMs, tail, wanted } = this.query;
    const from = cursor.ms ?? sinceMs;
    // Where some lines are left out, the last ones of all are not the last ones that are wanted.
    const isWhole = wanted === undefined && cursor.ms === undefined && !follow;
    return { ...(from !== undefined && { sinceMs: from }), ...(tail !== undefined && isWhole && { tail }) };
  }
}

/** A source, for people. */
export function nameOf({ origin: { site, pod, container } }: Pick<LogSource, "origin">): string {
  return `${site}/${pod} ${container}`;
}

function lastOf<T>(items: readonly T[], most: number | undefined): readonly T[] {
  return most === undefined ? items : items.slice(Math.max(0, items.length - most));
}
