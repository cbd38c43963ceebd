import { expect } from "chai";

import { parseFaults } from "../../../chaos/fault";
import { roundsOf } from "../../../chaos/plan";
import { figuresOf, type Outcome, roundTable, Violations, violationText } from "../../../chaos/report";

const rounds = roundsOf(
  parseFaults("2 3 cut site-a\n30 31 kill-knot site-b\n30 32 away site-a\n60 61 cut site-b", ["site-a", "site-b"]),
  20,
);
const answers = { tried: 100, wrong: 1, lost: 5, withheld: 2 };
const outcome: Outcome = {
  seed: 7,
  minutes: 1.5,
  rounds: rounds.map((round, i) => ({ round, answers, lostElsewhere: i, recoverMs: [300.4, undefined, 100][i] })),
  answers: { tried: 1000, wrong: 3, lost: 20, withheld: 4 },
  changes: { acknowledged: 50, lost: 0, excused: 3 },
  violations: [],
  waited: { p50: 1, max: 30, suiteMs: 90 },
};

describe("the report of a run", () => {
  it("has the figures that were asked for", () => {
    expect(figuresOf(outcome)).to.deep.include({
      seed: 7,
      minutes: 1.5,
      faults: 4,
      answers: { tried: 1000, wrong: 3, lost: 20, withheld: 4 },
      waited: { p50: 1, max: 30, suiteMs: 90 },
      changes: { acknowledged: 50, lost: 0 },
      recoverMs: { p50: 100, max: 300 },
    });
    expect(figuresOf(outcome))
      .to.have.property("kinds")
      .that.deep.equals({
        "away + kill-knot": { rounds: 1, ...answers, lostElsewhere: 1, recoverMs: null, healedMs: [] },
        cut: {
          ...{ rounds: 2, tried: 200, wrong: 2, lost: 10, withheld: 4, lostElsewhere: 2 },
          ...{ recoverMs: { p50: 100, max: 300 }, healedMs: [300, 100] },
        },
      });
    expect(figuresOf({ ...outcome, rounds: [] })).to.deep.include({ faults: 0, recoverMs: null });
  });

  it("has a row for each combination of kinds", () => {
    const lines = roundTable(outcome.rounds).split("\n").slice(2);
    expect(lines.map((line) => line.split(/ {2,}/))).to.deep.equal([
      ["away + kill-knot", "1", "100", "1", "5", "1", "-", "-"],
      ["cut", "2", "200", "2", "10", "2", "100", "300"],
    ]);
  });

  it("counts what is broken again, and keeps what was seen first", () => {
    const violations = new Violations();
    const first = { rule: "gone", site: "site-b", detail: "REFUSED", at: 31 } as const;
    expect(violations.add(first)).to.equal(true);
    expect(violations.add({ ...first, detail: "SERVFAIL", at: 32 })).to.equal(false);
    expect(violations.all).to.deep.equal([{ ...first, times: 2 }]);
  });

  it("says what was broken, with the seed and the faults until then", () => {
    const violations = [{ rule: "gone", site: "site-b", detail: "REFUSED", at: 31, times: 2 }] as const;
    const text = violationText({ ...outcome, violations }, { sites: 5, replicas: 1 });
    expect(text.split("\n")).to.deep.equal([
      "VIOLATED at site-b, 31.0 s, 2 times: a zone that nobody removed is never refused by a server that is up: REFUSED",
      "# seed 7; save as faults.chaos, and run: npm run chaos -- --sites 5 --replicas 1 --seed 7 --script faults.chaos",
      "2.0 3.0 cut site-a",
      "30.0 31.0 kill-knot site-b",
      "30.0 32.0 away site-a",
      "",
    ]);
    expect(violationText(outcome, { sites: 5, replicas: 1 })).to.equal("");
  });

  it("has no script for a mesh that did not come up", () => {
    const violations = [{ rule: "late", site: "site-b", detail: "agent: no Knot", at: 60, times: 1 }] as const;
    const text = violationText({ ...outcome, rounds: [], violations }, { sites: 3, replicas: 2 });
    expect(text).to.equal("VIOLATED at site-b, 60.0 s: the mesh heals within the bound: agent: no Knot");
    expect(figuresOf({ ...outcome, rounds: [], violations })).to.deep.include({ faults: 0, recoverMs: null });
  });
});
