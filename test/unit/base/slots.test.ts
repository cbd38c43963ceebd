import { expect } from "chai";

import { Slots } from "../../../src/base/slots";

describe("slots", () => {
  it("run so many pieces of work at a time, in their order, whatever fails", async () => {
    const slots = new Slots(2);
    const began: number[] = [];
    const ends: (() => void)[] = [];
    const work = (i: number) =>
      slots.run(async () => {
        began.push(i);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (i === 0) throw new Error("fails");
        return i;
      });
    const all = Promise.allSettled([0, 1, 2, 3].map(work));
    await Promise.resolve();
    expect(began).to.deep.equal([0, 1]);
    for (let i = 0; i < 4; i++) {
      ends[i]?.();
      await new Promise(setImmediate);
    }
    expect((await all).map(({ status }) => status)).to.deep.equal(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
    expect(began).to.deep.equal([0, 1, 2, 3]);
    expect(await slots.run(() => Promise.resolve(4))).to.equal(4);
  });
});
