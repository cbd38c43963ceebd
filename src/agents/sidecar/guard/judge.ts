import { type Limits, mostRemovals } from "../../../mesh/limits";

/** What a change says it takes from a zone and adds to it, without what a signer makes. */
export interface ZoneDifference {
  /** The zone comes anew as a whole, by a file or AXFR: what is added is all that it has then, and nothing is said to be removed. */
  readonly isWhole: boolean;
  /** Records taken away, by owner. */
  readonly removed: ReadonlyMap<string, number>;
  /** Owners of records that are added. */
  readonly added: ReadonlySet<string>;
  /** NS records of the apex that are taken away, and added. */
  readonly apexServers: { readonly removed: number; readonly added: number };
  /** The SOA record goes and none comes. */
  readonly losesSoa: boolean;
}

/** A zone as it is served, without what a signer makes. */
export interface ZoneContent {
  /** Records by owner. */
  readonly records: ReadonlyMap<string, number>;
  /** NS records of the apex. */
  readonly apexServers: number;
}

/** What is decided on. */
export interface JudgedChange {
  readonly difference: ZoneDifference;
  /** Names that were taken away shortly before: a change in many steps is one. */
  readonly recent: ReadonlySet<string>;
  readonly limits: Limits;
}

/** Whether a change is published, and the names that it takes away. */
export type ChangeVerdict =
  | { readonly kind: "publish"; readonly names: readonly string[]; readonly added: ReadonlySet<string> }
  | { readonly kind: "hold"; readonly names: readonly string[]; readonly of: number; readonly reason: string };

/** The change is published; so many names go with it. */
export function publish({ added }: Pick<ZoneDifference, "added">, names: readonly string[]): ChangeVerdict {
  return { kind: "publish", names, added };
}

/** Names that a change takes away, if they have no other records; none where that takes a look at the zone. */
export function doomedNames({ removed, added }: ZoneDifference): readonly string[] {
  return [...removed.keys()].filter((name) => !added.has(name));
}

/**
 * Whether a change can be published without a look at the zone: what it takes away at most, with what went shortly before, is no more
 * than may always go.
 *
 * @param known - Names that the zone has at least, where that is known.
 */
export function isHarmless({ difference, recent, limits }: JudgedChange, known = 0): boolean {
  const { apexServers, losesSoa, isWhole } = difference;
  if (isWhole || losesSoa || apexServers.removed > apexServers.added) return false;
  const most = new Set([...recent, ...doomedNames(difference)]).size;
  return most <= mostRemovals(limits, known);
}

/** Decides whether a change is published, by what the zone has now. */
export function judgeChange({ difference, recent, limits }: JudgedChange, content: ZoneContent): ChangeVerdict {
  const { removed, added, apexServers, losesSoa, isWhole } = difference;
  const stays = (name: string): boolean => (content.records.get(name) ?? 0) > (removed.get(name) ?? 0);
  const goes = isWhole
    ? [...content.records.keys()].filter((name) => !added.has(name))
    : doomedNames(difference).filter((name) => content.records.has(name) && !stays(name));
  const before = [...recent].filter((name) => !content.records.has(name));
  const of = content.records.size + before.length;
  if (losesSoa) return { kind: "hold", names: goes, of, reason: "it takes away the SOA record" };
  const servers = (isWhole ? 0 : content.apexServers - apexServers.removed) + apexServers.added;
  if (content.apexServers > 0 && servers <= 0)
    return { kind: "hold", names: goes, of, reason: "it takes away the NS records of the apex" };
  const gone = new Set([...goes, ...before]).size;
  const most = mostRemovals(limits, of);
  if (goes.length === 0 || gone <= most) return publish(difference, goes);
  const beside = before.length === 0 ? "" : `, ${before.length} of them shortly before`;
  const reason = `with it ${gone} of ${of} names are taken away${beside}, and ${most} may go at once`;
  return { kind: "hold", names: goes, of, reason };
}
