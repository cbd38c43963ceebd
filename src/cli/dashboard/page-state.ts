import type { Mesh } from "../../mesh/model";
import { graphOf, type MeshGraph } from "../graph";
import type { StatusReport } from "../status-report";
import { shown, type Verdict, verdictOf } from "../status-text";
import type { HistoryView } from "./history";

/** A comparison of all zones' content, as `mesh verify` makes it, in what the page shows of it. */
export interface ContentState {
  /** ISO 8601. */
  readonly at: string;
  readonly copies: number;
  /** Zones with copies that are not the owner's, and where. */
  readonly differing: readonly { readonly zone: string; readonly at: readonly string[] }[];
  /** What could not be compared: sentences for people. */
  readonly failures: readonly string[];
}

/** What is known after a look: what `mesh status` reports and `mesh graph` draws, and what came before. */
interface Known {
  readonly verdict: Verdict;
  readonly report: StatusReport;
  readonly graph: MeshGraph;
}

/** All that the page shows. It is made of reports and the list alone, so that no key is in it. */
export interface PageState {
  readonly version: string;
  /** Seconds between two looks. */
  readonly everySeconds: number;
  /** Missing before the first look. */
  readonly known?: Known;
  readonly history: HistoryView;
  /** Why the last look failed: what is known is of an earlier one. */
  readonly trouble?: string;
  /** Missing where content is not compared, or was not yet. */
  readonly content?: ContentState;
}

/** What {@link pageState} puts together. */
export interface PageParts extends Omit<PageState, "known"> {
  readonly mesh: Mesh;
  readonly report: StatusReport | undefined;
}

/** The page's state, with every text in it as a terminal may have it: sites say much of what is in it. */
export function pageState({ mesh, report, ...rest }: PageParts): PageState {
  const known = report && { verdict: verdictWith(report, rest), report, graph: graphOf(mesh, report) };
  return shown({ ...rest, ...(known && { known }) }) as PageState;
}

/** What differs in content is wrong too, whatever the serials say; and what is of an earlier look is not known to be fine now. */
function verdictWith(report: StatusReport, { content, trouble }: Pick<PageState, "content" | "trouble">): Verdict {
  const { kind, text } = verdictOf(report);
  const differing = content?.differing.length ?? 0;
  const isKnown = (content?.failures.length ?? 0) === 0 && trouble === undefined;
  const notes = [
    ...(trouble === undefined ? [] : [`as of ${report.at}, since the last look failed`]),
    ...(differing === 0 ? [] : [`the content of ${differing === 1 ? "a zone" : `${differing} zones`} differs`]),
    ...((content?.failures.length ?? 0) === 0 ? [] : ["not every copy's content could be compared"]),
  ];
  const worst = differing > 0 ? "bad" : kind === "good" && !isKnown ? "doubtful" : kind;
  return { kind: worst, text: [text, ...notes].join("; ") };
}
