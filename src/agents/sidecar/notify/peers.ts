import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { isNewerSerial, serialsBehind } from "../../../dns/serial";
import type { TsigKey } from "../../../dns/tsig-key";
import { type OpenEntry, peerFields, type Target } from "./open-entries";

/** A peer's copy of a zone that is newer than ours: where it is, and in which version. */
export interface NewerCopy extends Pick<Target, "site" | "pod"> {
  readonly server: DnsServer;
  readonly serial: number;
}

/** What {@link Peers} are asked with. */
export interface PeerOptions {
  readonly dns: Pick<DnsClient, "querySoa" | "notify">;
  readonly knot: DnsServer;
  readonly log: Logger;
  /** Called when a peer holds a newer copy of a zone than this server, also after a second look at our own. */
  readonly onAhead?: (zone: string, copy: NewerCopy) => void;
}

/** Zones that one server is asked about at a time. */
export const mostZones = 8;

/** One attempt at a time to have others take a zone. */
export class Peers {
  constructor(private readonly options: PeerOptions) {}

  /** Asks a target for its serial of a zone, and notifies it when it is another than ours. */
  async offer(
    entry: OpenEntry,
    { serial, key }: { readonly serial: number; readonly key: TsigKey },
  ): Promise<"has" | "notified" | "unreachable"> {
    for (const server of entry.target.servers) {
      try {
        if (await this.#has(entry, server, serial)) return "has";
        await this.options.dns.notify(server, entry.zone, serial, key);
        return "notified";
      } catch (error) {
        if (!isUnreachable(error)) {
          if (entry.attempts === 4) {
            const fields = { ...peerFields(entry.target), zone: entry.zone, reason: messageOf(error) };
            this.options.log.warn("a peer does not take a zone", fields);
          }
          return "notified";
        }
      }
    }
    return "unreachable";
  }

  /** A peer that answers, though without the zone, may have it as soon as it is notified. */
  async #has(entry: OpenEntry, server: DnsServer, serial: number): Promise<boolean> {
    const { target, zone } = entry;
    let theirs: number;
    try {
      theirs = (await this.options.dns.querySoa(server, zone)).serial;
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return false;
    }
    entry.behind = serialsBehind(theirs, serial);
    if (!isNewerSerial(theirs, serial)) return !isNewerSerial(serial, theirs);
    // Ours was read before theirs: it may have changed meanwhile.
    const ours = (await this.ownSerials([zone])).get(zone);
    if (ours === undefined) return false;
    const { site, pod } = target;
    if (isNewerSerial(theirs, ours))
      this.options.onAhead?.(zone, { site, ...(pod !== undefined && { pod }), server, serial: theirs });
    return !isNewerSerial(ours, theirs);
  }

  /** The serials of zones at the site's own Knot, of those that it serves. */
  async ownSerials(zones: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const serials = new Map<string, number>();
    await inParallel(mostZones, zones, async (zone) => {
      try {
        serials.set(zone, (await this.options.dns.querySoa(this.options.knot, zone)).serial);
      } catch {
        // Not served here yet: there is nothing to offer. The entry stays and comes up again.
      }
    });
    return serials;
  }
}

/** Sends something to the first of a target's servers that answers at all; resolves to whether there is one. */
export async function reaches(target: Target, send: (server: DnsServer) => Promise<void>): Promise<boolean> {
  for (const server of target.servers) {
    try {
      await send(server);
      return true;
    } catch (error) {
      if (!isUnreachable(error)) return true;
    }
  }
  return false;
}
