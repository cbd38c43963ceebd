import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { DnsError } from "../../../dns/errors";
import type { KnotControl } from "../../../knot/control/knot-control";

/** A zone whose content changed here. */
export interface ServedChange {
  readonly zone: string;
  readonly serial: number;
  /** Whether it had no content at the look before. */
  readonly isNew: boolean;
}

/** What {@link ServedSerials} looks with. */
export interface SerialSources {
  readonly control: Pick<KnotControl, "zoneStatus">;
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly knot: DnsServer;
}

interface Served {
  readonly zone: string;
  readonly serial: number | undefined;
}

/** So many zones are asked for one by one at most. */
const mostAsked = 16;

/** Finds out which zones changed on the site's Knot: clients update them, and owners send them, without telling us. */
export class ServedSerials {
  #known: ReadonlyMap<string, number> | undefined;

  constructor(private readonly sources: SerialSources) {}

  /**
   * Zones whose serial is another than at the look before; none at the first look, which has nothing to compare with.
   *
   * @param zones - Those that matter; all when left out.
   * @param by - Few zones can be asked for by `queries`, which is cheaper than a session on the control socket.
   * @throws what the control socket or a query throws.
   */
  async changed(zones?: readonly string[], by: "queries" | "control" = "control"): Promise<readonly ServedChange[]> {
    const before = this.#known;
    const now = new Map<string, number>();
    const changes: ServedChange[] = [];
    for (const { zone, serial } of await this.#look(zones, by)) {
      if (serial === undefined) continue;
      now.set(zone, serial);
      const old = before?.get(zone);
      if (before !== undefined && old !== serial) changes.push({ zone, serial, isNew: old === undefined });
    }
    this.#known = now;
    return changes;
  }

  /** The next look has nothing to compare with. */
  restart(): void {
    this.#known = undefined;
  }

  #look(zones: readonly string[] | undefined, by: "queries" | "control"): Promise<readonly Served[]> {
    if (by === "control" || zones === undefined || zones.length > mostAsked)
      return this.sources.control.zoneStatus(zones);
    return Promise.all(zones.map(async (zone) => ({ zone, serial: await this.#ask(zone) })));
  }

  /** Undefined for a zone that Knot does not have, or that has no content. */
  async #ask(zone: string): Promise<number | undefined> {
    try {
      return (await this.sources.dns.querySoa(this.sources.knot, zone)).serial;
    } catch (error) {
      if (error instanceof DnsError && error.isNegative) return undefined;
      throw error;
    }
  }
}
