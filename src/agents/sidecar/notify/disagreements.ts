import { inParallel } from "../../../base/in-parallel";
import { timeText } from "../../../base/text";
import { Turns } from "../../../base/turns";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { type ResourceRecord, serialIn } from "../../../dns/record";
import { compareSerials, isNewerSerial } from "../../../dns/serial";
import { zoneDigest } from "../../../dns/zone-digest";
import type { Problems } from "../http/status";
import { type OpenEntry, type Target, targetKey } from "./open-entries";

/** A zone of ours at somebody who should have it. */
type Pair = Pick<OpenEntry, "target" | "zone">;

/** What {@link Disagreements} works with. */
export interface DisagreementsParts {
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly knot: DnsServer;
  /** Zones that targets which answer have not answered in our version. */
  readonly open: () => readonly Pair[];
  /** Every zone of ours at every target. */
  readonly all: () => readonly Pair[];
  /** A zone as a target has it, and as our Knot has it; undefined for one that is too large to be compared. */
  readonly copies: (pair: Pair) => Promise<Copies | undefined>;
  readonly problems: Pick<Problems, "set">;
  /** For how long versions may differ, in milliseconds. */
  readonly boundMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The records of a zone at both ends. */
export interface Copies {
  readonly theirs: readonly ResourceRecord[];
  readonly ours: readonly ResourceRecord[];
}

/** Since when a target has not reached the serial that we had then. */
interface Mark extends Pair {
  readonly serial: number;
  readonly since: number;
  theirs: number | undefined;
}

/** Pairs that are asked for in one look, and at a time. */
const [mostAsked, askWidth] = [256, 8];
const mostNamed = 10;
/** In how many parts the bound is cut for looks at serials and, one pair at a time, at contents. */
const [serialLooks, contentLooks] = [10, 5];
const leastMs = 1000;

/**
 * Watches whether others, which answer, answer our zones as we do: one that stays behind or ahead for longer than a bound, and
 * one that has another content under the same serial, which nothing ever mends. What has just changed is on its way and no
 * disagreement, however often it changes: a target has to reach the serial that we had when it was first found behind.
 */
export class Disagreements {
  readonly #marks = new Map<string, Mark>();
  /** Pairs with the same serial and another content. */
  readonly #others = new Map<string, Pair & { readonly serial: number }>();
  readonly #askTurns = new Turns(mostAsked);
  readonly #compareTurns = new Turns(1);
  readonly #againTurns = new Turns(1);
  #dueAt = 0;
  #compareAt: number;

  constructor(private readonly parts: DisagreementsParts) {
    this.#compareAt = parts.now() + parts.boundMs / contentLooks;
  }

