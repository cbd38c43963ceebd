import { isPoolZone } from "../../pools/wire";
import { notAllowed, zoneFromOutside, zoneRetiring } from "../../records/conditions";
import { isHere } from "../../records/model";
import { annotations, type Entry, isAnnotated, isLeaving } from "./record-store";

/** What is known of the zones that there are. */
export interface ZonesKnown {
  /** Our own site, and its zones. */
  readonly site: string;
  readonly own: ReadonlySet<string>;
  /** The owner of another site's zone. */
  readonly ownerOf: (zone: string) => string | undefined;
  /** Since when one of our zones has been retired. */
  readonly retiredSince: (zone: string) => string | undefined;
  /** Whether one of our zones is taken from a server outside the mesh, which alone changes it. */
  readonly isFromOutside: (zone: string) => boolean;
  /** Why an object's namespace may not have what it says, where that is so. */
  readonly notAllowed: (entry: Entry) => string | undefined;
}

/**
 * - `zone`: it is for the worker of its zone, at this name.
 * - `release`: it goes, and what it may have on the server stays there, for the reason given.
 * - `refuse`: it cannot be served here, as its status is to say.
 */
export type Placement =
  | { readonly kind: "zone"; readonly name: string }
  | { readonly kind: "release"; readonly reason: string }
  | { readonly kind: "refuse"; readonly reason: string; readonly message: string };

/** Decides who deals with an object. */
export function placementOf(entry: Entry, known: ZonesKnown): Placement {
  const { zone, name, reading } = entry;
  const isOwn = known.own.has(zone);
  const reason = releaseReason(entry, known);
  if (reason !== undefined) return { kind: "release", reason };
  const closed = isLeaving(entry) ? undefined : closedZone(zone, known);
  if (closed !== undefined) return closed;
  const retired = isOwn ? known.retiredSince(zone) : undefined;
  const isTooLate = retired !== undefined && !isHere(entry) && !isLeaving(entry) && reading.kind !== "refused";
  if (isOwn && name !== undefined && !isTooLate) {
    // What is served stays so: its zone's worker takes no changes of it.
    const message = isLeaving(entry) || entry.applied !== undefined ? undefined : known.notAllowed(entry);
    return message === undefined ? { kind: "zone", name } : { kind: "refuse", reason: notAllowed, message };
  }
  if (reading.kind === "refused")
    return { kind: "refuse", reason: "InvalidSpec", message: reading.problems.join("; ") };
  return retired === undefined
    ? refuseUnknownZone(zone, known)
    : { kind: "refuse", reason: zoneRetiring, message: tooLate(zone, retired) };
}

/** The refusal of a zone that takes no DnsRecord at all. */
function closedZone(zone: string, { own, isFromOutside }: ZonesKnown): Placement | undefined {
  if (isPoolZone(zone)) return { kind: "refuse", reason: "ReservedZone", message: reserved(zone) };
  if (own.has(zone) && isFromOutside(zone)) return { kind: "refuse", reason: zoneFromOutside, message: takenIn(zone) };
  return undefined;
}

/** Why an object that is to go is let go of, whatever the server has of it; undefined when it is not. */
function releaseReason(entry: Entry, { own, ownerOf, site, isFromOutside }: ZonesKnown): string | undefined {
  const { zone, name } = entry;
  if (!isLeaving(entry)) return undefined;
  if (isAnnotated(entry, annotations.abandon)) return `it is annotated with ${annotations.abandon}`;
  if (own.has(zone) && isFromOutside(zone)) return `${zone} is taken from a primary outside the mesh`;
  // Records may also be in a zone that the list gives us and that is not known here yet.
  const mayBeHere = name !== undefined && (own.has(zone) || ownerOf(zone) === site);
  return mayBeHere ? undefined : `${zone} is no zone of this site`;
}

function reserved(zone: string): string {
  return `${zone} is where sites tell one another of DnsPools, and takes no DnsRecord; use another zone`;
}

function takenIn(zone: string): string {
  return `${zone} is taken from a primary outside the mesh and takes no DnsRecord: change it there, or take primaries from the zone in dns-mesh:mesh and bring up shared and this site`;
}

function tooLate(zone: string, retired: string): string {
  return `${zone} is retired from ${retired} and takes no new DnsRecord; use another zone, or take the mark from the zone in dns-mesh:mesh and bring up shared and the primary`;
}

function refuseUnknownZone(zone: string, { site, own, ownerOf }: ZonesKnown): Placement {
  const owner = ownerOf(zone);
  if (owner !== undefined && owner !== site) {
    const message = `${zone} is a zone of ${owner}; make the DnsRecord in that site's cluster`;
    return { kind: "refuse", reason: "ZoneOfAnotherSite", message };
  }
  if (owner === site) {
    const message = `${zone} is new at this site: bring its stack up`;
    return { kind: "refuse", reason: "UnknownZone", message };
  }
  const names = own.size === 0 ? "none" : [...own].join(", ");
  const message = `no site has the zone ${zone}; this one has ${names}. Put it into dns-mesh:mesh and bring the stacks up, or name another zone`;
  return { kind: "refuse", reason: "UnknownZone", message };
}
