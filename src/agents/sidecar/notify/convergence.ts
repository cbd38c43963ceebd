import { inParallel } from "../../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { TsigKey } from "../../../dns/tsig-key";
import { Backlog, type Lag, OpenEntries, type OpenEntry, type Target, targetKey } from "./open-entries";
import { mostZones, type PeerOptions, Peers, reaches } from "./peers";

/** What {@link Convergence} works with. */
export interface ConvergenceOptions extends PeerOptions {
  readonly dns: PeerOptions["dns"] & Pick<DnsClient, "notifier">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Called when a target that was reached before, or never asked, is not reached; with the zones that are open there. */
  readonly onSilent?: (target: Target, zones: readonly string[]) => void;
  /** Called when a change was announced, with those that it was sent to. */
  readonly onAnnounced?: (zone: string, serial: number, targets: readonly Target[]) => void;
  /** Whether a target takes a zone from this server. @default always */
  readonly concerns?: (target: Target, zone: string) => boolean;
}

const firstWaitMs = 1000;
const longestWaitMs = 60_000;
/** Peers that are attended to at a time. */
const mostPeers = 16;
/** NOTIFYs that wait for their answers at a time when a change is announced. */
const mostAnnounced = 32;
/** Zones at targets that may be open at a time. What is more waits for its turn. */
export const mostOpen = 20_000;
/** When there is little room: attempts after which a target is taken for obstinate, and how many zones it then keeps. */
const obstinateAfter = 3;
const keptOfObstinate = 8;

/**
 * Sees to it that others take what this server has: asks each for the serial of our zones, and repeats the NOTIFY
 * (RFC 1996, signed) to those that lag, after 1, 2, 4, … 60 seconds, until they answer our serial. Costs nothing once
 * all have. Holds {@link mostOpen} entries at most, however many zones and targets there are.
 */
export class Convergence {
  #targets: readonly Target[] = [];
  #zones: readonly string[] = [];
  readonly #peers: Peers;
  readonly #open = new OpenEntries();
  readonly #backlog = new Backlog();
  /** Targets of which entries were dropped for lack of room: once all that is left is closed, all zones are looked at. */
  readonly #missed = new Map<string, Target>();
  /** Targets that were not reached the last time; announcements leave them to the rounds. */
  readonly #silent = new Map<string, Target>();
  /** The target as it is now; undefined when it is none any more. */
  #resolve: (target: Target) => Target | undefined = (target) => target;

  constructor(private readonly options: ConvergenceOptions) {
    this.#peers = new Peers(options);
  }

