import { useEffect, useState } from "preact/hooks";

import type { PageState } from "../page-state";
import { ChangesTable } from "./changes-table";
import { ConvergenceChart } from "./convergence-chart";
import { ContentSection, FindingList, HeldList } from "./findings";
import { MeshMap } from "./mesh-map";
import { Moment } from "./moment";
import { detailsId, SiteDetails } from "./site-details";
import { SitesTable } from "./sites-table";
import { ZonesTable } from "./zones-table";

interface AppProps {
  readonly state: PageState | undefined;
  /** Whether states have stopped coming. */
  readonly isLost: boolean;
}

type Known = NonNullable<PageState["known"]>;

/** The whole page. */
export function App({ state, isLost }: AppProps) {
  const [chosen, choose] = useState<string | undefined>();
  const known = state?.known;
  useEffect(() => {
    document.title = `${titleOf(known, isLost)} – dns-mesh`;
  }, [known, isLost]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to what is wrong
      </a>
      <Header state={state} isLost={isLost} />
      <main id="main" tabindex={-1}>
        {state !== undefined && known !== undefined && (
          <Sections state={state} known={known} chosen={chosen} choose={choose} />
        )}
      </main>
      <footer>
        <p>
          dns-mesh {state?.version} · this page can only be read · the same in a terminal: <code>mesh status</code>
        </p>
      </footer>
    </>
  );
}

function titleOf(known: Known | undefined, isLost: boolean): string {
  if (isLost) return "not live";
  if (known === undefined) return "looking";
  const { kind } = known.verdict;
  const wrong = known.report.findings.filter(({ severity }) => severity === "wrong").length;
  return kind === "bad" ? (wrong > 0 ? `${wrong} wrong` : "wrong") : kind === "doubtful" ? "not all is known" : "fine";
}

const marks = { good: "✓", doubtful: "?", bad: "!" } as const;

function Header({ state, isLost }: AppProps) {
  const known = state?.known;
  const kind = known === undefined || isLost ? "doubtful" : known.verdict.kind;
  const text = known?.verdict.text ?? (state?.trouble === undefined ? "Looking at the mesh for the first time …" : "");
  return (
    <header>
      <h1>dns-mesh</h1>
      <p class={`verdict ${kind}`} role="status">
        <span class="mark" aria-hidden="true">
          {marks[kind]}
        </span>{" "}
        <span>{text}</span>
      </p>
      {known !== undefined && (
        <p class="live">
          {isLost ? "not live" : "live"}, looked at <Moment at={known.report.at} />, every {state?.everySeconds} s
        </p>
      )}
      {isLost && (
        <p class="banner" role="alert">
          <code>mesh dashboard</code> does not answer any more. What is shown is old, and tried again.
        </p>
      )}
      {state?.trouble !== undefined && (
        <p class="banner" role="alert">
          The last look at the mesh failed: {state.trouble}
        </p>
      )}
    </header>
  );
}

interface SectionsProps {
  readonly state: PageState;
  readonly known: Known;
  readonly chosen: string | undefined;
  readonly choose: (site: string | undefined) => void;
}

function Sections({ state, known, chosen, choose }: SectionsProps) {
  const { report, graph } = known;
  const { history, content } = state;
  const site = report.sites.find(({ name }) => name === chosen);
  const isSampled = report.sites.some(({ answers, zones }) => answers && zones.asked < report.zones.length);
  const where = `at every site that ${isSampled ? "was asked" : "answers"}`;
  const [visits, visit] = useState(0);
  // From a list one goes to what is shown of the site; on the map one stays where one is.
  const goTo = (name: string): void => {
    choose(name);
    visit(visits + 1);
  };
  useEffect(() => {
    if (visits > 0) document.getElementById(detailsId)?.focus();
  }, [visits]);
  const close = (): void => {
    choose(undefined);
    document.querySelector<SVGGElement>(`[data-site="${CSS.escape(chosen ?? "")}"]`)?.focus();
  };
  return (
    <>
      <section aria-labelledby="wrong">
        <h2 id="wrong">What is wrong</h2>
        <FindingList findings={report.findings} choose={goTo} />
        {content !== undefined && <ContentSection content={content} />}
      </section>
      {report.held.length > 0 && (
        <section aria-labelledby="held">
          <h2 id="held">Held back, until somebody says that it is wanted</h2>
          <HeldList held={report.held} now={report.at} />
        </section>
      )}
      <section aria-labelledby="map">
        <h2 id="map">Map</h2>
        <MeshMap graph={graph} chosen={chosen} choose={choose} />
        {site !== undefined && <SiteDetails site={site} report={report} lags={history.lags} close={close} />}
      </section>
      <section aria-labelledby="zones">
        <h2 id="zones">Zones and lags</h2>
        <ZonesTable report={report} lags={history.lags} content={content} />
      </section>
      <section aria-labelledby="sites">
        <h2 id="sites">Sites</h2>
        <SitesTable report={report} choose={goTo} />
      </section>
      <section aria-labelledby="history">
        <h2 id="history">Convergence</h2>
        <ConvergenceChart history={history} where={where} />
        <ChangesTable changes={history.changes} everySeconds={state.everySeconds} now={report.at} where={where} />
      </section>
      {report.notAsked.length > 0 && (
        <section aria-labelledby="not-asked">
          <h2 id="not-asked">Not asked</h2>
          <p>Nothing on this page is about:</p>
          <ul class="plain">
            {report.notAsked.map((what) => (
              <li key={what}>{what}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
