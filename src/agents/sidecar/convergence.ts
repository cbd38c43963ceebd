import { DnsError } from "../../dns/errors";
import { isNewerSerial } from "../../dns/serial";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../mesh/model";
import type { Logger } from "../../base/log";

/** Another site, where it is asked. */
export interface Target {
  readonly name: string;
  readonly servers: readonly DnsServer[];
}

/** One zone at one peer that has not answered our serial yet. */
export interface Lag {
  readonly peer: string;
  readonly zone: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** A peer that holds a zone, and where. */
export interface Holder {
  readonly peer: string;
  readonly server: DnsServer;
}

/** What {@link Convergence} works with. */
export interface ConvergenceOptions {
  readonly dns: Pick<DnsClient, "querySoa" | "notify" | "notifier">;
  readonly knot: DnsServer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Told when a peer that was reached before, or never asked, is not reached; with the zones that are open there. */
  readonly onSilent?: (peer: string, zones: readonly string[]) => void;
}

interface Pending extends Lag {
  readonly target: Target;
  attempts: number;
  dueAt: number;
}

const firstWaitMs = 1000;
const longestWaitMs = 60_000;
/** Peers that are attended to at a time, and zones of one peer. */
const mostPeers = 16;
/** NOTIFYs that wait for their answers at a time when a change is announced. */
const mostAnnounced = 32;
const mostZones = 8;

/**
 * Sees to it that other sites take what this one serves: asks each for the serial of our zones, and repeats the NOTIFY
 * (RFC 1996, signed) to those that lag, after 1, 2, 4, … 60 seconds, until they answer our serial. Costs nothing once
 * all have.
 */
export class Convergence {
  #targets: readonly Target[] = [];
  #zones: readonly string[] = [];
  /** By peer and zone. */
  readonly #pending = new Map<string, Pending>();
  readonly #ahead = new Map<string, Holder>();
  /** Peers that were not reached the last time; announcements leave them to the rounds. */
  readonly #silent = new Set<string>();

  constructor(private readonly o: ConvergenceOptions) {}

