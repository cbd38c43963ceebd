import { expect } from "chai";
import fc from "fast-check";

import { nextSight, type Sight, unseen } from "../../../src/pools/sight";

const pace = { rise: 2, fall: 3 };

function after(results: string, start: Sight = unseen): Sight {
  return Array.from(results).reduce((sight: Sight, each) => nextSight(sight, each === "+", pace), start);
}

describe("what a site sees of a target", () => {
  it("knows nothing before the first probe", () => {
    expect(unseen.seen).to.be.undefined;
  });
  const cases: readonly [results: string, seen: "up" | "down" | undefined][] = [
    ["+", "up"],
    ["-", undefined],
    ["--", undefined],
    ["---", "down"],
    ["--+", "up"],
    ["+--", "up"],
    ["+---", "down"],
    ["+--+--", "up"],
    ["---+", "down"],
    ["---++", "up"],
    ["---+-+-+", "down"],
  ];
  for (const [results, seen] of cases)
    it(`is ${seen ?? "not known"} after ${results}`, () => {
      expect(after(results).seen).to.equal(seen);
    });

  it("turns by runs alone, however results come", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (results) => {
        let sight: Sight = unseen;
        let [run, last] = [0, undefined as boolean | undefined];
        for (const isGood of results) {
          const before = sight.seen;
          run = isGood === last ? run + 1 : 1;
          last = isGood;
          sight = nextSight(sight, isGood, pace);
          if (sight.seen === before) continue;
          expect(sight.seen).to.equal(isGood ? "up" : "down");
          expect(run).to.be.at.least(before === undefined && isGood ? 1 : isGood ? pace.rise : pace.fall);
        }
        // A long enough run is always believed.
        if (last !== undefined && run >= 3) expect(sight.seen).to.equal(last ? "up" : "down");
      }),
    );
  });
});
