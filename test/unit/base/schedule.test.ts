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
    ["0 3 * * 1", 7 * 24 * 60],
    ["0 3 * * MON", 7 * 24 * 60],
    ["0 3 * * 0,7", 7 * 24 * 60],
    ["0 3 * * 1-5", 3 * 24 * 60],
    ["0 3 * * mon-fri", 3 * 24 * 60],
    ["0 3,15 * * 1,4", 3.5 * 24 * 60],
    ["0 3 * * 5-7", 5 * 24 * 60],
    ["30 2 * * */2", 2 * 24 * 60],
    ["0 * * * 0-6", 60],
    ["0 3 * * someday", 31 * 24 * 60],
    ["0 3 1 * 1", 31 * 24 * 60],
    ["0 3 * 6 1", 31 * 24 * 60],
    ["0 3 * * 1 2", 31 * 24 * 60],
    ["no schedule at all", 31 * 24 * 60],
  ] as const)
    it(`is ${minutes} minutes for ${schedule}`, () => {
      expect(longestGap(schedule) / 60_000).to.equal(minutes);
    });
});
