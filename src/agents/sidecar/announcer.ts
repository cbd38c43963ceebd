import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DnsClient } from "../../dns/client/dns-client";
import { watchFolder } from "../../base/folder-watch";
import type { KnotControl } from "../../knot/control/knot-control";
import { isWriter, type SiteRuntime } from "../../knot/config/site-runtime";
import type { TsigKey } from "../../mesh/model";
import { audienceOf, type Standpoint } from "../../mesh/topology";
import { Convergence, type ConvergenceOptions, type Holder, type Lag } from "./convergence";
import { Relay, siblingTargets, targetsOf } from "./relay";
import { ServedSerials } from "./served-serials";

/** What an {@link Announcer} works with. */
export interface AnnouncerOptions extends Omit<ConvergenceOptions, "onSilent"> {
  readonly control: Pick<KnotControl, "zoneStatus">;
  /** Asks the site's own Knot. */
  readonly ownDns: Pick<DnsClient, "querySoa">;
  readonly runtime: SiteRuntime;
  /** Undefined before anything is known. */
  readonly facts: () => AnnouncerFacts | undefined;
}

/** What an {@link Announcer} goes by. */
export interface AnnouncerFacts {
  /** NOTIFYs are signed with it. */
  readonly key: TsigKey;
  /** This site's own zones that have a content. */
  readonly own: readonly string[];
  /** Whether others change own zones, who cannot say so ({@link Announcer.announce}). */
  readonly hasUpdaters: boolean;
}

/** Between looks at serials by the clock, for changes that the watch on the journal missed. */
const lookEveryMs = 30_000;
/**
 * From a write to the journal to the first look, and between further ones, in milliseconds: Knot shows a new serial a few
 * milliseconds after the write. A hub passes changes on at once. Elsewhere nearly all writes are copies that arrive, which
 * concern nobody, and whoever changes an own zone can say so ({@link Announcer.announce}), unless updaters do.
 */
const looksAfter = { hub: [3, 5, 15, 130], updated: [5, 20, 130], elsewhere: [100, 150] } as const;
/** Between writes that are acted on. */
const journalRestMs = 20;
/** Between looks for a journal that is not there. */
const journalAgainMs = 1000;

/** Tells other sites what changed here: its own zones, and at a hub those that it passes on. */
export class Announcer {
  readonly #convergence: Convergence;
  readonly #relay: Relay;
  readonly #serials: ServedSerials;
  #own: ReadonlySet<string> = new Set();
  #lookAt = 0;
  /** The look that is under way. One after the other: each compares with the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = false;

  constructor(private readonly o: AnnouncerOptions) {
    this.#convergence = new Convergence(o);
    this.#relay = new Relay(o, o.runtime.remotePort);
    this.#serials = new ServedSerials({ control: o.control, dns: o.ownDns, knot: o.knot });
  }

  /** Knot runs this view now, and these zones originate here. */
  aim(at: Standpoint, zones: readonly string[]): void {
    this.#own = new Set(zones);
    const { runtime } = this.o;
    const pods = siblingTargets(at.packet.site.name, runtime);
    this.#convergence.aim([...targetsOf(audienceOf(at), runtime.remotePort), ...pods], zones);
    const wasHub = this.#relay.isHub;
    this.#relay.aim(at);
    // Up to now own zones alone were looked at: the next change of another's would pass for a zone that is new.
    if (this.#relay.isHub && !wasHub && isWriter(runtime)) void this.#look("control").catch(() => 0);
  }

  /** Looks at these zones, or all that originate here, at every peer again. */
  expect(zones?: readonly string[]): void {
    this.#convergence.expect(zones);
  }

  /** What is still open. */
  get lags(): readonly Lag[] {
    return [...this.#convergence.lags, ...this.#relay.lags];
  }

  /** Zones of ours that a peer was seen to hold a newer copy of; each is told once. */
  takeAhead(): readonly (readonly [zone: string, holder: Holder])[] {
    return this.#convergence.takeAhead();
  }

  /** Knot writes each change of a zone to its journal before it answers it: that is the moment to tell the peers. */
  async watch(signal: AbortSignal): Promise<void> {
    if (!isWriter(this.o.runtime)) return;
    await watchFolder({
      path: join(this.o.runtime.storage, "db", "journal"),
      ...{ restMs: journalRestMs, lookAgainMs: journalAgainMs },
      signal,
      onChange: () => this.#lookUntilShown(signal),
    });
  }

  /** Returns for how many milliseconds it looked, without the waiting in between. */
  async #lookUntilShown(signal: AbortSignal): Promise<number> {
    let found = false;
    let workedMs = 0;
    try {
      for (const ms of looksAfter[this.#pace()]) {
        await delay(ms, undefined, { signal });
        const began = this.o.now();
        const changes = await this.#look("queries");
        workedMs += this.o.now() - began;
        if (found && changes === 0) break;
        found ||= changes > 0;
      }
    } catch {
      // A Knot that is away is the passes' business, and the next look finds the change.
    }
    return workedMs;
  }

  #pace(): keyof typeof looksAfter {
    if (this.#relay.isHub) return "hub";
    return this.o.facts()?.hasUpdaters === true ? "updated" : "elsewhere";
  }

  /** Whoever changed an own zone says so: looks at once. Calls that come while one waits share its look. Never throws. */
  async announce(): Promise<void> {
    if (this.#waiting) return;
    this.#waiting = true;
    await this.#turn;
    this.#waiting = false;
    await this.#look("queries").catch(() => 0);
  }

  /** Does what is due. Throws what the control socket throws. */
  async round(): Promise<void> {
    const facts = this.o.facts();
    if (facts === undefined) return;
    if (this.o.now() >= this.#lookAt && isWriter(this.o.runtime)) await this.#look("control");
    await Promise.all([this.#convergence.round(facts.key), this.#relay.round(facts.key)]);
  }

  /** Returns how many zones changed. */
  #look(by: "queries" | "control"): Promise<number> {
    const look = this.#turn.then(() => this.#lookNow(by));
    this.#turn = look.catch(() => undefined);
    return look;
  }

  async #lookNow(by: "queries" | "control"): Promise<number> {
    const facts = this.o.facts();
    if (facts === undefined) return 0;
    this.#lookAt = this.o.now() + lookEveryMs * (0.75 + this.o.random() / 2);
    const changes = await this.#serials.changed(this.#relay.isHub ? undefined : facts.own, by);
    const own = changes.filter(({ zone }) => this.#own.has(zone));
    const others = changes.filter(({ zone }) => !this.#own.has(zone));
    // Not waited for: a peer that does not answer must not delay the next change.
    if (own.length > 0) void this.#convergence.announce(own, facts.key);
    if (others.length > 0) void this.#relay.announce(others, facts.key);
    return changes.length;
  }
}
