import { expect } from "chai";
import { inParallel } from "../../../src/base/in-parallel";

describe("a list that is worked through in parallel", () => {
  it("begins its items in their order, no more at a time than it may", async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    await inParallel(2, [1, 2, 3, 4, 5], async (item) => {
      begun.push(item);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    });
    expect([begun, most]).to.deep.equal([[1, 2, 3, 4, 5], 2]);
  });

  for (const width of [1, 3]) {
    it(`gives every item its turn and then throws the first failure, ${width} at a time`, async () => {
      const done: number[] = [];
      const failed: unknown = await inParallel(width, [1, 2, 3, 4, 5, 6], async (item) => {
        await Promise.resolve();
        if (item <= 3) throw new Error(`item ${item}`);
        done.push(item);
      }).catch((error: unknown) => error);
      expect(failed).to.have.property("message", "item 1");
      expect(done).to.deep.equal([4, 5, 6]);
    });
  }
});
