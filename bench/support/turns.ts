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
