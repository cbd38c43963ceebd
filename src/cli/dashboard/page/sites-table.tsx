import type { SiteStatus, StatusReport } from "../../status-report";
import { DataTable } from "./data-table";
import { Day } from "./moment";
import { relativeText } from "./texts";
import { useShortList } from "./use-short-list";

interface SitesTableProps {
  readonly report: StatusReport;
  readonly choose: (site: string) => void;
}

const firstRows = 20;

/** Every site, those that something is wrong with first. */
export function SitesTable({ report, choose }: SitesTableProps) {
  const { at, findings, sites } = report;
  const worst = new Map<string | undefined, "wrong" | "unknown">();
  for (const { site, severity } of findings) if (worst.get(site) !== "wrong") worst.set(site, severity);
  const kindOf = ({ name }: SiteStatus) => worst.get(name);
  const order = (site: SiteStatus): number => (kindOf(site) === "wrong" ? 0 : kindOf(site) === "unknown" ? 1 : 2);
  const { shown, more } = useShortList(
    [...sites].sort((a, b) => order(a) - order(b)),
    firstRows,
    "sites",
  );
  const ago = (time: string | undefined): string => (time === undefined ? "?" : relativeText(time, at));
  return (
    <>
      <DataTable
        label="Sites"
        rows={shown}
        keyOf={({ name }) => name}
        kindOf={kindOf}
        columns={[
          {
            title: "site",
            isHeading: true,
            cell: ({ name }) => (
              <button
                type="button"
                aria-label={`${name} on the map`}
                onClick={() => {
                  choose(name);
                }}
              >
                {name}
              </button>
            ),
          },
          { title: "role", cell: ({ role }) => role },
          { title: "answers", cell: ({ answers }) => (answers ? "yes" : "no") },
          { title: "directory", cell: ({ directorySerial }) => directorySerial ?? "?", isNumber: true },
          { title: "zones asked", cell: ({ zones }) => zones.asked, isNumber: true },
          { title: "behind", cell: ({ zones }) => zones.behind, isNumber: true },
          { title: "not served", cell: ({ zones }) => zones.missing, isNumber: true },
          { title: "pods", cell: podsText, isNumber: true },
          { title: "certificate ends", cell: ({ certificateEnds }) => <Day at={certificateEnds} /> },
          { title: "applied", cell: ({ appliedAt }) => ago(appliedAt) },
          { title: "reconciled", cell: ({ reconciledAt }) => ago(reconciledAt) },
          { title: "backup", cell: ({ lastBackup }) => ago(lastBackup) },
        ]}
      />
      {more}
    </>
  );
}

/** Those that are ready of those that there are. */
export function podsText({ pods }: Pick<SiteStatus, "pods">): string {
  return pods.length === 0 ? "?" : `${pods.filter(({ ready }) => ready === true).length} of ${pods.length}`;
}
