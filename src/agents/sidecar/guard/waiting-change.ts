import { parseName } from "../../../dns/name";
import { typeNameOf } from "../../../dns/rdata";
import { signerTypes } from "../../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../../dns/record";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { ZoneContent, ZoneDifference } from "./judge";

/** Counts records by owner, without what a signer makes. */
class Count implements ZoneContent {
  readonly records = new Map<string, number>();
  apexServers = 0;
  hasSoa = false;

  constructor(private readonly zone: string) {}

  add(name: string, type: string): void {
    if (type === "SOA") this.hasSoa = true;
    if (type === "SOA" || signerTypes.has(type)) return;
    this.records.set(name, (this.records.get(name) ?? 0) + 1);
    if (type === "NS" && name === this.zone) this.apexServers += 1;
  }
}

/** Counts a zone's records. */
export function contentOf(zone: string, records: readonly ResourceRecord[]): ZoneContent {
  const count = new Count(zone);
  for (const record of records) count.add(record.name, typeNameOf(record));
  return count;
}

/**
 * What a change that waits takes from a zone and adds to it. Of a zone that comes anew as a whole Knot has no difference, which any
 * other change has at least in its SOA record; then `whole` reads what the zone has afterwards.
 *
 * @throws Error when it cannot be read: then it is not known what the change does.
 */
export async function readDifference(
  control: Pick<KnotControl, "changeWaiting">,
  zone: string,
): Promise<ZoneDifference> {
  const [removed, added] = [new Count(zone), new Count(zone)];
  await control.changeWaiting(zone, ({ owner, type, isAdded }) => {
    (isAdded ? added : removed).add(parseName(owner), type);
  });
  return {
    isWhole: !removed.hasSoa,
    removed: removed.records,
    added: new Set(added.records.keys()),
    apexServers: { removed: removed.apexServers, added: added.apexServers },
    losesSoa: removed.hasSoa && !added.hasSoa,
  };
}

/**
 * The same of a zone that comes anew: what is added is all that it has then. Nothing when it has no record at all: Knot takes no such
 * zone, and shows none of its records for a moment while it publishes it.
 *
 * @throws Error
 */
export async function readWhole(
  control: Pick<KnotControl, "zoneWaiting">,
  zone: string,
): Promise<ZoneDifference | undefined> {
  const count = new Count(zone);
  await control.zoneWaiting(zone, ({ owner, type }) => {
    count.add(parseName(owner), type);
  });
  if (!count.hasSoa && count.records.size === 0) return undefined;
  return {
    isWhole: true,
    removed: new Map(),
    added: new Set(count.records.keys()),
    apexServers: { removed: 0, added: count.apexServers },
    losesSoa: !count.hasSoa,
  };
}
