import { inParallel } from "../../../base/in-parallel";
import type { Check, Seen } from "../../../pools/model";
import { isPoolZone } from "../../../pools/wire";
import { writeWidth } from "../spreading";
import { type SiteNews, SiteTellings, type SiteTellingsOptions } from "./site-tellings";

/** What is new of other sites. */
export interface SitesNews {
  /** Pools whose checks are others, with the sites that have them. */
  readonly checks: readonly { readonly site: string; readonly pool: string }[];
  /** Ids of pools of which something else is seen. */
  readonly seen: ReadonlySet<string>;
  /** Whether other sites are heard now. */
  readonly isOther: boolean;
}

/** What all other sites tell of pools. */
export class OtherSites {
  readonly #tellings = new Map<string, SiteTellings>();

  constructor(private readonly options: Omit<SiteTellingsOptions, "site" | "zone">) {}

  /** How many there are that have a zone of pools. */
  get size(): number {
    return this.#tellings.size;
  }

  /** All checks of a site's pool, by their ids; undefined where it has no such pool. */
  checksOf(site: string, pool: string): ReadonlyMap<string, Check> | undefined {
    return this.#tellings.get(site)?.checks.get(pool);
  }

  /** Ids of the checks of a pool, whichever site has it. */
  checkIds(pool: string): Iterable<string> {
    for (const { checks } of this.#tellings.values()) {
      const found = checks.get(pool);
      if (found !== undefined) return found.keys();
    }
    return [];
  }

  /** All pools of other sites that have checks. */
  *pools(): Generator<{ readonly site: string; readonly pool: string }> {
    for (const [site, { checks }] of this.#tellings) for (const pool of checks.keys()) yield { site, pool };
  }

  /** What each site that is heard says of a pool's checks. */
  *seen(pool: string): Generator<readonly [site: string, seen: ReadonlyMap<string, Seen>]> {
    for (const [site, tellings] of this.#tellings) {
      const seen = tellings.seen(pool);
      if (seen !== undefined) yield [site, seen];
    }
  }

  /** Takes what changed, until the signal is given. Never throws. */
  async follow(
    {
      self,
      zones,
    }: { readonly self: string; readonly zones: readonly { readonly name: string; readonly owner: string }[] },
    signal: AbortSignal,
  ): Promise<SitesNews> {
    const others = new Map<string, string>();
    for (const { name, owner } of zones)
      if (owner !== self && isPoolZone(name) && !others.has(owner)) others.set(owner, name);
    const news = { checks: [] as { site: string; pool: string }[], seen: new Set<string>(), isOther: false };
    const take = (site: string, { checks, seen, isOther }: SiteNews): void => {
      for (const pool of checks) news.checks.push({ site, pool });
      for (const pool of seen) news.seen.add(pool);
      news.isOther ||= isOther;
    };
    for (const [site, { zone, checks }] of this.#tellings)
      if (others.get(site) !== zone) {
        this.#tellings.delete(site);
        take(site, { checks: new Set(checks.keys()), seen: new Set(), isOther: true });
      }
    for (const [site, zone] of others)
      if (!this.#tellings.has(site)) this.#tellings.set(site, new SiteTellings({ ...this.options, site, zone }));
    await inParallel(writeWidth, [...this.#tellings], async ([site, each]) => {
      take(site, await each.follow(signal));
    });
    return news;
  }
}
