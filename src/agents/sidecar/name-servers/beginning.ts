import { inParallel } from "../../../base/in-parallel";
import type { DnsClient } from "../../../dns/client/dns-client";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { MeshView, SiteView } from "../../../mesh/view";
import type { Inputs } from "../inputs/inputs";
import { firstSerial } from "../own-zones/seeding";

/** What {@link isUnshared} asks. */
export interface BeginningParts {
  readonly control: Pick<KnotControl, "zoneStatus">;
  /** Asks other sites. */
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly inputs: () => Inputs | undefined;
}

/** Other sites that are asked: the catalog sites first. */
const mostAsked = 16;

/**
 * Whether an own zone is still as the model has it, and others may have more of it. Any change gives it a serial of the present time, by
 * which it would win over what this site has lost with its volume (ADR 0009).
 */
export async function isUnshared(parts: BeginningParts, zone: string, view: MeshView): Promise<boolean> {
  const { control, dns, inputs } = parts;
  const [status] = await control.zoneStatus([zone]);
  const known = inputs();
  const others = view.sites.filter(({ name }) => name !== known?.packet.site.name);
  if (status?.serial !== firstSerial || known === undefined || others.length === 0) return false;
  const rank = ({ role }: SiteView): number => (role === "standard" ? 1 : 0);
  const asked = [...others].sort((a, b) => rank(a) - rank(b)).slice(0, mostAsked);
  const serials: number[] = [];
  await inParallel(mostAsked, asked, async ({ addresses }) => {
    for (const address of addresses)
      try {
        serials.push((await dns.querySoa({ address, port: known.runtime.remotePort }, zone)).serial);
        return;
      } catch {
        // The next address, or nothing: who does not have the zone says nothing of who has more of it.
      }
  });
  return serials.length === 0 || serials.some((serial) => serial !== firstSerial);
}
