import { siblings, type SiteRuntime } from "../../knot/config/site-runtime";
import type { TsigKey } from "../../mesh/model";
import { audienceOf, isHub, relayAudienceOf, type Standpoint } from "../../mesh/topology";
import type { SiteView } from "../../mesh/view";
import { Convergence, type ConvergenceOptions, type Lag, type Target } from "./convergence";
import type { ServedChange } from "./served-serials";

/** Whom a site tells, as servers: other sites, each at all of its addresses. */
export function targetsOf(sites: readonly SiteView[], port: number): readonly Target[] {
  return sites.map(({ name, addresses }) => ({ name, servers: addresses.map((address) => ({ address, port })) }));
}

/** The site's other pods, named by site and ordinal. */
export function siblingTargets(site: string, runtime: SiteRuntime): readonly Target[] {
  return siblings(runtime).map(({ id, address }) => ({
    name: `${site}/${id}`,
    servers: [{ address, port: runtime.remotePort }],
  }));
}

/** The site that a target is, or is a pod of. */
export function siteOf(target: string): string {
  return target.split("/")[0] ?? target;
}

/** NOTIFYs that may be open at a time; beyond them changes are left to the looks that Knot takes by itself. */
const mostOpen = 20_000;

/**
 * What a hub does for the zones of others: tells the other hubs and the sites at home here of each change as soon as its
 * own Knot has it, and repeats that until they have it too. Takes the place of hubs that are not reached.
 */
export class Relay {
  readonly #convergence: Convergence;
  #at: Standpoint | undefined;

  constructor(
    o: Omit<ConvergenceOptions, "onSilent">,
    private readonly port: number,
  ) {
    this.#convergence = new Convergence({
      ...o,
      onSilent: (peer, zones) => {
        this.#standIn(peer, zones);
      },
    });
  }

  /** Whether there is anything to pass on. */
  get isHub(): boolean {
    return this.#at !== undefined && isHub(this.#at);
  }

  get lags(): readonly Lag[] {
    return this.#convergence.lags;
  }

  /** Knot runs this view now. */
  aim(at: Standpoint): void {
    this.#at = at;
    this.#convergence.keepOnly(this.isHub ? new Set(at.view.sites.map(({ name }) => name)) : new Set());
  }

  /** Passes changes on. New zones are left to those who miss them: they ask every second. Never throws. */
  async announce(changes: readonly ServedChange[], key: TsigKey): Promise<void> {
    const at = this.#at;
    if (at === undefined || !isHub(at)) return;
    const audience = this.#audience(at);
    const room = Math.floor((mostOpen - this.lags.length) / Math.max(1, audience.length));
    const passedOn = changes.filter(({ isNew }) => !isNew).slice(0, Math.max(0, room));
    const zones = new Set(passedOn.map(({ zone }) => zone));
    const owners = new Map(at.view.zones.filter(({ name }) => zones.has(name)).map(({ name, owner }) => [name, owner]));
    await this.#convergence.announce(passedOn, key, (zone) => audience.filter(({ name }) => name !== owners.get(zone)));
  }

  /** Does what is due. Never throws. */
  round(key: TsigKey): Promise<void> {
    return this.#convergence.round(key);
  }

  #audience(at: Standpoint): readonly Target[] {
    const { name } = at.packet.site;
    const hubs = audienceOf(at).filter(({ role }) => role !== "standard");
    const away = hubs.map((hub) => hub.name).filter((hub) => this.#convergence.silent.has(hub));
    return targetsOf([...hubs, ...relayAudienceOf(at, [name, ...away])], this.port);
  }

  /** The sites at home at a hub that is away are told from here. */
  #standIn(peer: string, zones: readonly string[]): void {
    if (this.#at === undefined) return;
    this.#convergence.alsoTell(targetsOf(relayAudienceOf(this.#at, [peer]), this.port), zones);
  }
}
