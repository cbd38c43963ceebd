import { messageOf } from "../../../base/errors";
import type { DnsClient } from "../../../dns/client/dns-client";
import { DnsError, isUnreachable } from "../../../dns/errors";
import { type ResourceRecord, serialIn } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";
import type { Silence } from "../silence";
import { lasts, type SaidBefore, type Say, type Unclear } from "./said-before";
import type { ZoneSource } from "./zone-source";

/** What a search for a zone came to. */
export type FoundCopy =
  | { readonly kind: "copy"; readonly records: readonly ResourceRecord[] }
  /** Nobody is found to have one. `unclear`: why that is not certain, as a sentence; left out when every other site denies it. */
  | { readonly kind: "none"; readonly unclear?: string }
  /** Whoever may hold one did not answer, or does not give it. `reason` is a sentence. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What a {@link CopySearch} works with. */
export interface CopySearchParts {
  readonly dns: Pick<DnsClient, "querySoa" | "transfer">;
  readonly directoryZone: string;
  /** Other servers of the mesh; every one of them has every zone. */
  readonly sources: readonly ZoneSource[];
  /** This server, which may have the zone as a member, but proves nothing when it has not. */
  readonly own?: ZoneSource;
  /** Whether to go without when all others are away: the first site of a mesh cannot wait for them. */
  readonly isFirst: boolean;
  /** All servers, where `sources` are only those whose turn it is: what the others said at theirs counts. @default sources */
  readonly all?: readonly ZoneSource[];
  /** What was said at earlier looks, and is noted at this one. */
  readonly said?: SaidBefore;
  /** Whether all sites of the mesh are known: until then no denial counts. @default false */
  readonly areAllKnown?: boolean;
  /** Who did not answer at earlier looks, and is not waited for again. */
  readonly silence?: Silence;
}

/** What a server is said to say of a zone before its turn came. */
const notAsked: Unclear = { kind: "unknown", reason: "not all servers of the mesh were asked yet", isAway: true };

interface Said {
  readonly source: ZoneSource;
  readonly say: Say;
}

/** `lasts`: it has said nothing else for as long as a denial must stand. */
type LastingSaid = Said & { readonly lasts: boolean };

interface Holder {
  readonly source: ZoneSource;
  readonly serial: number;
}

/** Transfers of one zone that are tried until one is as new as what was seen: behind an address there may be several pods. */
const mostTransfers = 8;

/**
 * Looks for copies of own zones that a new volume lacks. A server that does not answer is not one without the zone, nor is
 * one that has just come up itself: only who answers the directory with authority can deny a zone.
 */
export class CopySearch {
  /** Servers that did not answer, or not as they should, are not asked again in this look. */
  readonly #silent = new Map<ZoneSource, Say>();
  /** Those of them that were not asked in this look at all, and the questions that make up for it. */
  readonly #remembered = new Set<ZoneSource>();
  #askedAgain: Promise<unknown> | undefined;
  /** Whether a server was there and said neither yes nor no: its clock, its key or its certificate is not ours, or it fails. */
  #isHindered = false;

  constructor(private readonly parts: CopySearchParts) {}

  /** The newest copy that any server gives. Never throws. */
  async find(zone: string): Promise<FoundCopy> {
    const found = await this.#look(zone);
    if (found.kind !== "none" || this.#remembered.size === 0) return found;
    // A zone begins anew by what is so now, not by who was silent at an earlier look.
    this.#askedAgain ??= Promise.all([...this.#remembered].map((source) => this.#askAgain(source)));
    await this.#askedAgain;
    return this.#look(zone);
  }

  async #askAgain(source: ZoneSource): Promise<void> {
    try {
      await this.#serial(source, this.parts.directoryZone);
    } catch (error) {
      if (isUnreachable(error)) return;
    }
    this.#silent.delete(source);
    this.parts.silence?.forget(source.server);
  }

