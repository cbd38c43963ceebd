import { UserError } from "../base/errors";
import { fields } from "../base/json";
import { foldName } from "../base/names";
import type { Mesh } from "../mesh/model";
import { type LivePlace, requireSite } from "../preflight/live-site";

/**
 * Makes sure that a cluster has this site of this mesh, before what it says is believed: another mesh may have a site of
 * the same name.
 *
 * @returns the site's welcome packet.
 * @throws UserError with the cure.
 */
export async function requireSiteOf(
  { directoryZone }: Pick<Mesh, "directoryZone">,
  place: LivePlace,
  site: string,
): Promise<unknown> {
  const packet = await requireSite(place, site, `bring up ${site}'s stack`);
  const found = fields(packet)["directoryZone"];
  if (typeof found === "string" && foldName(found) === directoryZone) return packet;
  throw new UserError(
    `this is the ${site} of another mesh, with the directory ${String(found)} and not ${directoryZone}; check the context`,
  );
}
