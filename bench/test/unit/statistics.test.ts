import { expect } from "chai";
import fc from "fast-check";

import { percentile, spread } from "../../support/statistics";

describe("statistics of a bench", () => {
  it("takes percentiles by nearest rank", () => {
    const values = [50, 15, 40, 20, 35];
    expect([5, 30, 40, 50, 100].map((percent) => percentile(values, percent))).to.deep.equal([15, 20, 20, 35, 50]);
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0, 1, 7, 29, 57, 99, 100].map((percent) => percentile(hundred, percent))).to.deep.equal([
      1, 1, 7, 29, 57, 99, 100,
    ]);
  });

  it("always names one of the values, with at least that share of them at or below it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 0, max: 100 }), (values, percent) => {
        const value = percentile(values, percent);
        expect(values).to.include(value);
        expect(values.filter((each) => each <= value).length * 100).to.be.at.least(percent * values.length);
        expect(values.filter((each) => each < value).length * 100).to.be.below(
          percent === 0 ? 1 : percent * values.length,
        );
      }),
    );
  });

  it("leaves the values as they were, and rounds what it reports to a tenth", () => {
    const values = [3.06, 1, 2.04];
    expect(spread(values)).to.deep.equal({ p50Ms: 2, p99Ms: 3.1, maxMs: 3.1 });
    expect(values).to.deep.equal([3.06, 1, 2.04]);
  });

  it("refuses to make a figure of nothing", () => {
    expect(() => spread([])).to.throw(RangeError, "no values");
    expect(() => percentile([1], 101)).to.throw(RangeError, "not 101");
  });
});
