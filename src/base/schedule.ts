const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

/**
 * The longest time in milliseconds between two runs of a CronJob's schedule of five fields. Days count where all are meant;
 * a schedule of certain days, or one that is not understood, may leave a month out.
 */
export function longestGap(schedule: string): number {
  const [minutes = "", hours = "", ...days] = schedule.trim().split(/\s+/);
  const times = numbersIn(hours, 23).flatMap((hour) =>
    numbersIn(minutes, 59).map((minute) => hour * hourMs + minute * minuteMs),
  );
  const [first] = times;
  if (first === undefined || days.length !== 3 || days.some((field) => field !== "*")) return 31 * dayMs;
  return Math.max(...[...times, first + dayMs].slice(1).map((time, i) => time - (times[i] ?? 0)));
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
