import { expect } from "chai";

import { untilClockIsSet } from "../../../src/base/clock";

describe("a clock that is set", () => {
  /** A clock that shows so many milliseconds more after each second. */
  const clockOf = (steps: readonly number[]) => {
    let [wall, elapsed, at] = [1e12, 0, 0];
    const ending = new AbortController();
    const pause = (ms: number): Promise<void> => {
      if (at === steps.length) ending.abort();
      elapsed += ms;
      wall += ms + (steps[at++] ?? 0);
      return Promise.resolve();
    };
    return { run: () => untilClockIsSet({ now: () => wall, pause }, ending.signal, () => elapsed), seconds: () => at };
  };

  it("is noticed within a second, forward and back", async () => {
    for (const step of [600_000, -600_000]) {
      const clock = clockOf([0, 0, step, 0]);
      expect(await clock.run()).to.equal(step);
      expect(clock.seconds()).to.equal(3);
    }
  });

  it("is not one that is adjusted, for however long", async () => {
    const clock = clockOf(Array.from({ length: 1000 }, () => 100));
    expect(await clock.run()).to.equal(undefined);
  });

  it("ends with its signal", async () => {
    expect(await clockOf([]).run()).to.equal(undefined);
  });
});
