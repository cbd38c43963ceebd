import type { ZoneChange } from "../history";
import { DataTable } from "./data-table";
import { Moment } from "./moment";
import { durationText, secondsBetween } from "./texts";
import { useShortList } from "./use-short-list";

interface ChangesTableProps {
  readonly changes: readonly ZoneChange[];
  readonly everySeconds: number;
  readonly now: string;
  /** At which sites a change is seen. */
  readonly where: string;
}

/** New serials, and how long each took to be at every site that is looked at. */
export function ChangesTable({ changes, everySeconds, now, where }: ChangesTableProps) {
  const { shown, more } = useShortList(changes, 10, "changes");
  if (changes.length === 0) return <p>No zone has changed since this page is served.</p>;
  const taken = ({ seenAt, everywhereAt, overtaken }: ZoneChange): string => {
    if (overtaken) return "overtaken by a newer one";
    if (everywhereAt === undefined) return `not yet, after ${durationText(secondsBetween(seenAt, now))}`;
    const seconds = secondsBetween(seenAt, everywhereAt);
    return seconds === 0 ? `within ${durationText(Math.ceil(everySeconds))}` : durationText(seconds);
  };
  return (
    <>
      <DataTable
        label="Changes"
        rows={shown}
        keyOf={({ zone, serial }) => `${zone} ${serial}`}
        kindOf={({ everywhereAt, overtaken }) => ((everywhereAt ?? overtaken) === undefined ? "unknown" : undefined)}
        columns={[
          { title: "changed zone", cell: ({ zone }) => zone, isHeading: true },
          { title: "serial", cell: ({ serial }) => serial, isNumber: true },
          { title: "seen at its owner", cell: ({ seenAt }) => <Moment at={seenAt} /> },
          { title: where, cell: taken, isWide: true },
        ]}
      />
      {more}
    </>
  );
}
