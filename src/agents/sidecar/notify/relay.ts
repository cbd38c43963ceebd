import type { TsigKey } from "../../../dns/tsig-key";
import type { SiteRuntime } from "../../../knot/config/site-runtime";
import { audienceOf, isHub, type KnownMesh, relayAudienceOf } from "../../../mesh/topology";
import type { SiteView } from "../../../mesh/view";
import { Convergence, type ConvergenceOptions, mostOpen } from "./convergence";
import type { Lag, OpenEntry, Target } from "./open-entries";
import type { ServedChange } from "./served-serials";

/** Whom a site tells, as servers: other sites, each at all of its addresses. */
export function targetsOf(sites: readonly SiteView[], port: number): readonly Target[] {
  return sites.map(({ name, addresses }) => ({
    site: name,
    servers: addresses.map((address) => ({ address, port })),
  }));
}

/** The mesh as Knot runs it, and where others are asked. */
type RelayView = KnownMesh & { readonly runtime: Pick<SiteRuntime, "remotePort"> };

/**
 * What a hub does for the zones of others: tells the other hubs and the sites at home here of each change as soon as its
 * own Knot has it, and repeats that until they have it too. Takes the place of hubs that are not reached.
 *
 * A hub's pods all do that. The one that had a change first announces it; the others look a second later whether it arrived.
 */
export class Relay {
  readonly #convergence: Convergence;
  #at: RelayView | undefined;
  #owners: ReadonlyMap<string, string> = new Map();

  constructor(options: Omit<ConvergenceOptions, "onSilent" | "concerns" | "onAhead">) {
    this.#convergence = new Convergence({
      ...options,
      concerns: ({ site }, zone) => this.#owners.get(zone) !== site,
      onSilent: ({ site }, zones) => {
        this.#standIn(site, zones);
      },
    });
  }

  /** Whether there is anything to pass on. */
  get isHub(): boolean {
    return this.#at !== undefined && isHub(this.#at);
  }

  /** Whom changes are passed on to. */
  get targets(): readonly Target[] {
    return this.#at !== undefined && this.isHub ? this.#audience(this.#at) : [];
  }

  /** Everything that is open. */
  get entries(): Iterable<OpenEntry> {
    return this.#convergence.entries;
  }

  /** Zones that are open at targets which answered the last time. */
  get open(): readonly OpenEntry[] {
    return this.#convergence.open;
  }

  get lags(): readonly Lag[] {
    return this.#convergence.lags;
  }

  /** Knot runs this view now. */
  aim(at: RelayView): void {
    this.#at = at;
    const { sites, zones } = at.view;
    this.#owners = new Map(this.isHub ? zones.map(({ name, owner }) => [name, owner]) : []);
    this.#convergence.keepOnly(this.isHub ? new Set(sites.map(({ name }) => name)) : new Set(), [
      ...this.#owners.keys(),
    ]);
  }

  /**
   * Passes changes on. New zones are left to those who miss them: they ask every second. Never throws.
   *
   * @param hadFirst - Zones that another pod of this site had before.
   */
  async announce(changes: readonly ServedChange[], key: TsigKey, hadFirst?: ReadonlySet<string>): Promise<void> {
    const at = this.#at;
    if (at === undefined || !isHub(at)) return;
    const audience = this.#audience(at);
    const room = Math.floor((mostOpen - this.#convergence.size) / Math.max(1, audience.length));
    const passedOn = changes.filter(({ isNew }) => !isNew).slice(0, Math.max(0, room));
    for (const { zone } of passedOn) if (hadFirst?.has(zone) === true) this.#convergence.lookLater(audience, zone);
    const first = passedOn.filter(({ zone }) => hadFirst?.has(zone) !== true);
    await this.#convergence.announce(first, key, () => audience);
  }

  /** Does what is due. Never throws. */
  round(key: TsigKey): Promise<void> {
    return this.#convergence.round(key);
  }

  #audience(at: RelayView): readonly Target[] {
    const { name } = at.packet.site;
    const hubs = audienceOf(at).filter(({ role }) => role !== "standard");
    const away = hubs.map((hub) => hub.name).filter((hub) => this.#convergence.isSilent({ site: hub }));
    return targetsOf([...hubs, ...relayAudienceOf(at, [name, ...away])], at.runtime.remotePort);
  }

  /** The sites at home at a hub that is away are notified from here. */
  #standIn(hub: string, zones: readonly string[]): void {
    const at = this.#at;
    if (at === undefined) return;
    this.#convergence.alsoLook(targetsOf(relayAudienceOf(at, [hub]), at.runtime.remotePort), zones);
  }
}
