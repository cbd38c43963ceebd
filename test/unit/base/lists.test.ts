import { expect } from "chai";

import { without } from "../../../src/base/lists";
import { searched } from "./searched";

describe("a list without what is in another one", () => {
  it("keeps its order and what stands in it twice", () => {
    expect(without(["c", "a", "b", "a"], ["b", "x"])).to.deep.equal(["c", "a", "a"]);
    expect(without(["a"], new Set(["a"]))).to.deep.equal([]);
    expect(without(["a"], [])).to.deep.equal(["a"]);
  });

  it("comes without a search for each of its items", async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `z${i}`);
    expect(await searched(() => without(names, [...names].reverse()))).to.equal(0);
    expect(await searched(() => names.filter((name) => !names.includes(name)))).to.equal(1_000_000);
  });
});
