import type { KnotControl } from "../../io/knot-control";

/** A zone whose content changed here. */
export interface ServedChange {
  readonly zone: string;
  readonly serial: number;
  /** Whether it had no content at the look before. */
  readonly isNew: boolean;
}

/** Finds out which zones changed on the site's Knot: clients update them, and owners send them, without telling us. */
export class ServedSerials {
  #known: ReadonlyMap<string, number> | undefined;

  constructor(private readonly control: Pick<KnotControl, "zoneStatus">) {}

  /**
   * Zones whose serial is another than at the look before; none at the first look, which has nothing to compare with.
   *
   * @param zones - Those that matter; all when left out.
   * @throws what the control socket throws.
   */
  async changed(zones?: readonly string[]): Promise<readonly ServedChange[]> {
    const before = this.#known;
    const now = new Map<string, number>();
    const changes: ServedChange[] = [];
    for (const { zone, serial } of await this.control.zoneStatus(zones)) {
      if (serial === undefined) continue;
      now.set(zone, serial);
      const old = before?.get(zone);
      if (before !== undefined && old !== serial) changes.push({ zone, serial, isNew: old === undefined });
    }
    this.#known = now;
    return changes;
  }
}
