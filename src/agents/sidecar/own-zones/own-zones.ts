import { messageOf } from "../../../base/errors";
import { without } from "../../../base/lists";
import { Turns } from "../../../base/turns";
import type { DnsClient } from "../../../dns/client/dns-client";
import { isNewerSerial } from "../../../dns/serial";
import { isWriter, siblings } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import type { WelcomePacket } from "../../../mesh/model";
import { isBootstrap } from "../../../mesh/peers";
import type { MeshView } from "../../../mesh/view";
import { serverName } from "../../../mesh/welcome";
import { noteBegun, readRestored, restoredAmong } from "../backups/restored";
import type { Problems } from "../http/status";
import type { Inputs } from "../inputs/inputs";
import type { AgentOptions } from "../inputs/options";
import type { NewerCopy } from "../notify/peers";
import { Silence } from "../silence";
import { type AgentState, amongZones, latestView } from "../state-store";
import { CopySearch } from "./copy-search";
import { CutOverError, takeFromPrimary } from "./cut-over";
import { SaidBefore } from "./said-before";
import { outsideIn, Seeder, type SeedInput, type SeedResult, withoutUnseeded } from "./seeding";
import { otherSources, ownSource, podSource, siteSource } from "./zone-source";

/** What {@link OwnZones} works with. */
export interface OwnZonesParts {
  readonly options: Pick<AgentOptions, "runtime" | "knot">;
  readonly control: KnotControl;
  readonly dns: DnsClient;
  readonly problems: Problems;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between attempts to give zones that wait their content: at first, since others come up as well, and later. */
const [firstAgainMs, laterAgainMs] = [1000, 3000];
/** For so long it is as at first. */
const firstMs = 30_000;
/** Servers that are asked for a lost zone in one look; the next look goes on with others. */
const mostAsked = 64;

/** In the place of one that cannot be read. */
const unreadOrder = { snapshot: "", at: "", forced: false };

/** What {@link OwnZones.seed} keeps in the state. */
type Seeded = Pick<SeedResult, "seeded" | "sought" | "outside">;

/** Sees to the first contents of the site's own zones while Knot runs, and tells which wait for theirs. */
export class OwnZones {
  #againAt = Infinity;
  /** Since when zones wait. */
  #waitingSince: number | undefined;
  #waiting: readonly string[] = [];
  /** Why zones that were taken from outside are not the site's own yet. */
  #pending: readonly string[] = [];
  #failures: readonly string[] = [];
  #unloaded: readonly string[] = [];
  /** Zones of which a peer has a newer copy that they do not give way to. */
  readonly #behind = new Map<string, NewerCopy>();
  readonly #seeder: Seeder;
  readonly #turns = new Turns(mostAsked);
  readonly #said: SaidBefore;
  readonly #silence = new Silence();

  constructor(private readonly parts: OwnZonesParts) {
    this.#said = new SaidBefore(parts.now);
    this.#seeder = new Seeder({ runtime: parts.options.runtime, dns: parts.dns, now: parts.now });
  }

  /** Whether zones that wait are to be looked at again. */
  get areDue(): boolean {
    return this.parts.now() >= this.#againAt;
  }

  /** Without a usable state: own zones whose files stand on the volume have a content, and the others may have had one. */
  async standing(packet: WelcomePacket): Promise<Seeded & Pick<AgentState, "former">> {
    const seeded = await this.#seeder.standing(packet);
    const names = packet.site.zones.map(({ name }) => name);
    return { seeded, sought: without(names, seeded), former: await this.#seeder.standingFormer() };
  }

  /** Gives zones that never had one a first content. Returns all that have, or had, one. */
  async seed(inputs: Inputs, state: AgentState): Promise<Seeded> {
    const outside = outsideIn(inputs.packet, state.outside);
    const former = state.former ?? [];
    const isSame =
      outside.join() === (state.outside ?? []).join() && amongZones(state, former).length === former.length;
    const zones = without(
      inputs.packet.site.zones.map(({ name }) => name),
      outside,
    );
    const has = new Set(state.seeded);
    if (isSame && zones.length === has.size && zones.every((name) => has.has(name))) {
      this.#waiting = [];
      this.#plan();
      this.#forget();
      return { seeded: state.seeded, sought: [], ...(outside.length > 0 && { outside }) };
    }
    const sought = state.sought ?? [];
    if (sought.length === 0) this.#forget();
    const view = latestView(state);
    const search = sought.length > 0 ? this.#searchIn(inputs, state.view) : undefined;
    const result = await this.#seeder.seed({
      packet: inputs.packet,
      ...(view !== undefined && { view }),
      seeded: state.seeded,
      sought,
      outside: state.outside ?? [],
      former,
      moment: "running",
      own: ownSource(this.parts.options.knot, inputs),
      ...(search && { search }),
      ...(sought.length > 0 && (await this.#restored(inputs, sought))),
    });
    this.#waiting = result.waiting;
    this.#failures = [];
    this.#show();
    this.#plan();
    return result;
  }

  /** When zones that wait are looked at again. */
  #plan(): void {
    const now = this.parts.now();
    const count = this.#waiting.length + this.#pending.length;
    this.#waitingSince = count === 0 ? undefined : (this.#waitingSince ?? now);
    const againMs = now - (this.#waitingSince ?? now) < firstMs ? firstAgainMs : laterAgainMs;
    this.#againAt = this.#waitingSince === undefined ? Infinity : now + againMs;
  }

  #forget(): void {
    this.#said.clear();
    this.#silence.clear();
  }