  /** Who should have which zones from now on. Targets and zones that are new, or reached elsewhere, are looked at. */
  aim(targets: readonly Target[], zones: readonly string[]): void {
    const before = new Map(this.#targets.map((target) => [targetKey(target), JSON.stringify(target.servers)]));
    const oldZones = new Set(this.#zones);
    const now = new Map(targets.map((target) => [targetKey(target), target]));
    const newTargets = targets.filter((target) => before.get(targetKey(target)) !== JSON.stringify(target.servers));
    const newKeys = new Set(newTargets.map(targetKey));
    const wanted = new Set(zones);
    this.#targets = targets;
    this.#zones = zones;
    this.#keep((target) => now.get(targetKey(target)));
    for (const key of newKeys) this.#silent.delete(key);
    this.#drop(({ zone, target }) => !wanted.has(zone) || newKeys.has(targetKey(target)));
    this.#look(newTargets, zones);
    this.#look(
      targets,
      zones.filter((zone) => !oldZones.has(zone)),
    );
  }

  /** Forgets whoever is not of these sites, and takes note of all zones that may be announced. */
  keepOnly(sites: ReadonlySet<string>, zones: readonly string[]): void {
    this.#zones = zones;
    this.#keep((target) => (sites.has(target.site) ? target : undefined));
  }

  /** Looks at these zones everywhere again, at once: their serial changed, or the targets may have. */
  expect(zones: readonly string[] = this.#zones): void {
    for (const zone of zones) this.#open.deleteZone(zone);
    this.#look(this.#targets, zones);
  }

  /**
   * Sends the NOTIFYs for zones that just changed here, with their new serials, to all targets at once; Knot would send
   * them later. Whether they have them is looked at in the rounds to come. What there is no room for waits for those.
   * Never throws.
   *
   * @param targetsOf - Whom to notify of a zone. All, when left out.
   */
  async announce(
    changed: readonly { readonly zone: string; readonly serial: number }[],
    key: TsigKey,
    targetsOf: (zone: string) => readonly Target[] = () => this.#targets,
  ): Promise<void> {
    const news: { readonly entry: OpenEntry; readonly send: (server: DnsServer) => Promise<void> }[] = [];
    const later: string[] = [];
    for (const { zone, serial } of changed) {
      const send = this.options.dns.notifier(zone, serial, key);
      const entries = this.#renew(targetsOf(zone), zone);
      if (entries === undefined) {
        later.push(zone);
        continue;
      }
      const heard = entries.filter(({ target }) => !this.#silent.has(targetKey(target)));
      news.push(...heard.map((entry) => ({ entry, send })));
      this.options.onAnnounced?.(
        zone,
        serial,
        heard.map(({ target }) => target),
      );
    }
    this.#look(this.#targets, later);
    await inParallel(mostAnnounced, news, async ({ entry, send }) => {
      if (!(await reaches(entry.target, send))) this.#fellSilent(entry.target);
    });
  }

  /** Looks at these zones at these targets too, at once, as long as nothing newer is announced. */
  alsoLook(targets: readonly Target[], zones: readonly string[]): void {
    this.#look(targets, zones);
  }

  /** A zone changed of which somebody else notifies these targets: looks a second later whether they have it. */
  lookLater(targets: readonly Target[], zone: string): void {
    this.#renew(targets, zone);
  }

  /** Whether a target was not reached the last time. */
  isSilent(target: Pick<Target, "site" | "pod">): boolean {
    return this.#silent.has(targetKey(target));
  }

  /** Zones that are open at targets which answered the last time. */
  get open(): readonly OpenEntry[] {
    return [...this.#open].filter(({ target }) => !this.isSilent(target));
  }

  /** Every zone that is looked after, at every target. */
  get all(): readonly Pick<OpenEntry, "target" | "zone">[] {
    return this.#targets.flatMap((target) => this.#zones.map((zone) => ({ target, zone })));
  }

  /** Who should have the zones. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Everything that is open. */
  get entries(): Iterable<OpenEntry> {
    return this.#open;
  }

  /** What is still open, by target. */
  get lags(): readonly Lag[] {
    return this.#open.lags();
  }

  /** Zones at targets that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Does what is due. Never throws. */
  async round(key: TsigKey): Promise<void> {
    this.#makeRoom();
    this.#refill();
    const now = this.options.now();
    const due = [...this.#open].filter(({ dueAt }) => dueAt <= now);
    if (due.length === 0) return;
    const serials = await this.#peers.ownSerials([...new Set(due.map(({ zone }) => zone))]);
    const byTarget = new Map<string, OpenEntry[]>();
    for (const entry of due) {
      const entries = byTarget.get(targetKey(entry.target));
      if (entries === undefined) byTarget.set(targetKey(entry.target), [entry]);
      else entries.push(entry);
    }
    await inParallel(mostPeers, [...byTarget.values()], (entries) => this.#attend({ entries, serials, key }));
  }

  /** All due zones of one target. One that does not answer is asked about few of them only. */
  async #attend(attempt: {
    entries: readonly OpenEntry[];
    serials: ReadonlyMap<string, number>;
    key: TsigKey;
  }): Promise<void> {
    let reachable = true;
    const attend = async (entry: OpenEntry): Promise<void> => {
      const serial = attempt.serials.get(entry.zone);
      if (serial !== undefined && reachable) {
        const result = await this.#peers.offer(entry, { serial, key: attempt.key });
        if (result === "unreachable") this.#fellSilent(entry.target);
        else this.#silent.delete(targetKey(entry.target));
        if (result === "has") {
          this.#close(entry);
          return;
        }
        reachable &&= result === "notified";
      }
      entry.attempts += 1;
      const wait = Math.min(firstWaitMs * 2 ** (entry.attempts - 1), longestWaitMs);
      entry.dueAt = this.options.now() + wait * (0.75 + this.options.random() / 2);
    };
    const [first, ...others] = attempt.entries;
    if (first !== undefined) await attend(first);
    await inParallel(mostZones, others, attend);
  }

  #close(entry: OpenEntry): void {
    this.#open.delete(entry);
    const key = targetKey(entry.target);
    if (!this.#missed.has(key) || this.#open.countAt(entry.target) > 0) return;
    this.#missed.delete(key);
    this.#look([entry.target], this.#zones);
  }

  #fellSilent(target: Target): void {
    const key = targetKey(target);
    if (this.#silent.has(key) || this.#resolve(target) === undefined) return;
    this.#silent.set(key, target);
    if (this.options.onSilent === undefined) return;
    const open = [...this.#open].filter((entry) => targetKey(entry.target) === key);
    this.options.onSilent(
      target,
      open.map(({ zone }) => zone),
    );
  }

  /** Looks at zones at targets as soon as there is room. */
  #look(targets: readonly Target[], zones: readonly string[]): void {
    if (!this.#backlog.put(zones, targets)) {
      this.#backlog.clear();
      this.#backlog.put(this.#zones, this.#targets);
    }
    this.#refill();
  }

  #refill(): void {
    for (let next = this.#backlog.peek(); next !== undefined; next = this.#backlog.peek()) {
      if (!this.#hasRoom(next.targets.length)) return;
      this.#add(next.targets, next.zone, 0);
      this.#backlog.skip();
    }
  }

  #hasRoom(entries: number): boolean {
    return this.#open.size === 0 || this.#open.size + entries <= mostOpen;
  }

  /** Targets that do not answer, or do not take a zone, must not keep the others waiting. */
  #makeRoom(): void {
    if (this.#open.size <= mostOpen / 2) return;
    const kept = new Map<string, number>();
    for (const entry of [...this.#open]) {
      if (entry.attempts < obstinateAfter) continue;
      const key = targetKey(entry.target);
      const count = (kept.get(key) ?? 0) + 1;
      kept.set(key, count);
      if (count <= keptOfObstinate) continue;
      this.#open.delete(entry);
      this.#missed.set(key, entry.target);
    }
  }

  /**
   * A zone changed again: what is open of it begins anew, at the targets that answer. The others stay as they are, or the
   * look at them would be put off as long as changes come. Returns nothing when there is no room.
   */
  #renew(targets: readonly Target[], zone: string): readonly OpenEntry[] | undefined {
    const before = this.#open.deleteZone(zone);
    if (!this.#hasRoom(targets.length)) return undefined;
    const entries = this.#add(targets, zone, firstWaitMs);
    for (const entry of entries) {
      const key = targetKey(entry.target);
      const standing = this.#silent.has(key) ? before.get(key) : undefined;
      if (standing === undefined) continue;
      const { since, attempts, dueAt } = standing;
      Object.assign(entry, { since, attempts, dueAt });
    }
    return entries;
  }

  /** Returns the entries that were not there. */
  #add(targets: readonly Target[], zone: string, afterMs: number): readonly OpenEntry[] {
    const now = this.options.now();
    const added: OpenEntry[] = [];
    for (const each of targets) {
      const target = this.#resolve(each);
      if (target === undefined || this.options.concerns?.(target, zone) === false) continue;
      const entry = this.#open.add(target, zone, now);
      if (entry === undefined) continue;
      entry.dueAt = now + afterMs;
      added.push(entry);
    }
    return added;
  }

  #keep(resolve: (target: Target) => Target | undefined): void {
    this.#resolve = resolve;
    this.#drop(({ target }) => resolve(target) === undefined);
    for (const noted of [this.#silent, this.#missed])
      for (const [key, target] of noted) if (resolve(target) === undefined) noted.delete(key);
  }

  #drop(which: (entry: OpenEntry) => boolean): void {
    for (const entry of [...this.#open]) if (which(entry)) this.#open.delete(entry);
  }
}
