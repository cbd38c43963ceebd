import { compareText } from "../../src/base/text";

/** What a site answered, and when, by `performance.now()`. */
export interface Heard {
  readonly site: string;
  readonly at: number;
  /** Addresses of the answer, sorted; none when there were none, or the name was said not to exist. */
  readonly values: readonly string[];
}

/** A turn from one answer to another. */
export interface Turn {
  readonly before: string;
  readonly after: string;
  /** When what it follows from happened, by `performance.now()`. */
  readonly since: number;
}

/** What was heard of a turn. */
export interface TurnFigures {
  /** Milliseconds until each site answered right, by site; those that never did are missing. */
  readonly turnedMs: ReadonlyMap<string, number>;
  /** Answers since. */
  readonly asked: number;
  /** Answers as before, from sites that did not have the right one yet. */
  readonly stale: number;
  /** Answers that were neither, and those as before from sites that already had the right one. */
  readonly wrong: number;
  /** Answers without an address. */
  readonly empty: number;
}

/** Tells which answers of a turn were right. What was heard before it is passed over. */
export function turnFigures(heard: readonly Heard[], { before, after, since }: Turn): TurnFigures {
  const turnedMs = new Map<string, number>();
  const counts = { asked: 0, stale: 0, wrong: 0, empty: 0 };
  for (const { site, at, values } of heard.toSorted((a, b) => a.at - b.at)) {
    if (at < since) continue;
    counts.asked++;
    const text = values.toSorted(compareText).join();
    if (text === after) {
      if (!turnedMs.has(site)) turnedMs.set(site, at - since);
    } else if (text === "") counts.empty++;
    else if (text === before && !turnedMs.has(site)) counts.stale++;
    else counts.wrong++;
  }
  return { turnedMs, ...counts };
}

/** What answers did while nothing happened that should change them. */
export interface CalmFigures {
  readonly asked: number;
  /** Answers that were not the one before of the same site, and answers without an address: none of them is right. */
  readonly changes: number;
  readonly empty: number;
}

/**
 * Counts how often a site's answer was another one. Its first answer is what was there before.
 *
 * @param onChange - is given each of these
 */
export function calmFigures(
  heard: readonly Heard[],
  onChange: (change: { readonly site: string; readonly before: string; readonly after: string }) => void = () =>
    undefined,
): CalmFigures {
  const latest = new Map<string, string>();
  const counts = { asked: 0, changes: 0, empty: 0 };
  for (const { site, values } of heard.toSorted((a, b) => a.at - b.at)) {
    counts.asked++;
    const text = values.toSorted(compareText).join();
    if (text === "") counts.empty++;
    const before = latest.get(site) ?? text;
    latest.set(site, text);
    if (text === before) continue;
    counts.changes++;
    onChange({ site, before, after: text });
  }
  return counts;
}
