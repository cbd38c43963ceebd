import type { KnotControl } from "../../io/knot-control";

/** Finds out which of the site's own zones changed: clients update them without telling us. */
export class OwnSerials {
  #known: ReadonlyMap<string, number> | undefined;

  constructor(private readonly control: Pick<KnotControl, "zoneStatus">) {}

  /**
   * Zones whose serial is another than at the look before, with the new one; none at the first look, which has nothing
   * to compare with. Throws what the control socket throws.
   */
  async changed(zones: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const statuses = await this.control.zoneStatus(zones);
    const now = new Map(
      statuses.flatMap(({ zone, serial }) => (serial === undefined ? [] : [[zone, serial] as const])),
    );
    const before = this.#known;
    this.#known = now;
    return new Map(before === undefined ? [] : [...now].filter(([zone, serial]) => before.get(zone) !== serial));
  }
}
