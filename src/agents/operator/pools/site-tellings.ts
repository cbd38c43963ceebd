import { messageOf } from "../../../base/errors";
import type { Logger } from "../../../base/log";
import type { Check, Seen } from "../../../pools/model";
import { type Beat, beatsUntilSilent, checkId, decodeTelling, kindOfName } from "../../../pools/wire";
import { TxtZone, type TxtZoneOptions } from "./txt-zone";

/** What a {@link SiteTellings} works with. */
export interface SiteTellingsOptions extends TxtZoneOptions {
  readonly site: string;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What is new of a site, by the ids of the pools that it is about. */
export interface SiteNews {
  readonly checks: ReadonlySet<string>;
  readonly seen: ReadonlySet<string>;
  /** Whether it is heard now and was not before, or the other way round. */
  readonly isOther: boolean;
}

/** What another site tells of pools, in its zone. */
export class SiteTellings {
  readonly #zone: TxtZone;
  readonly #checks = new Map<string, ReadonlyMap<string, Check>>();
  readonly #seen = new Map<string, ReadonlyMap<string, Seen>>();
  #beat: Beat | undefined;
  #heardAt = 0;
  /** Why the zone cannot be read, as it was logged. */
  #trouble: string | undefined;
  #wasHeard = false;

  constructor(private readonly options: SiteTellingsOptions) {
    this.#zone = new TxtZone(options);
  }

  get zone(): string {
    return this.#zone.zone;
  }

  /** The checks of its pools by their ids, by the pools' ids. */
  get checks(): ReadonlyMap<string, ReadonlyMap<string, Check>> {
    return this.#checks;
  }

  /** What it sees of a pool's checks, by their ids; undefined when it says nothing, or has been silent for too long. */
  seen(pool: string): ReadonlyMap<string, Seen> | undefined {
    return this.isHeard ? this.#seen.get(pool) : undefined;
  }

  /** Whether its last sign of life is not too long ago. */
  get isHeard(): boolean {
    if (this.#beat === undefined) return false;
    return this.options.now() - this.#heardAt < beatsUntilSilent * this.#beat.everyMs;
  }

  /**
   * Takes what changed, until the signal is given. Never throws.
   *
   * @returns what is new for decisions.
   */
  async follow(signal: AbortSignal): Promise<SiteNews> {
    const { site, log } = this.options;
    const news = { checks: new Set<string>(), seen: new Set<string>() };
    try {
      for (const name of await this.#zone.follow()) this.#take(name, news);
      if (this.#trouble !== undefined) log.info("a site's zone of pools is read again", { site, zone: this.zone });
      this.#trouble = undefined;
    } catch (error) {
      // Our turn is over, which says nothing of the zone.
      if (signal.aborted) return { ...news, isOther: false };
      const reason = messageOf(error);
      if (this.#trouble === undefined)
        log.warn("a site's zone of pools cannot be read", { site, zone: this.zone, reason });
      this.#trouble = reason;
    }
    const { isHeard } = this;
    if (isHeard !== this.#wasHeard) log.info(isHeard ? "a site tells what it sees" : "a site is silent", { site });
    const isOther = isHeard !== this.#wasHeard;
    this.#wasHeard = isHeard;
    return { ...news, isOther };
  }

  /** Reads what a name says now. */
  #take(name: string, news: { readonly checks: Set<string>; readonly seen: Set<string> }): void {
    const strings = this.#zone.texts.get(name);
    if (strings === undefined) {
      this.#drop(name, news);
      return;
    }
    try {
      const telling = decodeTelling(name, strings, this.zone);
      if (telling?.kind === "checks") {
        this.#checks.set(telling.pool, new Map(telling.checks.map((check) => [checkId(check), check])));
        news.checks.add(telling.pool);
      } else if (telling?.kind === "seen") {
        this.#seen.set(telling.pool, telling.seen);
        news.seen.add(telling.pool);
      } else if (telling?.kind === "beat") {
        if (telling.beat.text !== this.#beat?.text) this.#heardAt = this.options.now();
        this.#beat = telling.beat;
      }
    } catch (error) {
      const { site, log } = this.options;
      log.warn("what a site tells of pools is not understood", { site, name, reason: messageOf(error) });
    }
  }

  /** A name says nothing any more. */
  #drop(name: string, news: { readonly checks: Set<string>; readonly seen: Set<string> }): void {
    const kind = kindOfName(name, this.zone);
    const [pool = ""] = name.split(".");
    if (kind === "beat") this.#beat = undefined;
    else if (kind === "checks" && this.#checks.delete(pool)) news.checks.add(pool);
    else if (kind === "seen" && this.#seen.delete(pool)) news.seen.add(pool);
  }
}
