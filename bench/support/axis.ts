/** How values are laid out along an axis. */
export type Scale = "linear" | "log";

/** Values along one side of a chart. */
export interface Axis {
  readonly least: number;
  readonly greatest: number;
  readonly ticks: readonly number[];
  /** From 0 at the least to 1 at the greatest. */
  readonly place: (value: number) => number;
}

/**
 * An axis that holds all values and begins and ends at a tick. A linear one starts at zero.
 *
 * @throws RangeError for no values, values that are not finite or negative, and zero on a log axis.
 */
export function axisFor(values: readonly number[], scale: Scale): Axis {
  const refused = values.find((value) => !Number.isFinite(value) || value < 0 || (scale === "log" && value === 0));
  if (refused !== undefined) throw new RangeError(`${refused} has no place on a ${scale} axis`);
  if (values.length === 0) throw new RangeError("an axis of no values");
  const ticks = scale === "log" ? logTicks(values) : linearTicks(Math.max(...values));
  const [least = 0, greatest = 1] = [ticks[0], ticks.at(-1)];
  const at = scale === "log" ? Math.log10 : (value: number): number => value;
  return { least, greatest, ticks, place: (value) => (at(value) - at(least)) / (at(greatest) - at(least)) };
}

/** Powers of ten, or 1, 2, 5, 10 where there are few of those. */
function logTicks(values: readonly number[]): number[] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [Math.floor(Math.log10(least) + 1e-9), Math.ceil(Math.log10(greatest) - 1e-9)];
  const steps = last - first > 2 ? [1] : [1, 2, 5];
  const all = [];
  for (let power = first; power <= last; power++) for (const step of steps) all.push(tidy(step * 10 ** power));
  const from = all.findLastIndex((tick) => tick <= least * (1 + 1e-9));
  const to = all.findIndex((tick) => tick >= greatest * (1 - 1e-9));
  const ticks = all.slice(Math.max(0, from), to + 1);
  // A single value still needs a length to stand in.
  return ticks.length > 1 ? ticks : [ticks[0] ?? 1, (ticks[0] ?? 1) * 10];
}

/** Some five steps of 1, 2 or 5 times a power of ten. */
function linearTicks(greatest: number): number[] {
  const rough = (greatest === 0 ? 1 : greatest) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * (1 - 1e-9)) ?? rough;
  const count = Math.max(1, Math.ceil(greatest / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, i) => tidy(i * step));
}

/** Without the dust of floating point. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
