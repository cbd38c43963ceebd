import { groupBy } from "../../../base/group";
import type { StatusReport } from "../../status-report";
import type { ContentState } from "../page-state";
import { DataTable } from "./data-table";
import { Moment } from "./moment";
import { namesText, relativeText } from "./texts";
import { useShortList } from "./use-short-list";

interface FindingListProps {
  readonly findings: StatusReport["findings"];
  readonly choose: (site: string) => void;
}

/** What is wrong, then what is not known. */
export function FindingList({ findings, choose }: FindingListProps) {
  const { shown, more } = useShortList(findings, 12, "findings");
  if (findings.length === 0) return <p>Nothing, in what was asked.</p>;
  return (
    <>
      <ul class="findings">
        {shown.map(({ severity, site, message }, i) => (
          <li key={`${message} ${i}`} class={severity}>
            <strong>{severity}</strong> <span>{message}</span>{" "}
            {site !== undefined && (
              <button
                type="button"
                aria-label={`${site} on the map`}
                onClick={() => {
                  choose(site);
                }}
              >
                {site}
              </button>
            )}
          </li>
        ))}
      </ul>
      {more}
    </>
  );
}

interface HeldListProps {
  readonly held: StatusReport["held"];
  readonly now: string;
}

/** What waits for a person, and why; what several say alike once. */
export function HeldList({ held, now }: HeldListProps) {
  const rows = [...groupBy(held, ({ message }) => message)].map(([message, said]) => ({
    message,
    by: said.map(({ by }) => by),
    since: said
      .flatMap(({ since }) => since ?? [])
      .sort()
      .at(0),
  }));
  return (
    <DataTable
      label="What is held back"
      rows={rows}
      keyOf={({ message }) => message}
      columns={[
        { title: "what, and why", cell: ({ message }) => message, isHeading: true },
        { title: "said by", cell: ({ by }) => namesText(by, 8) },
        { title: "since", cell: ({ since }) => (since === undefined ? "?" : relativeText(since, now)) },
      ]}
    />
  );
}

/** What the last comparison of contents found. */
export function ContentSection({ content }: { readonly content: ContentState }) {
  const { at, copies, differing, failures } = content;
  return (
    <>
      <p>
        The content of {copies === 1 ? "one copy" : `${copies} copies`} was compared at <Moment at={at} />
        {differing.length + failures.length === 0 && ": all alike."}
      </p>
      <ul class="findings">
        {differing.map(({ zone, at: places }) => (
          <li key={zone} class="wrong">
            <strong>wrong</strong> the content of {zone} at {namesText(places)} is not its owner’s:{" "}
            <code>mesh verify --zone {zone}</code>
          </li>
        ))}
        {failures.map((failure) => (
          <li key={failure} class="unknown">
            <strong>unknown</strong> {failure}
          </li>
        ))}
      </ul>
    </>
  );
}