  async #look(zone: string): Promise<FoundCopy> {
    const said = await Promise.all(
      this.#toAsk(zone).map(async (source) => ({ source, say: await this.#ask(source, zone) })),
    );
    for (const { source, say } of said) this.parts.said?.note(zone, source, say);
    const others = this.#others(zone, said);
    const unclear = others.flatMap(({ say }) => (say.kind === "unknown" ? [say] : []));
    const areAllAsked = !unclear.includes(notAsked);
    const reason = [...new Set(unclear.map((say) => say.reason))].join("; ");
    const holders = said.flatMap(({ source, say }) => (say.kind === "has" ? [{ source, serial: say.serial }] : []));
    // Whoever has not been asked may have a newer one.
    if (holders.length > 0) return areAllAsked ? this.#takeNewest(zone, holders, reason) : { kind: "unknown", reason };
    const { counted, isHindered } = countedFor(others);
    this.#isHindered ||= isHindered;
    return this.#withoutHolder(zone, { others, counted, areAllAsked, reason });
  }

  /** What it comes to that nobody has the zone now. */
  #withoutHolder(
    zone: string,
    found: {
      readonly others: readonly LastingSaid[];
      readonly counted: readonly LastingSaid[];
      readonly areAllAsked: boolean;
      readonly reason: string;
    },
  ): FoundCopy {
    const { others, counted, areAllAsked, reason } = found;
    const seen = this.parts.said?.holderThatIsSilent(zone);
    if (seen !== undefined) return { kind: "unknown", reason: `${seen} had it and does not answer now` };
    const denial = denialOf(others);
    if (this.#knowsAll && areAllAsked) {
      if (denial === "sure") return { kind: "none" };
      const isAlone = denialOf(counted) === "none" && this.parts.isFirst && !this.#isHindered;
      if (denial === "stands" || isAlone) return { kind: "none", ...(reason && { unclear: reason }) };
    }
    const why = denial === "none" ? "no other server of the mesh is known yet" : "who denies it may have just come up";
    return { kind: "unknown", reason: reason || why };
  }

  get #knowsAll(): boolean {
    return this.parts.said !== undefined && this.parts.areAllKnown === true;
  }

  /** Unless a server had a newer version than these, and is silent. */
  async #takeNewest(zone: string, holders: readonly Holder[], reason: string): Promise<FoundCopy> {
    const newest = holders.map(({ serial }) => serial).reduce((a, b) => (isNewerSerial(b, a) ? b : a));
    return this.parts.said?.hasMissed(zone, newest) === true
      ? { kind: "unknown", reason: reason || "a server that had a newer version does not answer" }
      : this.#take(zone, holders);
  }

  /** This server, those whose turn it is, and those that had the zone at theirs. */
  #toAsk(zone: string): readonly ZoneSource[] {
    const { sources, all = sources, own, said: before } = this.parts;
    const had = all.filter((source) => !sources.includes(source) && before?.of(zone, source)?.say.kind === "has");
    return [...(own === undefined ? [] : [own]), ...sources, ...had];
  }

  /** What every other server says, or said when it was its turn; and whether it has said so for long enough. */
  #others(zone: string, now: readonly Said[]): readonly LastingSaid[] {
    const { sources, all = sources, own, said: before } = this.parts;
    if (before === undefined || !this.#knowsAll)
      return now.filter(({ source }) => source !== own).map((each) => ({ ...each, lasts: false }));
    return all.map((source) => {
      const memory = before.of(zone, source);
      if (memory === undefined) return { source, say: notAsked, lasts: false };
      return { source, say: memory.say, lasts: lasts(memory) };
    });
  }

  async #ask(source: ZoneSource, zone: string): Promise<Say> {
    const before = this.#silent.get(source);
    if (before !== undefined) return before;
    const silent = this.parts.silence?.of(source.server, () => this.#serial(source, this.parts.directoryZone));
    if (silent !== undefined) {
      this.#remembered.add(source);
      return this.#unclear(source, silent.error);
    }
    try {
      return { kind: "has", serial: await this.#serial(source, zone) };
    } catch (error) {
      return saysNo(error) ? this.#settled(source, error) : this.#isSilent(source, error);
    }
  }

  async #settled(source: ZoneSource, no: unknown): Promise<Say> {
    try {
      await this.#serial(source, this.parts.directoryZone);
      return { kind: "denies" };
    } catch (error) {
      if (!saysNo(error)) return this.#isSilent(source, error);
      const isEmpty = isFailing(no);
      return { kind: "unknown", reason: messageOf(error), isAway: !isEmpty, ...(isEmpty && { isEmpty }) };
    }
  }

  #isSilent(source: ZoneSource, error: unknown): Say {
    if (isUnreachable(error)) this.parts.silence?.note(source.server, error);
    return this.#unclear(source, error);
  }

  #unclear(source: ZoneSource, error: unknown): Say {
    const say: Say = { kind: "unknown", reason: messageOf(error), isAway: isUnreachable(error) };
    this.#silent.set(source, say);
    return say;
  }

  async #serial({ server, key }: ZoneSource, zone: string): Promise<number> {
    return (await this.parts.dns.querySoa(server, zone, key)).serial;
  }

  /** From who has the newest, or from the next that gives it. */
  async #take(zone: string, holders: readonly Holder[]): Promise<FoundCopy> {
    const order = [...holders].sort((a, b) => (isNewerSerial(a.serial, b.serial) ? -1 : 1));
    const wanted = order[0]?.serial ?? 0;
    let newest: readonly ResourceRecord[] | undefined;
    let reason = "";
    for (let tries = 0; tries < mostTransfers; tries++) {
      const source = order[tries % order.length]?.source;
      if (source === undefined) break;
      try {
        const records = await this.parts.dns.transfer(source.server, zone, source.key);
        if (newest === undefined || isNewerSerial(serialIn(records) ?? 0, serialIn(newest) ?? 0)) newest = records;
        if (!isNewerSerial(wanted, serialIn(newest) ?? 0)) break;
      } catch (error) {
        reason = messageOf(error);
      }
    }
    return newest === undefined ? { kind: "unknown", reason } : { kind: "copy", records: newest };
  }
}

