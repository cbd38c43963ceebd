import { expect } from "chai";

import { restingZone } from "../../../chaos/changer";

describe("zones that change", () => {
  it("rest one after the other, for longer than a mesh has to heal, and none at first", () => {
    expect([0, 15, 16, 55, 56, 95, 96, 135, 136].map((seconds) => restingZone(seconds, 3))).to.deep.equal([
      ...[-1, -1, 0, 0, 1, 1, 2, 2, 0],
    ]);
  });
});
