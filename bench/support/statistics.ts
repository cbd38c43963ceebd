/** What a series of times comes to, in milliseconds. */
export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * The value below or at which `percent` of the values lie, by nearest rank: always one of the values.
 *
 * @throws RangeError without values, or for a percentage outside 0 to 100.
 */
export function percentile(values: readonly number[], percent: number): number {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`a percentage from 0 to 100, not ${percent}`);
  const sorted = [...values].sort((a, b) => a - b);
  // The tiny deduction keeps a rank that is whole, but for rounding, from going one up.
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length - 1e-9));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError("no values to take a percentile of");
  return value;
}

/** The middle value, by nearest rank. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Median, 99th percentile and greatest of some times, to a tenth of a millisecond. */
export function spread(milliseconds: readonly number[]): Spread {
  const at = (percent: number): number => round(percentile(milliseconds, percent));
  return { p50Ms: at(50), p99Ms: at(99), maxMs: at(100) };
}

/** Rounds to so many digits behind the point. */
export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
