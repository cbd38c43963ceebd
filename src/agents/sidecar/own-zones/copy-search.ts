import { messageOf } from "../../../base/errors";
import type { DnsClient } from "../../../dns/client/dns-client";
import { DnsError } from "../../../dns/errors";
import type { ResourceRecord } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";
import type { ZoneSource } from "./zone-source";

/** What a search for a zone came to. */
export type FoundCopy =
  | { readonly kind: "copy"; readonly records: readonly ResourceRecord[] }
  /** There certainly is none, or nobody who could have one. */
  | { readonly kind: "none" }
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
  /** Whether to go without when nobody is found to have one: the first site of a mesh cannot wait for the others. */
  readonly isFirst: boolean;
}

/** What a server says of a zone. */
type Say =
  | { readonly kind: "has"; readonly serial: number }
  /** It has the directory, and so knows the mesh's zones, and not this one. */
  | { readonly kind: "denies" }
  | { readonly kind: "unknown"; readonly reason: string };

/** Transfers of one zone that are tried until one is as new as what was seen: behind an address there may be several pods. */
const mostTransfers = 8;

/**
 * Looks for copies of own zones that a new volume lacks. A server that does not answer is not one without the zone, nor is
 * one that has just come up itself: only who answers the directory with authority can deny a zone.
 */
export class CopySearch {
  /** Servers that did not answer are not waited for again. */
  readonly #silent = new Map<ZoneSource, string>();

  constructor(private readonly parts: CopySearchParts) {}

  /** The newest copy that any server gives. Never throws. */
  async find(zone: string): Promise<FoundCopy> {
    const { sources, own, isFirst } = this.parts;
    const asked = own === undefined ? sources : [own, ...sources];
    const said = await Promise.all(asked.map(async (source) => ({ source, say: await this.#ask(source, zone) })));
    const holders = said.flatMap(({ source, say }) => (say.kind === "has" ? [{ source, serial: say.serial }] : []));
    if (holders.length > 0) return this.#take(zone, holders);
    const others = said.filter(({ source }) => source !== own).map(({ say }) => say);
    if (isFirst || others.some(({ kind }) => kind === "denies")) return { kind: "none" };
    const reasons = others.flatMap((say) => ("reason" in say ? [say.reason] : []));
    return { kind: "unknown", reason: reasons.join("; ") || "no other server of the mesh is known yet" };
  }

  async #ask(source: ZoneSource, zone: string): Promise<Say> {
    const before = this.#silent.get(source);
    if (before !== undefined) return { kind: "unknown", reason: before };
    try {
      return { kind: "has", serial: await this.#serial(source, zone) };
    } catch (error) {
      return saysNo(error) ? this.#settled(source) : this.#isSilent(source, error);
    }
  }

  async #settled(source: ZoneSource): Promise<Say> {
    try {
      await this.#serial(source, this.parts.directoryZone);
      return { kind: "denies" };
    } catch (error) {
      return saysNo(error) ? { kind: "unknown", reason: messageOf(error) } : this.#isSilent(source, error);
    }
  }

  #isSilent(source: ZoneSource, error: unknown): Say {
    const reason = messageOf(error);
    this.#silent.set(source, reason);
    return { kind: "unknown", reason };
  }

  async #serial({ server, key }: ZoneSource, zone: string): Promise<number> {
    return (await this.parts.dns.querySoa(server, zone, key)).serial;
  }

  /** From who has the newest, or from the next that gives it. */
  async #take(
    zone: string,
    holders: readonly { readonly source: ZoneSource; readonly serial: number }[],
  ): Promise<FoundCopy> {
    const order = [...holders].sort((a, b) => (isNewerSerial(a.serial, b.serial) ? -1 : 1));
    const wanted = order[0]?.serial ?? 0;
    let newest: readonly ResourceRecord[] | undefined;
    let reason = "";
    for (let tries = 0; tries < mostTransfers; tries++) {
      const source = order[tries % order.length]?.source;
      if (source === undefined) break;
      try {
        const records = await this.parts.dns.transfer(source.server, zone, source.key);
        if (newest === undefined || isNewerSerial(serialOf(records), serialOf(newest))) newest = records;
        if (!isNewerSerial(wanted, serialOf(newest))) break;
      } catch (error) {
        reason = messageOf(error);
      }
    }
    return newest === undefined ? { kind: "unknown", reason } : { kind: "copy", records: newest };
  }
}

/** Serial of a whole zone; 0 without an SOA. */
export function serialOf(records: readonly ResourceRecord[]): number {
  const soa = records.find((record) => record.type === "SOA");
  return soa?.type === "SOA" ? soa.serial : 0;
}

/** Whether a server answered that it has no such zone, or no content for it. Knot signs no such answer. */
export function saysNo(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  if (failure.kind === "unsigned") return failure.rcode !== undefined && failure.rcode !== "NOERROR";
  return error.isNegative;
}
