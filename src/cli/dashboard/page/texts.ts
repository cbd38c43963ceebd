/** Seconds in words: `4 s`, `3 min 5 s`, `2 h 10 min`, `5 d`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (whole < 60) return `${whole} s`;
  if (hours < 1) return withRest(`${minutes} min`, whole % 60, "s");
  if (hours < 48) return withRest(`${hours} h`, minutes % 60, "min");
  return `${Math.floor(hours / 24)} d`;
}

function withRest(text: string, rest: number, unit: string): string {
  return rest === 0 ? text : `${text} ${rest} ${unit}`;
}

/** Seconds from one time to another, ISO 8601. */
export function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** How long ago, or in how long, a time is: `3 min ago`, `in 12 d`. */
export function relativeText(time: string, now: string): string {
  const seconds = secondsBetween(time, now);
  return seconds >= 0 ? `${durationText(seconds)} ago` : `in ${durationText(-seconds)}`;
}

/** A number of things: `1 zone`, `3 zones`. */
export function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Names, of which so many are written out. */
export function namesText(names: readonly string[], most = 4): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}
