import type { DnsServer } from "../../../dns/client/dns-client";

/** Somebody who should have zones of ours: another site, or one pod of this site. */
export interface Target {
  readonly site: string;
  /** Ordinal of a pod; left out for a site, which is asked at its addresses. */
  readonly pod?: number;
  readonly servers: readonly DnsServer[];
}

/** One zone that a target has not answered with our serial yet. */
export interface OpenEntry {
  readonly target: Target;
  readonly zone: string;
  /** Milliseconds since 1970. */
  since: number;
  attempts: number;
  dueAt: number;
  /** By how much the target's serial was lower at its last answer. */
  behind?: number;
}

/** What is still open at one target. */
export interface Lag {
  readonly site: string;
  readonly pod?: number;
  /** How many zones. */
  readonly zones: number;
  /** Since when the longest has been, in milliseconds since 1970. */
  readonly since: number;
  /** By how much the serial was lower of that which is furthest behind; missing where the target has answered no lower one. */
  readonly behind?: number;
}

/** Tells targets apart. */
export function targetKey({ site, pod }: Pick<Target, "site" | "pod">): string {
  return pod === undefined ? site : `${site} ${pod}`;
}

/** How a log names a target. */
export function peerFields({ site, pod }: Pick<Target, "site" | "pod">): Readonly<Record<string, string | number>> {
  return { peer: site, ...(pod !== undefined && { pod }) };
}

/** What is open, by zone and target: what concerns one zone is found without a look at the others. */
export class OpenEntries implements Iterable<OpenEntry> {
  readonly #zones = new Map<string, Map<string, OpenEntry>>();
  readonly #counts = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The entry, unless there is one already. */
  add(target: Target, zone: string, now: number): OpenEntry | undefined {
    const key = targetKey(target);
    const entries = this.#zones.get(zone) ?? new Map<string, OpenEntry>();
    if (entries.has(key)) return undefined;
    const entry = { target, zone, since: now, attempts: 0, dueAt: now };
    this.#zones.set(zone, entries.set(key, entry));
    this.#count(key, 1);
    return entry;
  }

  /** How many zones are open at a target. */
  countAt(target: Target): number {
    return this.#counts.get(targetKey(target)) ?? 0;
  }

  /** Closes an entry, unless another one has taken its place. */
  delete(entry: OpenEntry): void {
    const entries = this.#zones.get(entry.zone);
    const key = targetKey(entry.target);
    if (entries?.get(key) !== entry) return;
    entries.delete(key);
    if (entries.size === 0) this.#zones.delete(entry.zone);
    this.#count(key, -1);
  }

  /** Closes all that is open of a zone. Returns it, by target. */
  deleteZone(zone: string): ReadonlyMap<string, OpenEntry> {
    const entries = new Map(this.#zones.get(zone));
    for (const entry of entries.values()) this.delete(entry);
    return entries;
  }

  *[Symbol.iterator](): Generator<OpenEntry> {
    for (const entries of this.#zones.values()) yield* entries.values();
  }

  /** One for each target at which something is open. */
  lags(): readonly Lag[] {
    const lags = new Map<string, { site: string; pod?: number; zones: number; since: number; behind?: number }>();
    for (const { target, since, behind = 0 } of this) {
      const key = targetKey(target);
      const lag = lags.get(key);
      if (lag === undefined) {
        const { site, pod } = target;
        lags.set(key, { site, ...(pod !== undefined && { pod }), zones: 1, since, ...(behind > 0 && { behind }) });
      } else {
        lag.zones += 1;
        lag.since = Math.min(lag.since, since);
        if (behind > (lag.behind ?? 0)) lag.behind = behind;
      }
    }
    return [...lags.values()];
  }

  #count(key: string, by: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
    this.#size += by;
  }
}

/** Zones to look at at targets, for which there was no room yet. Holds lists as they are given, never their product. */
export class Backlog {
  #looks: { readonly zones: readonly string[]; readonly targets: readonly Target[]; next: number }[] = [];

  /** Returns false when there are too many lists: then something else must stand for them all. */
  put(zones: readonly string[], targets: readonly Target[]): boolean {
    if (zones.length === 0 || targets.length === 0) return true;
    if (this.#looks.length >= mostLooks) return false;
    this.#looks.push({ zones, targets, next: 0 });
    return true;
  }

  clear(): void {
    this.#looks = [];
  }

  /** What comes next, without taking it. */
  peek(): { readonly zone: string; readonly targets: readonly Target[] } | undefined {
    const [look] = this.#looks;
    const zone = look?.zones[look.next];
    return look === undefined || zone === undefined ? undefined : { zone, targets: look.targets };
  }

  /** Takes what {@link peek} gave. */
  skip(): void {
    const [look] = this.#looks;
    if (look !== undefined && ++look.next >= look.zones.length) this.#looks.shift();
  }
}

const mostLooks = 8;