  /** A restored backup that zones wait with, and begin with from now on. One that cannot be read keeps them waiting, with the reason. */
  async #restored({ packet }: Inputs, sought: readonly string[]): Promise<Pick<SeedInput, "restored">> {
    const { runtime } = this.parts.options;
    if (!isWriter(runtime)) return {};
    const volume = new KnotVolume(runtime.storage);
    try {
      const restored = await readRestored(volume, packet.site.name);
      if (restored === undefined) return {};
      const order = await noteBegun(volume, restored.order, await restoredAmong(restored, sought));
      return { restored: { ...restored, order } };
    } catch (error) {
      return { restored: { order: unreadOrder, textOf: () => Promise.reject(new Error(messageOf(error))) } };
    }
  }

  /** Where lost zones may be. The first site of a mesh is found only with the view, which its own central zones give it at once. */
  #searchIn(inputs: Inputs, view: MeshView | undefined): CopySearch | undefined {
    const { packet } = inputs;
    const isPrimary = packet.site.role === "primary-catalog";
    const knowsMesh = view !== undefined && !isBootstrap(view);
    if (isPrimary && !knowsMesh) return undefined;
    const all = otherSources(inputs, view);
    return new CopySearch({
      dns: this.parts.dns,
      directoryZone: packet.directoryZone,
      all,
      sources: this.#turns.next(all),
      own: ownSource(this.parts.options.knot, inputs),
      isFirst: isPrimary,
      said: this.#said,
      areAllKnown: knowsMesh,
      silence: this.#silence,
    });
  }

  /** Puts files aside that Knot cannot load. */
  async putDamagedAside(zones: readonly string[]): Promise<void> {
    for (const zone of zones) await this.#seeder.putDamagedAside(zone);
  }

  /** Takes note of zones that Knot does not load although their files stand, as sentences. */
  noteUnloaded(reasons: readonly string[]): void {
    if (reasons.join("\n") === this.#unloaded.join("\n")) return;
    this.#unloaded = reasons;
    this.#show();
  }

  /** Makes sure that Knot has the contents, once it took the zones. */
  async finish(packet: WelcomePacket, seeded: readonly string[]): Promise<void> {
    const failures = await this.#seeder.finish(withoutUnseeded(packet, seeded), this.parts.control);
    this.#failures = failures;
    this.#show();
  }

  /**
   * Makes zones the site's own that were taken from outside until the list stopped saying so, once Knot asks nobody for them any
   * more: they go on from what is served, with a newer serial. Returns those that went over; the others stay as they are and wait.
   */
  async takeOver({ site, directoryZone }: WelcomePacket, outside: readonly string[]): Promise<readonly string[]> {
    const { control, now } = this.parts;
    const were = new Set(outside);
    const zones = site.zones.filter(({ name, primaries }) => primaries === undefined && were.has(name));
    const [taken, pending]: [string[], string[]] = [[], []];
    for (const { name } of zones) {
      try {
        await takeFromPrimary(name, { control, server: serverName(site.name, directoryZone), now: now() });
        taken.push(name);
      } catch (error) {
        if (!(error instanceof CutOverError) && !(error instanceof KnotControlError)) throw error;
        pending.push(`zone ${name} is to go on without the primaries that it was taken from: ${messageOf(error)}`);
      }
    }
    this.#pending = pending;
    this.#show();
    this.#plan();
    return taken;
  }

  /** Sees whether what peers had newer has come here. Throws what the control socket throws. */
  async round(): Promise<void> {
    await this.#lookBehind([...this.#behind.keys()]);
  }

  async #lookBehind(zones: readonly string[]): Promise<void> {
    if (zones.length === 0) return;
    const statuses = await this.parts.control.zoneStatus(zones);
    const serials = new Map(statuses.map(({ zone, serial }) => [zone, serial]));
    for (const zone of zones) {
      const [copy, serial] = [this.#behind.get(zone), serials.get(zone)];
      const isBehind =
        copy !== undefined && serials.has(zone) && (serial === undefined || isNewerSerial(copy.serial, serial));
      if (!isBehind) this.#behind.delete(zone);
    }
    this.#show();
  }

  #show(): void {
    const behind = [...this.#behind].map(
      ([zone, { site, serial }]) =>
        `zone ${zone}: ${site} has a newer version (serial ${serial}) than this server, its owner: changes were lost here, and the next one will replace those there`,
    );
    this.parts.problems.set("zones", [
      ...this.#waiting,
      ...this.#pending,
      ...this.#failures,
      ...this.#unloaded,
      ...behind,
    ]);
  }

  /** Takes a zone back from a site that holds a newer copy; see {@link Seeder.regain}. */
  async regain(inputs: Inputs | undefined, zone: string, copy: NewerCopy): Promise<boolean> {
    // What its primary outside the mesh has is what a zone is that comes from there.
    const isOwn =
      inputs?.packet.site.zones.some(({ name, primaries }) => name === zone && primaries === undefined) === true;
    if (inputs === undefined || !isOwn) return false;
    const { packet } = inputs;
    const { site, server } = copy;
    const pod = siblings(inputs.runtime).find(({ address }) => address === server.address);
    const source = pod === undefined ? siteSource({ inputs, site, address: server.address }) : podSource(inputs, pod);
    const { control } = this.parts;
    const isRegained = await this.#seeder.regain({ zone, packet, source, serial: copy.serial, control });
    // Whether others are still behind is looked at in the next round.
    if (!isRegained) {
      this.#behind.set(zone, copy);
      await this.#lookBehind([zone]);
    } else if (this.#behind.delete(zone)) this.#show();
    return isRegained;
  }
}
