import { setTimeout as delay } from "node:timers/promises";

import { watchFolder } from "../../../base/folder-watch";
import type { DnsClient } from "../../../dns/client/dns-client";
import type { TsigKey } from "../../../dns/tsig-key";
import type { Reader } from "../../../keyring/reader";
import { type FixedRuntime, isWriter, type SiteRuntime } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import type { KnotControl } from "../../../knot/control/knot-control";
import { audienceOf, type KnownMesh } from "../../../mesh/topology";
import { Convergence, type ConvergenceOptions } from "./convergence";
import { type Lag, type OpenEntry, type Target, targetKey } from "./open-entries";
import type { NewerCopy } from "./peers";
import { ReaderNotices } from "./reader-notices";
import { Relay, targetsOf } from "./relay";
import { type ServedChange, ServedSerials } from "./served-serials";
import { Siblings, type SiblingsOptions } from "./siblings";

/** What an {@link Announcer} works with. */
export interface AnnouncerOptions
  extends Omit<ConvergenceOptions, "onSilent" | "onAhead" | "concerns">, Pick<SiblingsOptions, "near" | "pause"> {
  readonly control: Pick<KnotControl, "zoneStatus">;
  /** Asks the site's own Knot. */
  readonly ownDns: Pick<DnsClient, "querySoa">;
  readonly runtime: FixedRuntime;
  /** Undefined before anything is known. */
  readonly facts: () => AnnouncerFacts | undefined;
}

/** What an {@link Announcer} goes by. */
export interface AnnouncerFacts {
  /** NOTIFYs are signed with it. */
  readonly key: TsigKey;
  /** This site's own zones that have a content, and at the primary the central ones. */
  readonly own: readonly string[];
  /** Whether others change own zones, who cannot say so ({@link Announcer.announce}). */
  readonly hasUpdaters: boolean;
  /** Servers outside the mesh that may take zones. */
  readonly readers: readonly Reader[];
}

/** Between looks at serials by the clock, for changes that the watch on the journal missed. */
const lookEveryMs = 30_000;
/**
 * From a write to the journal to the first look, and between further ones, in milliseconds: Knot shows a new serial a few
 * milliseconds after the write. A hub, and a pod that has siblings, pass changes on at once. Elsewhere nearly all writes
 * are copies that arrive, which concern no other server, and whoever changes an own zone can say so
 * ({@link Announcer.announce}), unless updaters do.
 */
const looksAfter = { passing: [3, 5, 15, 130], updated: [5, 20, 130], elsewhere: [100, 150] } as const;
/** Between writes that are acted on, at least; and at most, which is what a change waits for when Knot let a look wait for long. */
const [journalRestMs, mostJournalRestMs] = [20, 2000];
/** Between looks for a journal that is not there. */
const journalAgainMs = 1000;

/**
 * Tells other servers what changed here. The writer tells other sites of its own zones, a hub of those that it passes on;
 * and every pod tells the others of its site, and servers outside that want to know, of whatever changed.
 */
export class Announcer {
  readonly #convergence: Convergence;
  readonly #relay: Relay;
  readonly #siblings: Siblings;
  readonly #readers: ReaderNotices;
  readonly #serials: ServedSerials;
  readonly #ahead = new Map<string, NewerCopy>();
  #own: ReadonlySet<string> = new Set();
  #lookAt = 0;
  /** The look that is under way. One after the other: each compares with the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = false;
  /** Whether others' zones are looked at. */
  #passedOn = false;

  constructor(private readonly options: AnnouncerOptions) {
    const onAhead = (zone: string, copy: NewerCopy): void => {
      if (this.#own.has(zone)) this.#ahead.set(zone, copy);
    };
    this.#convergence = new Convergence({ ...options, onAhead });
    // How long a change takes is asked of sites: what is next door has it within moments.
    this.#siblings = new Siblings({ ...options, onAhead, onAnnounced: () => undefined });
    this.#relay = new Relay(options);
    this.#readers = new ReaderNotices(options);
    this.#serials = new ServedSerials({ control: options.control, dns: options.ownDns, knot: options.knot });
  }

  /** Knot runs this view now, among these pods, and these zones originate here. */
  aim(at: KnownMesh & { readonly runtime: SiteRuntime }, zones: readonly string[]): void {
    this.#own = new Set(zones);
    for (const zone of this.#ahead.keys()) if (!this.#own.has(zone)) this.#ahead.delete(zone);
    this.#convergence.aim(targetsOf(audienceOf(at), at.runtime.remotePort), zones);
    this.#siblings.aim(at);
    this.#relay.aim(at);
    this.#takeNote();
  }

  /** Whose zones are looked at follows from whom changes go to. */
  #takeNote(): void {
    this.#readers.aim(this.options.facts()?.readers ?? []);
    const passedOn = this.#passedOn;
    this.#passedOn = this.#passesOn;
    if (!this.#passesOn || passedOn) return;
    // Up to now own zones alone were looked at: the others would pass for zones that are new.
    this.#serials.restart();
    this.#convergence.expect();
    void this.#look("control").catch(() => 0);
  }

  /** Whether changes of others' zones are passed on: by a hub to other sites, by each of several pods to the others, and to servers outside. */
  get #passesOn(): boolean {
    return this.#relay.isHub || this.#siblings.exist || this.#readers.wantEveryZone;
  }

  /** Whether changes here are for others to know. */
  get #hasNews(): boolean {
    return isWriter(this.options.runtime) || this.#passesOn || this.#readers.exist;
  }