  /** Who should have which zones from now on. Peers and zones that are new, or reached elsewhere, are looked at. */
  aim(targets: readonly Target[], zones: readonly string[]): void {
    const before = new Map(this.#targets.map((target) => [target.name, JSON.stringify(target.servers)]));
    const oldZones = new Set(this.#zones);
    const newZones = zones.filter((zone) => !oldZones.has(zone));
    const newTargets = targets.filter((target) => before.get(target.name) !== JSON.stringify(target.servers));
    this.#targets = targets;
    this.#zones = zones;
    const standing = new Set(targets.filter((target) => !newTargets.includes(target)).map(({ name }) => name));
    const wanted = new Set(zones);
    this.#drop(({ peer, zone }) => !standing.has(peer) || !wanted.has(zone));
    this.#add(newTargets, zones);
    this.#add(targets, newZones);
  }

  /** Looks at these zones everywhere again, at once: their serial changed, or the peers may have. */
  expect(zones: readonly string[] = this.#zones): void {
    const again = new Set(zones);
    this.#drop(({ zone }) => again.has(zone));
    this.#add(this.#targets, zones);
  }

  /**
   * Sends the NOTIFYs for zones that just changed here, with their new serials, to all peers at once; Knot would send
   * them a second later. Whether they have them is looked at in the rounds to come. Never throws.
   *
   * @param targetsOf - Whom to tell of a zone. All, when left out.
   */
  async announce(
    changed: readonly { readonly zone: string; readonly serial: number }[],
    key: TsigKey,
    targetsOf: (zone: string) => readonly Target[] = () => this.#targets,
  ): Promise<void> {
    const news: { readonly entry: Pending; readonly send: (server: DnsServer) => Promise<void> }[] = [];
    for (const { zone, serial } of changed) {
      const send = this.o.dns.notifier(zone, serial, key);
      this.#drop((entry) => entry.zone === zone);
      for (const entry of this.#add(targetsOf(zone), [zone])) {
        entry.dueAt = this.o.now() + firstWaitMs;
        if (!this.#silent.has(entry.peer)) news.push({ entry, send });
      }
    }
    await inParallel(mostAnnounced, news, ({ entry, send }) => this.#tell(entry, send));
  }

  /** Looks at these zones at these peers too, at once, as long as nothing newer is announced. */
  alsoTell(targets: readonly Target[], zones: readonly string[]): void {
    this.#add(targets, zones);
  }

  /** Forgets whoever is not among these. */
  keepOnly(peers: ReadonlySet<string>): void {
    this.#drop(({ peer }) => !peers.has(peer));
  }

  /** Peers that were not reached the last time. */
  get silent(): ReadonlySet<string> {
    return this.#silent;
  }

  /** What is still open. */
  get lags(): readonly Lag[] {
    return [...this.#pending.values()];
  }

  /** Zones of ours that a peer was seen to hold a newer copy of, and where; each is told once. */
  takeAhead(): readonly (readonly [zone: string, holder: Holder])[] {
    const ahead = [...this.#ahead];
    this.#ahead.clear();
    return ahead;
  }

  /** Does what is due. Never throws. */
  async round(key: TsigKey): Promise<void> {
    const now = this.o.now();
    const due = [...this.#pending.values()].filter(({ dueAt }) => dueAt <= now);
    if (due.length === 0) return;
    const serials = await this.#ownSerials([...new Set(due.map(({ zone }) => zone))]);
    const peers = new Map<string, Pending[]>();
    for (const entry of due) {
      const entries = peers.get(entry.peer);
      if (entries === undefined) peers.set(entry.peer, [entry]);
      else entries.push(entry);
    }
    await inParallel(mostPeers, [...peers.values()], (entries) => this.#attend({ entries, serials, key }));
  }

  /** All due zones of one peer. One that does not answer is asked about few of them only. */
  async #attend(o: { entries: readonly Pending[]; serials: ReadonlyMap<string, number>; key: TsigKey }): Promise<void> {
    let reachable = true;
    const attend = async (entry: Pending): Promise<void> => {
      const serial = o.serials.get(entry.zone);
      if (serial !== undefined && reachable) {
        const result = await this.#push(entry, serial, o.key);
        if (result === "unreachable") this.#fellSilent(entry.peer);
        else this.#silent.delete(entry.peer);
        if (result === "has") {
          if (this.#pending.get(keyOf(entry)) === entry) this.#pending.delete(keyOf(entry));
          return;
        }
        reachable &&= result === "told";
      }
      entry.attempts += 1;
      const wait = Math.min(firstWaitMs * 2 ** (entry.attempts - 1), longestWaitMs);
      entry.dueAt = this.o.now() + wait * (0.75 + this.o.random() / 2);
    };
    const [first, ...others] = o.entries;
    if (first !== undefined) await attend(first);
    await inParallel(mostZones, others, attend);
  }

  async #tell(entry: Pending, send: (server: DnsServer) => Promise<void>): Promise<void> {
    for (const server of entry.target.servers) {
      try {
        await send(server);
        return;
      } catch (error) {
        if (!isUnreachable(error)) return;
      }
    }
    this.#fellSilent(entry.peer);
  }

  #fellSilent(peer: string): void {
    if (this.#silent.has(peer)) return;
    this.#silent.add(peer);
    const open = [...this.#pending.values()].filter((entry) => entry.peer === peer);
    this.o.onSilent?.(
      peer,
      open.map(({ zone }) => zone),
    );
  }

  async #push(entry: Pending, serial: number, key: TsigKey): Promise<"has" | "told" | "unreachable"> {
    for (const server of entry.target.servers) {
      try {
        if (await this.#has({ peer: entry.peer, server }, entry.zone, serial)) return "has";
        await this.o.dns.notify(server, entry.zone, serial, key);
        return "told";
      } catch (error) {
        if (!isUnreachable(error)) {
          if (entry.attempts === 4) this.o.log.warn("a peer does not take a zone", describe(entry, error));
          return "told";
        }
      }
    }
    return "unreachable";
  }

  /** A peer that answers, though without the zone, may have it as soon as it is told. */
  async #has(holder: Holder, zone: string, serial: number): Promise<boolean> {
    try {
      const theirs = (await this.o.dns.querySoa(holder.server, zone)).serial;
      if (isNewerSerial(theirs, serial)) this.#ahead.set(zone, holder);
      return !isNewerSerial(serial, theirs);
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return false;
    }
  }

  async #ownSerials(zones: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const serials = new Map<string, number>();
    await inParallel(mostZones, zones, async (zone) => {
      try {
        serials.set(zone, (await this.o.dns.querySoa(this.o.knot, zone)).serial);
      } catch {
        // Not served here yet: there is nothing to tell. The entry stays and comes up again.
      }
    });
    return serials;
  }

  /** Returns the entries that were not there. */
  #add(targets: readonly Target[], zones: readonly string[]): readonly Pending[] {
    const now = this.o.now();
    const added: Pending[] = [];
    for (const target of targets) {
      for (const zone of zones) {
        const entry = { peer: target.name, zone, since: now, target, attempts: 0, dueAt: now };
        if (this.#pending.has(keyOf(entry))) continue;
        this.#pending.set(keyOf(entry), entry);
        added.push(entry);
      }
    }
    return added;
  }

  #drop(which: (entry: Pending) => boolean): void {
    for (const [key, entry] of this.#pending) if (which(entry)) this.#pending.delete(key);
  }
}

function keyOf({ peer, zone }: Lag): string {
  return `${peer} ${zone}`;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof DnsError && ["timeout", "unreachable", "aborted"].includes(error.failure.kind);
}

function describe(entry: Pending, error: unknown): Record<string, string> {
  return { peer: entry.peer, zone: entry.zone, reason: messageOf(error) };
}
