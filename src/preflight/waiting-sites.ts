import { UserError } from "../base/errors";
import { fields } from "../base/json";
import type { Mesh, Transport } from "../mesh/model";
import { listedSites, primaryOf, withoutAddress } from "../mesh/waiting";
import type { FormerOutputs } from "./former-outputs";
import { readPublished } from "./published";

/** What a site that waits for an address is told by the shared stack: as much as its Service needs. */
export interface Waiting {
  readonly transport: Transport;
}

/** What the shared stack says of addresses that come from load balancers; nothing where there are none. */
export interface AddressOutputs {
  /** Sites that are in neither central zone yet, by name: of these, `up` makes the Service alone. */
  readonly waiting?: Readonly<Record<string, Waiting>>;
  /** Sites whose addresses are those that their load balancers got. */
  readonly auto?: readonly string[];
}

/** The part of the shared stack's outputs that is about such addresses. */
export function addressOutputs(mesh: Mesh): AddressOutputs {
  const { transport, waiting = [] } = mesh;
  const auto = listedSites(mesh).flatMap((site) => (site.auto === true ? [site.name] : []));
  return {
    ...(waiting.length > 0 && { waiting: Object.fromEntries(waiting.map(({ name }) => [name, { transport }])) }),
    ...(auto.length > 0 && { auto: auto.sort() }),
  };
}

/**
 * What the shared stack's outputs say to a site that waits; undefined for one that does not.
 *
 * @throws UserError when that is of a shape that this release does not know.
 */
export function waitingIn(outputs: FormerOutputs, site: string): Waiting | undefined {
  const waiting = fields(outputs["waiting"]);
  if (!Object.hasOwn(waiting, site)) return undefined;
  const { transport } = fields(waiting[site]);
  if (transport === "tls" || transport === "quic" || transport === "tcp") return { transport };
  throw new UserError(
    `the shared stack says that ${site} waits for an address, in a way that this release cannot read; bring the shared stack up with this release`,
  );
}

/** Whether a site's addresses are those that its load balancer got, by the shared stack's outputs. */
export function isAuto({ auto }: FormerOutputs, site: string): boolean {
  return Array.isArray(auto) && auto.includes(site);
}

/**
 * Why a list may not be brought up in which addresses are not known, by what the shared stack said last: an address that
 * is not known is not one that is gone, and takes neither a site nor a zone out of the directory.
 */
export function lostAddresses(mesh: Mesh, former: FormerOutputs | undefined): readonly string[] {
  const before = readPublished(former?.["sites"]);
  const open = withoutAddress(mesh);
  const lost = open.flatMap(({ name }) => (name in before ? [formerAddresses(name, former)] : []));
  if (lost.length > 0) return lost;
  const primary = primaryOf(mesh);
  if (Object.keys(before).length > 0 && open.some(({ name }) => name === primary))
    return [
      `mesh.sites: ${primary} has no address yet and cannot become the primary-catalog: nothing could be published. Nothing was changed; bring it up as a standard site first (mesh up)`,
    ];
  const owners = new Map(
    Object.entries(before).flatMap(([owner, { zones }]) => Object.keys(zones).map((zone) => [zone, owner])),
  );
  return (mesh.waiting ?? []).flatMap(({ name, zones }) =>
    zones.flatMap((zone) =>
      owners.has(zone.name)
        ? [
            `mesh.sites: the zone "${zone.name}" cannot move from ${owners.get(zone.name) ?? ""} to ${name}, which has no address yet: nobody would answer it. Nothing was changed; bring ${name} up without it first (mesh up)`,
          ]
        : [],
    ),
  );
}

function formerAddresses(site: string, former: FormerOutputs | undefined): string {
  const { addresses } = fields(fields(fields(fields(former?.["sites"])[site]))["site"]);
  const known = Array.isArray(addresses) ? addresses.map(String) : [];
  return (
    `mesh.sites: ${site} has addresses: auto, and the list does not say which they are: the mesh knows it at ${known.join(", ") || "its addresses"}. ` +
    `Nothing was changed; write "found: [${known.join(", ")}]" beside it (mesh up does, where it can ask the site's cluster)`
  );
}

/** @throws UserError for a list as in {@link lostAddresses}. */
export function requireAddressesKept(mesh: Mesh, former: FormerOutputs | undefined): void {
  const found = lostAddresses(mesh, former);
  if (found.length > 0) throw new UserError(found.join("\n"));
}

/**
 * Refuses to take down a site that was brought up as a whole: where it waits, its Service is all there is.
 *
 * @throws UserError with the cure.
 */
export function requireNotUp(site: string, former: FormerOutputs | undefined): void {
  if (former?.["server"] === undefined) return;
  throw new UserError(
    `the shared stack says that ${site} waits for an address, and this stack has brought it up as a whole: all of that would be deleted, volumes included. ` +
      `Nothing was changed; write its address into the list (found), and bring the shared stack and the primary up`,
  );
}
