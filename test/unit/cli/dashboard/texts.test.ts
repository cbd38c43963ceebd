import { expect } from "chai";
import {
  countText,
  durationText,
  namesText,
  relativeText,
  secondsBetween,
} from "../../../../src/cli/dashboard/page/texts";

describe("the page's words", () => {
  it("say how long something takes, as a person would", () => {
    for (const [seconds, text] of [
      [0, "0 s"],
      [-3, "0 s"],
      [59.4, "59 s"],
      [59.6, "1 min"],
      [185, "3 min 5 s"],
      [3600, "1 h"],
      [7800, "2 h 10 min"],
      [172_800, "2 d"],
      [1_209_600, "14 d"],
    ] as const)
      expect(durationText(seconds)).to.equal(text);
  });

  it("say when something was, and when it will be", () => {
    const now = "2026-11-29T12:00:00.000Z";
    expect(relativeText("2026-11-29T11:59:18.000Z", now)).to.equal("42 s ago");
    expect(relativeText("2026-12-11T12:00:00Z", now)).to.equal("in 12 d");
    expect(secondsBetween("2026-11-29T11:59:18.000Z", now)).to.equal(42);
  });

  it("count, and name no more than fit", () => {
    expect([countText(1, "zone"), countText(0, "zone"), countText(3, "zone")]).to.deep.equal([
      "1 zone",
      "0 zones",
      "3 zones",
    ]);
    expect(namesText(["a", "b", "c", "d"])).to.equal("a, b, c, d");
    expect(namesText(["a", "b", "c", "d", "e"])).to.equal("a, b, c and 2 more");
  });
});
