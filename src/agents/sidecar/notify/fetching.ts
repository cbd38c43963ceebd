import { systemClock } from "../../../base/clock";
import type { KnotControl } from "../../../knot/control/knot-control";

/** What {@link Fetching} works with. */
export interface FetchingOptions {
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneRefresh">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether there may be anything to look at yet. @default always */
  readonly canLook?: () => boolean;
  /** Gets what a round throws, which comes again some seconds later. */
  readonly onFailure?: (error: unknown) => void;
  /** @default the machine's */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Between looks at a server that lacks nothing. */
const idleMs = 60_000;
const firstWaitMs = 1000;
const longestWaitMs = 30_000;
const afterFailureMs = 6000;
/** Until the first look at zones that have just come: their owner may be a moment behind. And how much longer for each site, since all of them come to it. */
const [newMs, newMsPerSite] = [50, 5];
/** From this wait on, zones that came are looked at with the others. */
const noLongerNewMs = 1000;

/** Zones that are taken from others. */
export interface Taken {
  readonly zones: readonly string[];
  /** How many sites there are. */
  readonly sites: number;
}

/**
 * Sees to it that zones without content get some. Knot's own first attempts come later and later (5, 20, 45 … seconds);
 * here they are repeated after 1, 2, 4, … 30 seconds, and at once when the mesh changed: zones that came with that are
 * asked for after 50, 100, 200, … milliseconds.
 */
export class Fetching {
  #dueAt = 0;
  #wait = firstWaitMs;
  #empty: readonly string[] = [];
  #taken: ReadonlySet<string> | undefined;
  /** Zones that came, until they have a content or are new no longer. */
  #new: readonly string[] = [];
  #newWait = newMs;
  #sooner = new AbortController();

  constructor(private readonly options: FetchingOptions) {}

  /** Zones that had no content at the last look. */
  get empty(): readonly string[] {
    return this.#empty;
  }

  /** Does what is due until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { canLook = () => true, onFailure, pause = systemClock.pause } = this.options;
    while (!signal.aborted) {
      this.#sooner = new AbortController();
      let wait = firstWaitMs;
      try {
        if (canLook()) {
          await this.round();
          wait = this.#dueAt - this.options.now();
        }
      } catch (error) {
        onFailure?.(error);
        wait = afterFailureMs;
      }
      await pause(Math.max(0, wait), AbortSignal.any([signal, this.#sooner.signal]));
    }
  }

  /** Knot runs with these now: looks soon, sooner at those that came. */
  expect({ zones, sites }: Taken): void {
    const before = this.#taken;
    this.#taken = new Set(zones);
    const came = before === undefined ? [] : zones.filter((zone) => !before.has(zone));
    const newWait = newMs + newMsPerSite * sites;
    if (came.length > 0 && newWait < noLongerNewMs) {
      this.#new = [...this.#new.filter((zone) => this.#taken?.has(zone)), ...came];
      this.#newWait = newWait;
      this.#dueAt = Math.min(this.#dueAt, this.options.now() + newWait);
    } else {
      this.#wait = firstWaitMs;
      this.#dueAt = Math.min(this.#dueAt, this.options.now() + firstWaitMs / 2);
    }
    this.#sooner.abort();
  }

  /** Does what is due. Throws what the control socket throws. */
  async round(): Promise<void> {
    if (this.options.now() < this.#dueAt) return;
    if (this.#new.length > 0) return this.#lookAtNew();
    this.#dueAt = this.options.now() + firstWaitMs;
    this.#empty = await this.#lacking();
    if (this.#empty.length === 0) {
      this.#wait = firstWaitMs;
      this.#dueAt = this.options.now() + idleMs;
      return;
    }
    this.#dueAt = this.options.now() + this.#wait;
    this.#wait = Math.min(this.#wait * 2, longestWaitMs);
    await this.options.control.zoneRefresh(this.#empty);
  }

  async #lookAtNew(): Promise<void> {
    this.#dueAt = this.options.now() + firstWaitMs;
    const lacking = await this.#lacking(this.#new);
    this.#newWait *= 2;
    const areNew = lacking.length > 0 && this.#newWait < noLongerNewMs;
    this.#new = areNew ? lacking : [];
    this.#wait = firstWaitMs;
    // All others are looked at once these have their content, or wait with them.
    this.#dueAt = this.options.now() + (areNew ? this.#newWait : firstWaitMs / 2);
    if (lacking.length > 0) await this.options.control.zoneRefresh(lacking);
  }

  /** Which have no content, of these or of all. */
  async #lacking(zones?: readonly string[]): Promise<readonly string[]> {
    const statuses = await this.options.control.zoneStatus(zones);
    return statuses.filter(({ role, serial }) => role === "slave" && serial === undefined).map(({ zone }) => zone);
  }
}