/**
 * Whose denial keeps the first site of a mesh from going without, and whether somebody is in its way who is there and says
 * neither yes nor no. Where each of its own other pods answers and has nothing, they count as little as if they were away:
 * they take the zone from pod 0 alone, and Knot answers nothing before it has tried to load all that it has.
 */
function countedFor<S extends Said>(
  others: readonly S[],
): { readonly counted: readonly S[]; readonly isHindered: boolean } {
  const isPod = ({ source }: Said): boolean => source.isPod === true;
  const isWithout = ({ say }: Said): boolean =>
    say.kind === "denies" || (say.kind === "unknown" && say.isEmpty === true);
  const counted = others.filter(isPod).every(isWithout) ? others.filter((each) => !isPod(each)) : others;
  return { counted, isHindered: counted.some(({ say }) => say.kind === "unknown" && !say.isAway) };
}

/**
 * How other servers deny a zone: `sure`, all that may have it; `stands`, one for long enough, while all that say neither yes nor no have been
 * asked for as long, since one of them may have it; `fresh`, one of them.
 */
function denialOf(others: readonly LastingSaid[]): "sure" | "stands" | "fresh" | "none" {
  if (!others.some(({ say }) => say.kind === "denies")) return "none";
  if (others.every(({ source, say }) => say.kind === "denies" || source.isPod === true)) return "sure";
  const lasting = others.filter(({ lasts }) => lasts);
  const isUnclear = others.some(({ say, lasts }) => say.kind === "unknown" && !lasts);
  return !isUnclear && lasting.some(({ say }) => say.kind === "denies") ? "stands" : "fresh";
}

/** Whether a server answered that it has no such zone, or no content for it. Knot signs no such answer. */
export function saysNo(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  if (failure.kind === "unsigned") return failure.rcode !== undefined && failure.rcode !== "NOERROR";
  return error.isNegative;
}

/** Whether a server has the zone in its configuration and no content of it. */
function isFailing(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  return (failure.kind === "rcode" || failure.kind === "unsigned") && failure.rcode === "SERVFAIL";
}
