import { inParallel } from "../../base/in-parallel";
import { compareText } from "../../base/text";
import type { DnsServer } from "../../dns/client/dns-client";
import type { SiteView } from "../../mesh/view";
import { SitePods } from "./site-pods";
import { type AskSerial, ZoneAtSite } from "./zone-at-site";

/** What {@link SiteAnswers} works with. */
export interface SiteAnswersOptions {
  /** All sites of the mesh; undefined as long as they are not known. */
  readonly sites: () => readonly SiteView[] | undefined;
  /** Our own site, and the addresses of its single pods, by ordinal; none when they are not known. */
  readonly self: { readonly name: string; readonly pods: () => readonly DnsServer[] };
  readonly ask: AskSerial;
  /** Port that sites answer on. */
  readonly port: () => number;
  /** Milliseconds of silence after which a site is away. */
  readonly awayMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How far a version of a zone has come. Pods are named where a site has several: `site-b pod 1`. */
export interface Spread {
  /** Sites and pods that answer something older, or not yet. */
  readonly waiting: readonly string[];
  /** Sites that have been silent for so long that nothing waits for them. */
  readonly away: readonly string[];
  /** Pods that none of many questions to their site reached, so that nothing waits for them. */
  readonly unseen: readonly string[];
}

/** Sites asked at a time. */
const askWidth = 64;

/** What the sites of the mesh answer about the zones that somebody waits for. */
export class SiteAnswers {
  readonly #silentSince = new Map<string, number>();
  readonly #pods = new Map<string, SitePods>();
  readonly #zones = new Map<string, Map<string, ZoneAtSite>>();

  constructor(private readonly options: SiteAnswersOptions) {}

  /**
   * Asks all sites that are not known to have `wanted` for a zone's serial.
   *
   * @returns what that says of a version up to `wanted`; undefined when it is not known which sites there are.
   */
  async ask(zone: string, wanted: number): Promise<((serial: number) => Spread) | undefined> {
    const views = this.options.sites();
    if (views === undefined) return undefined;
    const before = this.#zones.get(zone);
    const sites = new Map(views.map(({ name }) => [name, before?.get(name) ?? this.#zoneAt(name, zone)]));
    this.#zones.set(zone, sites);
    await inParallel(askWidth, views, async ({ name, addresses }) => {
      const site = sites.get(name);
      await site?.look(
        addresses.map((address) => ({ address, port: this.options.port() })),
        wanted,
      );
      if (site?.isSilent === false) this.#silentSince.delete(name);
      else if (!this.#silentSince.has(name)) this.#silentSince.set(name, this.options.now());
    });
    return (serial) => this.#spreadOf(sites, serial);
  }

  /** Nothing waits for a zone any more. */
  forget(zone: string): void {
    this.#zones.delete(zone);
  }

  #zoneAt(site: string, zone: string): ZoneAtSite {
    const { self, ask } = this.options;
    const pods = this.#pods.get(site) ?? new SitePods();
    this.#pods.set(site, pods);
    return new ZoneAtSite({ site, zone, pods, direct: site === self.name ? self.pods : () => [], ask });
  }

  #spreadOf(sites: ReadonlyMap<string, ZoneAtSite>, serial: number): Spread {
    const spread = { waiting: [] as string[], away: [] as string[], unseen: [] as string[] };
    for (const [name, site] of [...sites].sort(([a], [b]) => compareText(a, b))) {
      const { isMissing, late, unseen } = site.arrivalOf(serial);
      const label = (ordinal: number): string => `${name} pod ${ordinal}`;
      if (this.#isAway(name)) spread.away.push(name);
      else if (isMissing) spread.waiting.push(name);
      else {
        spread.waiting.push(...late.map(label));
        spread.unseen.push(...unseen.map(label));
      }
    }
    return spread;
  }

  #isAway(site: string): boolean {
    const since = this.#silentSince.get(site);
    return since !== undefined && this.options.now() - since >= this.options.awayMs;
  }
}
