import { aims } from "./aims";
import { jobs } from "./jobs";
import { plotted } from "./plots";
import { type Named, namedIn } from "./render";
import { tables } from "./tables";

/** Every figure that a table, a plot or an aim has a place for, and what those are compared with. */
export function shownFigures(): readonly Named[] {
  const all = [
    ...Object.values(tables).flatMap(namedIn),
    ...plotted(),
    ...aims.flatMap(({ of }) => (of === undefined ? [] : [{ job: of[0], figure: of[1] }])),
  ];
  return all.flatMap(({ job, figure }) => {
    const rival = jobs[job]?.rivals?.[figure];
    return rival === undefined
      ? [{ job, figure }]
      : [
          { job, figure },
          { job, figure: rival.figure },
        ];
  });
}
