/** How much may go at once without having been confirmed beforehand: sites and zones of the mesh, names of a zone. */
export interface Limits {
  /** Removals that are always allowed. */
  readonly least: number;
  /** Share of the known entries that may be removed, between 0 and 1; rounded down. */
  readonly share: number;
}

/** One, or a third. */
export const defaultLimits: Limits = { least: 1, share: 1 / 3 };

/** Names of a site's own zone: ten, or a third. */
export const defaultZoneLimits: Limits = { least: 10, share: 1 / 3 };

/** How many of `known` may leave at once. */
export function mostRemovals(limits: Limits, known: number): number {
  // The tiny surplus keeps a third of three from being rounded down to none.
  return Math.max(limits.least, Math.floor(known * limits.share + 1e-9));
}

/** A mark of retirement, if any: an ISO date. */
interface Retirable {
  readonly retired?: string;
}

/** What holds for a zone of a site: the earlier of its own mark and the site's, which takes its zones along. */
export function zoneRetirement(zone: Retirable, site: Retirable): Retirable {
  const [retired] = [zone.retired, site.retired].filter((day) => day !== undefined).sort();
  return retired === undefined ? {} : { retired };
}

/** Whether a mark of retirement has come into force. Both are ISO dates. */
export function isRetired({ retired }: Retirable, today: string): boolean {
  return retired !== undefined && retired <= today;
}
