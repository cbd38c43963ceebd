import { expect } from "chai";
import { History, mostChanges, mostPoints } from "../../../../src/cli/dashboard/history";
import type { StatusReport } from "../../../../src/cli/status-report";

const time = (second: number): string => new Date(Date.UTC(2026, 10, 29) + second * 1000).toISOString();

interface Zone {
  readonly serial?: number;
  readonly behind?: readonly string[];
  readonly missing?: readonly string[];
}

/** A look at two sites. */
function look(second: number, zones: Readonly<Record<string, Zone>>, more: { silent?: boolean } = {}): StatusReport {
  const sites = ["site-a", "site-b"].map((name) => ({
    name,
    answers: more.silent !== true,
    zones: { asked: 3, behind: 0, missing: 0 },
  }));
  return {
    at: time(second),
    findings: [],
    sites,
    zones: Object.entries(zones).map(([name, { serial, behind = [], missing = [] }]) => ({
      ...{ name, serial, missing },
      behind: behind.map((site) => ({ site, serial: 0 })),
    })),
  } as unknown as StatusReport;
}

describe("the history of a mesh", () => {
  it("never grows beyond its bound, and keeps the worst of what it puts together", () => {
    const history = new History();
    history.add(look(0, { z: { serial: 1, behind: ["site-b"] } }));
    let most = 0;
    for (let i = 1; i < 3000; i++) {
      history.add(look(i, { z: { serial: 1 } }));
      most = Math.max(most, history.view().points.length);
    }
    expect(most).to.equal(mostPoints);
    const { points } = history.view();
    expect(points.length).to.be.above(mostPoints / 2);
    expect([points[0]?.at, points[0]?.behind]).to.deep.equal([time(0), 1]);
    expect(points.filter(({ behind }) => behind > 0)).to.have.length(1);
    expect(points.map(({ at }) => at)).to.deep.equal(points.map(({ at }) => at).sort());
    expect(points.at(-1)?.at).to.equal(time(2999));
  });

  it("says since when a copy is late, until it is not", () => {
    const history = new History();
    const late = { z: { serial: 2, behind: ["site-b"] }, y: { serial: 1, missing: ["site-a"] } };
    history.add(look(0, late));
    history.add(look(5, late));
    expect(history.view().lags).to.deep.equal([
      { zone: "z", site: "site-b", kind: "behind", since: time(0) },
      { zone: "y", site: "site-a", kind: "missing", since: time(0) },
    ]);
    history.add(look(10, { z: { serial: 2 }, y: { serial: 1 } }));
    expect(history.view().lags).to.deep.equal([]);
    history.add(look(15, late));
    expect(history.view().lags[0]?.since).to.equal(time(15));
  });

  it("measures how long a new serial takes to be everywhere", () => {
    const history = new History();
    history.add(look(0, { z: { serial: 1 } }));
    expect(history.view().changes).to.deep.equal([]);
    history.add(look(5, { z: { serial: 2, behind: ["site-b"] } }));
    expect(history.view().changes).to.deep.equal([{ zone: "z", serial: 2, seenAt: time(5) }]);
    history.add(look(10, { z: { serial: 2, behind: ["site-b"] } }));
    history.add(look(15, { z: { serial: 2 } }));
    history.add(look(20, { z: { serial: 2, behind: ["site-b"] } }));
    const known = { zone: "z", serial: 2, seenAt: time(5), everywhereAt: time(15) };
    expect(history.view().changes).to.deep.equal([known]);
    history.add(look(25, { z: { serial: 3 } }));
    expect(history.view().changes[0]).to.deep.equal({ zone: "z", serial: 3, seenAt: time(25), everywhereAt: time(25) });
  });

  it("takes a change for overtaken when a newer one comes first, and a serial that goes back for none", () => {
    const history = new History();
    for (const serial of [1, 2, 3, 2]) history.add(look(serial, { z: { serial, behind: ["site-b"] } }));
    const [second, first, ...rest] = history.view().changes;
    expect([second?.serial, second?.overtaken, first?.serial, first?.overtaken]).to.deep.equal([3, undefined, 2, true]);
    expect(rest).to.deep.equal([]);
  });

  it("compares serials as serials (RFC 1982), and over looks in which nobody answered", () => {
    const history = new History();
    history.add(look(0, { z: { serial: 0xffffffff } }));
    history.add(look(5, { z: {} }));
    history.add(look(10, { z: { serial: 1 } }));
    expect(history.view().changes.map(({ serial }) => serial)).to.deep.equal([1]);
  });

  it("does not take a change for everywhere while its zone is answered nowhere", () => {
    const history = new History();
    history.add(look(0, { z: { serial: 1 } }));
    history.add(look(5, { z: { serial: 2, behind: ["site-b"] } }));
    history.add(look(10, { z: {} }, { silent: true }));
    expect(history.view().changes[0]?.everywhereAt).to.equal(undefined);
    expect(history.view().points.map(({ silent }) => silent)).to.deep.equal([0, 0, 2]);
  });

  it("keeps a bounded number of changes, the newest", () => {
    const history = new History();
    for (let serial = 1; serial < 300; serial++) history.add(look(serial, { z: { serial } }));
    const { changes } = history.view();
    expect(changes).to.have.length(mostChanges);
    expect(changes[0]?.serial).to.equal(299);
  });

  it("knows nothing of a time in which the look failed", () => {
    const history = new History();
    history.addFailure(time(0));
    history.add(look(5, { z: { serial: 1, behind: ["site-b"] } }));
    expect(history.view().points.map(({ failed }) => failed)).to.deep.equal([true, undefined]);
  });
});
