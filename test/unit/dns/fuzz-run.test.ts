import { expect } from "chai";

import { fuzz } from "../../../harness/dns/fuzz-run";

const outcomes = (seed: number, messages: number) => fuzz({ seed, messages, milliseconds: 60_000 }).outcomes;

describe("fuzzing", () => {
  it("finds nothing in a few thousand messages, which reach every part of the codec", () => {
    const { refused, decoded, verified, transferred } = outcomes(20_261_123, 4000);
    expect(refused + decoded + verified + transferred).to.equal(4000);
    for (const count of [refused, decoded, verified, transferred]) expect(count).to.be.greaterThan(40);
  });

  it("makes the same messages of the same seed, and others of another", () => {
    expect(outcomes(1, 300)).to.deep.equal(outcomes(1, 300));
    expect(outcomes(1, 300)).to.not.deep.equal(outcomes(2, 300));
  });

  it("ends when its time is over", () => {
    expect(fuzz({ seed: 1, messages: 1e9, milliseconds: 50 }).milliseconds).to.be.lessThan(2000);
  });
});
