import { expect } from "chai";

import { calmFigures, type Heard, turnFigures } from "../../support/turns";

const heard = (...rows: [site: string, at: number, ...values: string[]][]): Heard[] =>
  rows.map(([site, at, ...values]) => ({ site, at, values }));
const turn = { before: "192.0.2.1", after: "192.0.2.2", since: 100 };

describe("answers of a turn", () => {
  it("has for each site the time until its first right answer, and counts those before as stale", () => {
    const found = turnFigures(
      heard(
        ["a", 90, "192.0.2.1"],
        ["b", 150, "192.0.2.1"],
        ["a", 160, "192.0.2.2"],
        ["b", 170, "192.0.2.2"],
        ["b", 180, "192.0.2.2"],
      ),
      turn,
    );
    expect([...found.turnedMs]).to.deep.equal([
      ["a", 60],
      ["b", 70],
    ]);
    expect(found).to.include({ asked: 4, stale: 1, wrong: 0, empty: 0 });
  });

  it("counts what falls back, what is neither answer, and what is both, as wrong, and no address as empty", () => {
    const found = turnFigures(
      heard(
        ["a", 110, "192.0.2.2"],
        ["a", 120, "192.0.2.1"],
        ["a", 130, "192.0.2.3"],
        ["b", 140, "192.0.2.1", "192.0.2.2"],
        ["b", 150],
      ),
      turn,
    );
    expect(found).to.include({ asked: 5, stale: 0, wrong: 3, empty: 1 });
    expect([...found.turnedMs.keys()]).to.deep.equal(["a"]);
  });
});

describe("answers while nothing happens", () => {
  it("are counted where they are others than the site's one before, in whatever order addresses come", () => {
    const found = calmFigures(
      heard(
        ["a", 10, "192.0.2.1", "192.0.2.2"],
        ["b", 11, "192.0.2.3"],
        ["a", 20, "192.0.2.2", "192.0.2.1"],
        ["a", 30, "192.0.2.1"],
        ["a", 40, "192.0.2.1", "192.0.2.2"],
        ["b", 50],
      ),
    );
    expect(found).to.deep.equal({ asked: 6, changes: 3, empty: 1 });
  });
});
