const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

/**
 * The longest time in milliseconds between two runs of a CronJob's schedule of five fields. Days of the week count, by
 * number or name; a schedule of certain days of the month, or one that is not understood, may leave a month out.
 */
export function longestGap(schedule: string): number {
  const [minutes = "", hours = "", ofMonth, month, weekdays = "", ...more] = schedule.trim().split(/\s+/);
  const times = numbersIn(hours, 23).flatMap((hour) =>
    numbersIn(minutes, 59).map((minute) => hour * hourMs + minute * minuteMs),
  );
  const week = weekdaysIn(weekdays).flatMap((day) => times.map((time) => day * dayMs + time));
  const [first] = week;
  if (first === undefined || ofMonth !== "*" || month !== "*" || more.length > 0) return 31 * dayMs;
  return Math.max(...[...week.slice(1), first + 7 * dayMs].map((time, i) => time - (week[i] ?? 0)));
}

const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Days of the week from Sunday (0, and 7 as well) on, in their order. */
function weekdaysIn(field: string): readonly number[] {
  const numbers = field.toLowerCase().replaceAll(/[a-z]+/g, (name) => String(dayNames.indexOf(name)));
  return [...new Set(numbersIn(numbers, 7).map((day) => day % 7))].sort((a, b) => a - b);
}

/** The numbers that a field stands for, in their order: `*`, `5`, `1-9`, each with a step, and lists of them. */
function numbersIn(field: string, most: number): readonly number[] {
  const parts = field.split(",").map((part) => /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part));
  if (parts.includes(null)) return [];
  const found = parts.flatMap((part) => {
    const [from, to, step] = [part?.[1], part?.[2], part?.[3]];
    const last = to ?? (from === undefined || step !== undefined ? most : from);
    const isMeant = (number: number): boolean =>
      number >= Number(from ?? 0) && number <= Number(last) && (number - Number(from ?? 0)) % Number(step ?? 1) === 0;
    return Array.from({ length: most + 1 }, (_, number) => number).filter(isMeant);
  });
  return [...new Set(found)].sort((a, b) => a - b);
}