  /** Pairs that differ for too long, or have another content under the same serial. */
  get pairs(): readonly Pair[] {
    const pairs = new Map([...this.#others, ...this.#late.map((mark) => [keyOf(mark), mark] as const)]);
    return [...pairs.values()];
  }

  get #late(): readonly Mark[] {
    const { now, boundMs } = this.parts;
    return [...this.#marks.values()].filter(({ since }) => now() - since >= boundMs);
  }

  /** Does what is due. Never throws. */
  async round(): Promise<void> {
    const { now, boundMs } = this.parts;
    if (now() < this.#dueAt) return;
    this.#dueAt = now() + Math.max(leastMs, boundMs / serialLooks);
    const open = this.parts.open();
    const keys = new Set(open.map(keyOf));
    for (const key of this.#marks.keys()) if (!keys.has(key)) this.#marks.delete(key);
    const silent = new Set<string>();
    await inParallel(askWidth, this.#askTurns.next(open), (pair) => this.#look(pair, silent));
    if (now() >= this.#compareAt) await this.#compareSome();
    this.#show();
  }

  /** Theirs is asked for first: what changes in between is not held against them. Who is silent is asked once in a round. */
  async #look(pair: Pair, silent: Set<string>): Promise<void> {
    const target = targetKey(pair.target);
    if (silent.has(target)) return;
    let theirs: number | undefined;
    try {
      theirs = await this.#serialAt(pair);
    } catch {
      silent.add(target);
      return;
    }
    const { dns, knot, now } = this.parts;
    const ours = await dns.querySoa(knot, pair.zone).then(
      ({ serial }) => serial,
      () => undefined,
    );
    if (ours === undefined) return;
    const key = keyOf(pair);
    const mark = this.#marks.get(key);
    const isAhead = theirs !== undefined && isNewerSerial(theirs, ours);
    const isBehind = mark !== undefined && !hasReached(theirs, mark.serial);
    if (theirs === ours) this.#marks.delete(key);
    else if (mark !== undefined && (isAhead || isBehind)) mark.theirs = theirs;
    else this.#marks.set(key, { target: pair.target, zone: pair.zone, serial: ours, since: now(), theirs });
  }

  /** Undefined where it answers without the zone. Throws where it does not answer. */
  async #serialAt({ target, zone }: Pair): Promise<number | undefined> {
    for (const [i, server] of target.servers.entries()) {
      try {
        return (await this.parts.dns.querySoa(server, zone)).serial;
      } catch (error) {
        if (!isUnreachable(error)) return undefined;
        if (i === target.servers.length - 1) throw error;
      }
    }
    throw new Error("it has no address");
  }

  /** One pair more, and one of those that differed. */
  async #compareSome(): Promise<void> {
    const { all, now, boundMs } = this.parts;
    this.#compareAt = now() + boundMs / contentLooks;
    const pairs = all();
    const keys = new Set(pairs.map(keyOf));
    for (const key of this.#others.keys()) if (!keys.has(key)) this.#others.delete(key);
    const again = this.#againTurns.next([...this.#others.values()]);
    for (const pair of [...again, ...this.#compareTurns.next(pairs)]) {
      const found = await this.#compare(pair);
      // A second look, since a version may have been half of one and half of the next.
      const isOther = found === "other" && (await this.#compare(pair)) === "other";
      if (isOther) this.#others.set(keyOf(pair), { ...pair, serial: await this.#ownSerial(pair.zone) });
      else if (found === "same") this.#others.delete(keyOf(pair));
    }
  }

  async #ownSerial(zone: string): Promise<number> {
    const { dns, knot } = this.parts;
    return dns.querySoa(knot, zone).then(
      ({ serial }) => serial,
      () => 0,
    );
  }

  async #compare(pair: Pair): Promise<"same" | "other" | "unknown"> {
    const copies = await this.parts.copies(pair).catch(() => undefined);
    if (copies === undefined) return "unknown";
    const { ours, theirs } = copies;
    const [serial, theirSerial] = [serialIn(ours), serialIn(theirs)];
    if (serial === undefined || serial !== theirSerial) return "unknown";
    return zoneDigest(ours) === zoneDigest(theirs) ? "same" : "other";
  }

  #show(): void {
    const sentences = [
      ...[...this.#others.values()].map(
        ({ zone, target, serial }) =>
          `zone ${zone}: ${nameOf(target)} has another content than this server, under the same serial ${serial}`,
      ),
      ...this.#late.map(
        ({ zone, target, theirs, serial, since }) =>
          `zone ${zone}: ${nameOf(target)} answers ${theirs === undefined ? "without it" : `serial ${theirs}`}, and has not come to serial ${serial} of this server since ${timeText(since)}`,
      ),
    ];
    const more = sentences.length - mostNamed;
    this.parts.problems.set("disagree", [
      ...sentences.slice(0, mostNamed),
      ...(more > 0 ? [`${more} more zones differ between this server and others`] : []),
    ]);
  }
}

function keyOf({ target, zone }: Pair): string {
  return `${targetKey(target)} ${zone}`;
}

function nameOf({ site, pod }: Pick<Target, "site" | "pod">): string {
  return pod === undefined ? site : `pod ${pod} of this site`;
}

function hasReached(theirs: number | undefined, serial: number): boolean {
  const order = theirs === undefined ? undefined : compareSerials(theirs, serial);
  return order === 0 || order === 1;
}
