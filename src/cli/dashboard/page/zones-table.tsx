import { useState } from "preact/hooks";

import { groupBy } from "../../../base/group";
import type { StatusReport, ZoneStatus } from "../../status-report";
import type { Lag } from "../history";
import type { ContentState } from "../page-state";
import { DataTable } from "./data-table";
import { Day } from "./moment";
import { countText, durationText, secondsBetween } from "./texts";
import { useShortList } from "./use-short-list";

interface ZonesTableProps {
  readonly report: StatusReport;
  readonly lags: readonly Lag[];
  readonly content: ContentState | undefined;
}

interface Row extends ZoneStatus {
  readonly lags: readonly Lag[];
  readonly isNamed: boolean;
  readonly differs: readonly string[];
}

/** Rows that are shown at first. */
const firstRows = 20;

/** Every zone with who has it late, and for how long; late ones first. */
export function ZonesTable({ report, lags, content }: ZonesTableProps) {
  const [wanted, setWanted] = useState("");
  const [onlyLate, setOnlyLate] = useState(false);
  const rows = rowsOf({ report, lags, content });
  const chosen = rows.filter(
    (row) =>
      (wanted === "" || row.name.includes(wanted) || row.owner.includes(wanted)) &&
      (!onlyLate || kindOf(row) !== undefined),
  );
  const { shown, more } = useShortList(chosen, firstRows, "zones");
  return (
    <>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        <label>
          Zone or owner{" "}
          <input
            type="search"
            autocomplete="off"
            spellcheck={false}
            value={wanted}
            onInput={(event) => {
              setWanted(event.currentTarget.value.trim().toLowerCase());
            }}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={onlyLate}
            onChange={(event) => {
              setOnlyLate(event.currentTarget.checked);
            }}
          />{" "}
          only those that are not fine
        </label>
        <span role="status">
          {chosen.length === rows.length ? countText(rows.length, "zone") : `${chosen.length} of ${rows.length} zones`}
        </span>
      </form>
      {chosen.length > 0 && (
        <DataTable
          label="Zones"
          rows={shown}
          keyOf={({ name }) => name}
          kindOf={kindOf}
          columns={[
            { title: "zone", cell: ({ name }) => name, isHeading: true },
            { title: "owner", cell: ({ owner }) => owner },
            { title: "serial", cell: ({ serial }) => serial ?? "?", isNumber: true },
            { title: "late at", cell: (row) => <Late row={row} now={report.at} />, isWide: true },
            { title: "copies expire after", cell: ({ expire }) => (expire === undefined ? "?" : durationText(expire)) },
            { title: "signed until", cell: ({ signedUntil }) => <Day at={signedUntil} /> },
          ]}
        />
      )}
      {more}
    </>
  );
}

function rowsOf({ report, lags, content }: ZonesTableProps): readonly Row[] {
  const byZone = groupBy(lags, ({ zone }) => zone);
  const named = new Set(report.findings.map(({ zone }) => zone));
  const differs = new Map(content?.differing.map(({ zone, at }) => [zone, at]));
  const rows = report.zones.map((zone): Row => ({
    ...zone,
    lags: byZone.get(zone.name) ?? [],
    isNamed: named.has(zone.name),
    differs: differs.get(zone.name) ?? [],
  }));
  const order = (row: Row): number => (kindOf(row) === "wrong" ? 0 : kindOf(row) === "unknown" ? 1 : 2);
  return rows.sort((a, b) => order(a) - order(b));
}

function kindOf({ lags, isNamed, serial, differs }: Row): "wrong" | "unknown" | undefined {
  if (lags.length + differs.length > 0) return "wrong";
  return serial === undefined ? "unknown" : isNamed ? "wrong" : undefined;
}

/** Sites that are named of those that are late. */
const mostNamed = 5;

function Late({ row, now }: { readonly row: Row; readonly now: string }) {
  const { lags, behind, differs } = row;
  if (lags.length + differs.length === 0) return <>–</>;
  const serials = new Map(behind.map(({ site, serial }) => [site, serial]));
  const left = lags.length - mostNamed;
  return (
    <>
      {lags.slice(0, mostNamed).map(({ site, kind, since }) => (
        <span key={site} class="late">
          {site}: {kind === "missing" ? "not served" : `has ${serials.get(site) ?? "?"}`}, for{" "}
          {durationText(secondsBetween(since, now))}
        </span>
      ))}
      {left > 0 && <span class="late">and {countText(left, "more site")}</span>}
      {differs.map((site) => (
        <span key={`content ${site}`} class="late">
          {site}: other content under the same name
        </span>
      ))}
    </>
  );
}
