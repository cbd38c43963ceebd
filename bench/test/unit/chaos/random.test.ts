import { expect } from "chai";
import fc from "fast-check";

import { Random } from "../../../chaos/random";

describe("random numbers from a seed", () => {
  it("are the same for the same seed, and others for another", () => {
    const numbers = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(numbers(7)).to.deep.equal(numbers(7));
    expect(numbers(7)).not.to.deep.equal(numbers(8));
  });

  it("lie where they are wanted", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(), { minLength: 1 }), (seed, items) => {
        const random = new Random(seed);
        expect(random.next()).to.be.within(0, 1).and.lessThan(1);
        expect(random.tenths(1, 4)).to.be.within(1, 4);
        expect(items).to.include(random.pick(items));
        expect(random.shuffled(items).sort()).to.deep.equal([...items].sort());
      }),
    );
  });

  it("pick nothing from nothing", () => {
    expect(() => new Random(1).pick([])).to.throw(RangeError);
  });
});
