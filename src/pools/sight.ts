import type { Pace, Seen } from "./model";

/** What a site knows of a target by its own probes. */
export interface Sight {
  /** Undefined before it is known. */
  readonly seen: Seen | undefined;
  /** Results in a row that speak against it, or for a first opinion. */
  readonly streak: number;
}

/** Before the first probe. */
export const unseen: Sight = { seen: undefined, streak: 0 };

/**
 * What a site knows after another probe. The first good one makes a target up; bad ones must be `fall` in a row, and good ones
 * `rise` for one that was down.
 */
export function nextSight(
  { seen, streak }: Sight,
  isGood: boolean,
  { rise, fall }: Pick<Pace, "rise" | "fall">,
): Sight {
  const result: Seen = isGood ? "up" : "down";
  if (result === seen) return { seen, streak: 0 };
  const needed = isGood ? (seen === undefined ? 1 : rise) : fall;
  return streak + 1 >= needed ? { seen: result, streak: 0 } : { seen, streak: streak + 1 };
}
