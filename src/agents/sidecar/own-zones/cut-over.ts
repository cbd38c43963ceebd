import { serialAfter } from "../../../dns/serial";
import type { KnotControl } from "../../../knot/control/knot-control";

/** A zone cannot go on without its primaries as it is. */
export class CutOverError extends Error {
  override readonly name = "CutOverError";
}

/** What {@link takeFromPrimary} works with. */
export interface CutOver {
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneRead" | "zoneReplace" | "zoneFlush">;
  /** Name of this site's server, which is the zone's primary from now on (SOA MNAME). */
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Makes a zone the mesh's own that a server outside the mesh gave until now. It stays as it is served; a newer serial and
 * another primary in its SOA record show everybody that it goes on from here. Can be repeated.
 *
 * @throws CutOverError when there is nothing to go on from, or nobody would make the zone's signatures any more.
 */
export async function takeFromPrimary(zone: string, { control, server, now }: CutOver): Promise<void> {
  const [status] = await control.zoneStatus([zone]);
  if (status?.serial === undefined)
    throw new CutOverError(
      "it has no content here, since none of them ever gave it: put its primaries back into dns-mesh:mesh",
    );
  const [soa] = await control.zoneRead(zone, { owner: zone, type: "SOA" });
  const [, rname, , ...timers] = soa?.data.split(/\s+/) ?? [];
  if (soa === undefined || rname === undefined || timers.length !== 4)
    throw new CutOverError("its SOA record cannot be read");
  const keys = await control.zoneRead(zone, { owner: zone, type: "DNSKEY" });
  if (keys.length > 0)
    throw new CutOverError(
      "it is signed by its former primary, whose signatures end some day: put its primaries back into dns-mesh:mesh, have its DS record removed and the zone unsigned there, and begin again",
    );
  const data = [`${server}.`, rname, serialAfter(now, status.serial), ...timers].join(" ");
  await control.zoneReplace(zone, { owner: zone, ttl: soa.ttl, type: "SOA", data });
  await control.zoneFlush(zone);
}