  /** Looks at these zones, or all that originate here, at every peer again. */
  expect(zones?: readonly string[]): void {
    this.#convergence.expect(zones);
    this.#siblings.expect(zones);
  }

  /** Zones that servers which answer should have from this one, and do not have in its version. */
  get open(): readonly OpenEntry[] {
    return [...this.#convergence.open, ...this.#relay.open, ...this.#siblings.open];
  }

  /** Every zone that originates here, at every other site and pod. */
  get copies(): readonly Pick<OpenEntry, "target" | "zone">[] {
    const pods = isWriter(this.options.runtime) ? this.#siblings.targets : [];
    return [...this.#convergence.all, ...pods.flatMap((target) => [...this.#own].map((zone) => ({ target, zone })))];
  }

  /** What is still open. */
  get lags(): readonly Lag[] {
    return [...this.#convergence.lags, ...this.#relay.lags, ...this.#siblings.lags];
  }

  /** Whom changes go to: other sites, from where zones begin or are passed on, and the other pods of this one. */
  get targets(): readonly Target[] {
    const sites = [...(isWriter(this.options.runtime) ? this.#convergence.targets : []), ...this.#relay.targets];
    const byKey = new Map([...sites, ...this.#siblings.targets].map((target) => [targetKey(target), target]));
    return [...byKey.values()];
  }

  /** So many entries that have been open longest. */
  longest(count: number): readonly OpenEntry[] {
    const parts = [this.#convergence, this.#relay, this.#siblings];
    const longest: OpenEntry[] = [];
    for (const entry of parts.flatMap(({ entries }) => [...entries])) {
      const last = longest.at(-1);
      if (longest.length >= count && last !== undefined && entry.since >= last.since) continue;
      const at = longest.findIndex(({ since }) => since > entry.since);
      longest.splice(at === -1 ? longest.length : at, 0, entry);
      if (longest.length > count) longest.pop();
    }
    return longest;
  }

  /** Zones of ours that somebody was seen to hold a newer copy of; each is returned once. */
  takeAhead(): readonly (readonly [zone: string, copy: NewerCopy])[] {
    const ahead = [...this.#ahead];
    this.#ahead.clear();
    return ahead;
  }

  /** Knot writes each change of a zone to its journal before it answers it: that is the moment to tell the peers. */
  async watch(signal: AbortSignal): Promise<void> {
    await watchFolder({
      path: new KnotVolume(this.options.runtime.storage).journal,
      restMs: journalRestMs,
      mostRestMs: mostJournalRestMs,
      lookAgainMs: journalAgainMs,
      signal,
      onChange: () => (this.#hasNews ? this.#lookUntilShown(signal) : Promise.resolve(0)),
    });
  }

  /** Returns for how many milliseconds it looked, without the waiting in between. */
  async #lookUntilShown(signal: AbortSignal): Promise<number> {
    let found = false;
    let workedMs = 0;
    try {
      for (const ms of looksAfter[this.#pace()]) {
        await delay(ms, undefined, { signal });
        const began = this.options.now();
        const changes = await this.#look("queries");
        workedMs += this.options.now() - began;
        if (found && changes === 0) break;
        found ||= changes > 0;
      }
    } catch {
      // A Knot that is away is the passes' business, and the next look finds the change.
    }
    return workedMs;
  }

  #pace(): keyof typeof looksAfter {
    if (this.#passesOn) return "passing";
    return this.options.facts()?.hasUpdaters === true ? "updated" : "elsewhere";
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
    const facts = this.options.facts();
    if (facts === undefined) return;
    // Who is told where is nothing that Knot would be reloaded for.
    this.#takeNote();
    if (this.options.now() >= this.#lookAt && this.#hasNews) await this.#look("control");
    await Promise.all(
      [this.#convergence, this.#relay, this.#siblings, this.#readers].map((each) => each.round(facts.key)),
    );
  }

  /** Returns how many zones changed. */
  #look(by: "queries" | "control"): Promise<number> {
    const look = this.#turn.then(() => this.#lookNow(by));
    this.#turn = look.catch(() => undefined);
    return look;
  }

  async #lookNow(by: "queries" | "control"): Promise<number> {
    const facts = this.options.facts();
    if (facts === undefined) return 0;
    this.#lookAt = this.options.now() + lookEveryMs * (0.75 + this.options.random() / 2);
    const changes = await this.#serials.changed(this.#passesOn ? undefined : facts.own, by);
    // Not waited for: a peer that does not answer must not delay the next change.
    void this.#tell(changes, facts.key);
    return changes.length;
  }

  /** First the pods next door: other sites may take the zone from any of them. */
  async #tell(changes: readonly ServedChange[], key: TsigKey): Promise<void> {
    const hadFirst = this.#siblings.exist ? await this.#siblings.announce(changes, key) : undefined;
    this.#readers.announce(changes);
    const own = changes.filter(({ zone }) => this.#own.has(zone));
    const others = changes.filter(({ zone }) => !this.#own.has(zone));
    if (own.length > 0) void this.#convergence.announce(own, key);
    if (others.length > 0) void this.#relay.announce(others, key, hadFirst);
  }
}
