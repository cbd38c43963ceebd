import { expect } from "chai";
import { longestGap } from "../../../src/base/schedule";

describe("the longest time between two runs", () => {
  for (const [schedule, minutes] of [
    ["* * * * *", 1],
    ["*/5 * * * *", 5],
    ["*/25 * * * *", 25],
    ["10-14,50 * * * *", 36],
    ["7 * * * *", 60],
    ["30 2 * * *", 24 * 60],
    ["0 8-18/2 * * *", 14 * 60],
    ["0 3 * * 1", 31 * 24 * 60],
    ["no schedule at all", 31 * 24 * 60],
  ] as const)
    it(`is ${minutes} minutes for ${schedule}`, () => {
      expect(longestGap(schedule) / 60_000).to.equal(minutes);
    });
});
