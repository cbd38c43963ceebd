import { expect } from "chai";
import { groupBy } from "../../../src/base/group";

describe("groups", () => {
  it("have what has a key in common, in its order", () => {
    expect([...groupBy(["b1", "a1", "b2"], ([first]) => first)]).to.deep.equal([
      ["b", ["b1", "b2"]],
      ["a", ["a1"]],
    ]);
    expect(groupBy([], () => 1).size).to.equal(0);
  });
});
