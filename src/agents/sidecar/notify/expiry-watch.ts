import { inParallel } from "../../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { Problems } from "../http/status";

/** What {@link ExpiryWatch} works with. */
export interface ExpiryWatchParts {
  readonly control: Pick<KnotControl, "zoneExpiries">;
  /** Asks the site's own Knot. */
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly knot: DnsServer;
  /** The site that owns a zone; undefined for zones that the mesh does not have. */
  readonly ownerOf: (zone: string) => string | undefined;
  readonly problems: Pick<Problems, "set">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The copy that expires first. */
export interface NextExpiry {
  readonly zone: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Between looks, in milliseconds; shorter where a zone has less than eight times as long. */
const [everyMs, leastMs] = [60_000, 1000];
/** As long as a zone is in danger. */
const dangerMs = 5000;
/** A zone of which a smaller part of its SOA expire is left was not refreshed for long. */
const dangerousPart = 1 / 4;
/** Zones whose SOA is asked for in one look, those that expire first, and at a time. */
const [mostAsked, askWidth] = [256, 8];
/** Zones that are named one by one. */
const mostNamed = 10;

/**
 * Watches how long the copies of other servers' zones are still good (SOA expire). Each answer of one of a zone's primaries
 * gives it the whole time again; when none is reached any more nothing else is seen here, up to the moment in which the
 * zone answers SERVFAIL.
 */
export class ExpiryWatch {
  #dueAt = 0;
  #next: NextExpiry | undefined;
  /** SOA expire in seconds. */
  readonly #whole = new Map<string, number>();
  /** Zones that are in danger, with the time, those that have expired since, and all without content. */
  readonly #inDanger = new Map<string, number>();
  #empty: ReadonlySet<string> = new Set();

  constructor(private readonly parts: ExpiryWatchParts) {}

  /** Undefined where no zone is taken from others. */
  get next(): NextExpiry | undefined {
    return this.#next;
  }

  /** Looks when it is time. Throws what the control socket throws. */
  async round(): Promise<void> {
    const now = this.parts.now();
    if (now < this.#dueAt) return;
    this.#dueAt = now + everyMs;
    const zones = await this.parts.control.zoneExpiries();
    const left = zones.flatMap(({ zone, seconds }) =>
      seconds === undefined || seconds === Infinity ? [] : [{ zone, seconds, at: now + 1000 * seconds }],
    );
    left.sort((a, b) => a.seconds - b.seconds);
    const [first] = left;
    this.#next = first && { zone: first.zone, at: first.at };
    if (first !== undefined) this.#dueAt = now + Math.max(leastMs, Math.min(everyMs, (1000 * first.seconds) / 8));
    const soon = left.slice(0, mostAsked);
    await this.#askFor(soon.filter(({ zone, seconds }) => this.#isPossible(zone, seconds)).map(({ zone }) => zone));
    const dangerous = soon.filter(({ zone, seconds }) => seconds < dangerousPart * (this.#whole.get(zone) ?? 0));
    this.#note(dangerous, zones);
    if (this.#inDanger.size > 0) this.#dueAt = Math.min(this.#dueAt, now + dangerMs);
    this.#show();
  }

  /** A SOA expire that is known is asked for again only where the zone would be in danger by it, since it may be another now. */
  #isPossible(zone: string, seconds: number): boolean {
    const whole = this.#whole.get(zone);
    return whole === undefined || seconds < dangerousPart * whole || seconds > whole;
  }

  async #askFor(zones: readonly string[]): Promise<void> {
    const { dns, knot } = this.parts;
    await inParallel(askWidth, zones, async (zone) => {
      const soa = await dns.querySoa(knot, zone).catch(() => undefined);
      if (soa !== undefined) this.#whole.set(zone, soa.expire);
    });
  }

  /** Zones that were in danger and have no content now have expired; others that have none are still to come. */
  #note(
    dangerous: readonly { readonly zone: string; readonly at: number }[],
    zones: readonly { readonly zone: string; readonly seconds: number | undefined }[],
  ): void {
    const empty = new Set(zones.filter(({ seconds }) => seconds === undefined).map(({ zone }) => zone));
    // In the moment between its end and that of its content, a copy's end is not planned any more.
    const unplanned = zones.filter(({ seconds }) => seconds === Infinity).map(({ zone }) => zone);
    const open = new Set([...empty, ...unplanned, ...dangerous.map(({ zone }) => zone)]);
    for (const zone of this.#inDanger.keys()) if (!open.has(zone)) this.#inDanger.delete(zone);
    for (const { zone, at } of dangerous) this.#inDanger.set(zone, steady(this.#inDanger.get(zone), at));
    const all = new Set(zones.map(({ zone }) => zone));
    for (const zone of this.#whole.keys()) if (!all.has(zone)) this.#whole.delete(zone);
    this.#empty = empty;
  }

  #show(): void {
    const sentences = [...this.#inDanger].map(([zone, at]) => {
      const owner = this.parts.ownerOf(zone);
      const whose = owner === undefined ? "" : `, of site ${owner}`;
      return this.#empty.has(zone)
        ? `zone ${zone}${whose}, has expired here and answers SERVFAIL: none of the servers that it is taken from was reached for as long as its SOA says`
        : `zone ${zone}${whose}, expires here at ${minuteOf(at)} unless one of the servers that it is taken from is reached`;
    });
    const more = sentences.length - mostNamed;
    const rest = more > 0 ? [`${more} more zones expire here soon, or have expired`] : [];
    this.parts.problems.set("expiring", [...sentences.slice(0, mostNamed), ...rest]);
  }
}

/** What Knot says is rounded to seconds: the same time again, unless it is another. */
function steady(before: number | undefined, at: number): number {
  return before !== undefined && Math.abs(before - at) < 5000 ? before : at;
}

/** To the minute. */
function minuteOf(at: number): string {
  return new Date(60_000 * Math.round(at / 60_000)).toISOString().replace(":00.000Z", "Z");
}
