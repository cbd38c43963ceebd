import { messageOf } from "../../../base/errors";
import type { DnsClient } from "../../../dns/client/dns-client";
import { DnsError, isUnreachable } from "../../../dns/errors";
import { type ResourceRecord, serialIn } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";
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
  /** What was said at earlier looks. Left out as long as not all sites of the mesh are known: then no denial counts. */
  readonly said?: SaidBefore;
}

/**
 * What servers said of zones, over looks that ask some of them at a time. A server that has just come up, and is still
 * loading or transferring a zone, denies it as well: where not all sites answer, a denial must stand for some time.
 */
export class SaidBefore {
  readonly #said = new Map<string, Map<string, Memory>>();

  /** @param now - Milliseconds since 1970. */
  constructor(private readonly now: () => number) {}

  /** Takes note of what a server says. */
  note(zone: string, source: ZoneSource, say: Say): void {
    const of = this.#said.get(zone) ?? new Map<string, Memory>();
    this.#said.set(zone, of);
    const before = of.get(nameOf(source));
    const at = this.now();
    const had = before?.say.kind === "has" ? { serial: before.say.serial, until: at + silenceMs } : before?.had;
    const memory = { say, at, since: before?.say.kind === say.kind ? before.since : at };
    of.set(nameOf(source), { ...memory, ...(say.kind === "unknown" && had !== undefined && { had }) });
  }

  /** What a server said last. */
  of(zone: string, source: ZoneSource): Memory | undefined {
    return this.#said.get(zone)?.get(nameOf(source));
  }

  /** A newer version than this, which a server had that has been silent for a moment only. */
  hasMissed(zone: string, serial: number): boolean {
    const now = this.now();
    const memories = [...(this.#said.get(zone)?.values() ?? [])];
    return memories.some(({ had }) => had !== undefined && now < had.until && isNewerSerial(had.serial, serial));
  }

  clear(): void {
    this.#said.clear();
  }
}

interface Memory {
  readonly say: Say;
  /** When it was said last, and since when nothing else. */
  readonly at: number;
  readonly since: number;
  /** What it had before it did not say any more, and until when it is waited for. */
  readonly had?: { readonly serial: number; readonly until: number };
}

function nameOf({ server }: ZoneSource): string {
  return `${server.address} ${server.port}`;
}

/** Two looks at zones that wait. */
const denialMs = 6000;
/** For so long a server that had a newer version is waited for when it is silent: some looks. */
const silenceMs = 20_000;

/** What a server says of a zone. */
type Say =
  | { readonly kind: "has"; readonly serial: number }
  /** It has the directory, and so knows the mesh's zones, and not this one. */
  | { readonly kind: "denies" }
  | Unclear;

/** `isAway`: it does not answer, or knows neither mesh nor zone. */
interface Unclear {
  readonly kind: "unknown";
  readonly reason: string;
  readonly isAway: boolean;
}

/** What a server is said to say of a zone before its turn came. */
const notAsked: Unclear = { kind: "unknown", reason: "not all servers of the mesh were asked yet", isAway: true };

interface Said {
  readonly source: ZoneSource;
  readonly say: Say;
}

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
  /** Servers that did not answer are not waited for again. */
  readonly #silent = new Map<ZoneSource, Say>();
  /** Whether a server was there and said neither yes nor no: its clock, its key or its certificate is not ours, or it fails. */
  #isHindered = false;

  constructor(private readonly parts: CopySearchParts) {}

  /** The newest copy that any server gives. Never throws. */
  async find(zone: string): Promise<FoundCopy> {
    const { said: before } = this.parts;
    const asked = this.#toAsk(zone);
    const said = await Promise.all(asked.map(async (source) => ({ source, say: await this.#ask(source, zone) })));
    for (const { source, say } of said) before?.note(zone, source, say);
    const others = this.#others(zone, said);
    const unclear = others.flatMap(({ say }) => (say.kind === "unknown" ? [say] : []));
    const areAllAsked = !unclear.includes(notAsked);
    const reason = [...new Set(unclear.map((say) => say.reason))].join("; ");
    const holders = said.flatMap(({ source, say }) => (say.kind === "has" ? [{ source, serial: say.serial }] : []));
    // Whoever has not been asked may have a newer one.
    if (holders.length > 0) return areAllAsked ? this.#takeNewest(zone, holders, reason) : { kind: "unknown", reason };
    this.#isHindered ||= unclear.some(({ isAway }) => !isAway);
    const denial = denialOf(others);
    if (before !== undefined && areAllAsked) {
      if (denial === "sure") return { kind: "none" };
      const isAlone = denial === "none" && this.parts.isFirst && !this.#isHindered;
      if (denial === "stands" || isAlone) return { kind: "none", ...(reason && { unclear: reason }) };
    }
    const why = denial === "none" ? "no other server of the mesh is known yet" : "who denies it may have just come up";
    return { kind: "unknown", reason: reason || why };
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

  /** What every other server says, or said when it was its turn; and whether it has denied the zone for long enough. */
  #others(zone: string, now: readonly Said[]): readonly (Said & { readonly stands: boolean })[] {
    const { sources, all = sources, own, said: before } = this.parts;
    if (before === undefined)
      return now.filter(({ source }) => source !== own).map((each) => ({ ...each, stands: false }));
    return all.map((source) => {
      const memory = before.of(zone, source);
      if (memory === undefined) return { source, say: notAsked, stands: false };
      return { source, say: memory.say, stands: memory.say.kind === "denies" && memory.at - memory.since >= denialMs };
    });
  }

  async #ask(source: ZoneSource, zone: string): Promise<Say> {
    const before = this.#silent.get(source);
    if (before !== undefined) return before;
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
      return saysNo(error)
        ? { kind: "unknown", reason: messageOf(error), isAway: !isFailing(no) }
        : this.#isSilent(source, error);
    }
  }

  #isSilent(source: ZoneSource, error: unknown): Say {
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

/** How other servers deny a zone: `sure`, all that may have it; `stands`, one for long enough; `fresh`, one of them. */
function denialOf(others: readonly (Said & { readonly stands: boolean })[]): "sure" | "stands" | "fresh" | "none" {
  if (!others.some(({ say }) => say.kind === "denies")) return "none";
  if (others.every(({ source, say }) => say.kind === "denies" || source.isPod === true)) return "sure";
  return others.some(({ stands }) => stands) ? "stands" : "fresh";
}

/** Whether a server answered that it has no such zone, or no content for it. Knot signs no such answer. */
export function saysNo(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  if (failure.kind === "unsigned") return failure.rcode !== undefined && failure.rcode !== "NOERROR";
  return error.isNegative;
}

/** Whether a server has the zone in its configuration and no content of it: it may be loading one. */
function isFailing(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  return (failure.kind === "rcode" || failure.kind === "unsigned") && failure.rcode === "SERVFAIL";
}
