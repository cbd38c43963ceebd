import { expect } from "chai";
import { dashboardJson } from "../../../harness/monitoring/dashboard";
import { rows } from "../../../harness/monitoring/panels";
import { dashboard, dashboardText } from "../../../src/monitoring/dashboard";

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
  readonly datasource?: { readonly uid: string };
}

describe("the Grafana dashboard", () => {
  const { panels, templating } = JSON.parse(dashboardText()) as {
    panels: readonly Panel[];
    templating: { list: readonly { name: string; type: string }[] };
  };
  const shown = panels.filter(({ type }) => type !== "row");

  it("is what npm run dashboard writes", () => {
    expect(dashboard).to.deep.equal(JSON.parse(dashboardJson()));
  });

  it("has every panel that is planned, with its queries, each with a name of its own", () => {
    const planned = rows.flatMap((row) => row.panels);
    expect(shown.map(({ title }) => title)).to.deep.equal(planned.map(({ title }) => title));
    for (const [i, { targets = [] }] of shown.entries()) {
      expect(targets.map(({ expr }) => expr)).to.deep.equal(planned[i]?.queries.map(({ expr }) => expr));
      expect(new Set(targets.map(({ refId }) => refId)).size).to.equal(targets.length);
    }
  });

  it("leaves the data source and the sites to whoever looks at it", () => {
    expect(templating.list.map(({ name, type }) => [name, type])).to.deep.equal([
      ["datasource", "datasource"],
      ["site", "query"],
    ]);
    for (const { datasource, title } of shown) expect(datasource?.uid, title).to.equal("${datasource}");
    for (const { title, targets = [] } of shown)
      for (const { expr } of targets) expect(expr, title).to.contain('site=~"$site"');
  });

  it("has panels side by side, none over another", () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).to.be.at.most(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), `${title} at ${x} ${y}`).to.equal(undefined);
          taken.set(`${x} ${y}`, title);
        }
    }
  });
});
