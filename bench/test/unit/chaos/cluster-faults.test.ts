import { expect } from "chai";

import { hurtBy, planClusterRounds } from "../../../chaos/cluster-faults";

const sites = ["site-a", "site-b", "site-c"];

describe("rounds of faults in clusters", () => {
  it("follow from the seed, with each kind before any comes again, and two sites at a time", () => {
    const rounds = planClusterRounds(7, { rounds: 9, sites });
    expect(planClusterRounds(7, { rounds: 9, sites })).to.deep.equal(rounds);
    expect(planClusterRounds(8, { rounds: 9, sites })).not.to.deep.equal(rounds);
    const kinds = rounds.flat().map(({ kind }) => kind);
    expect(new Set(kinds.slice(0, 6)).size).to.equal(6);
    for (const faults of rounds) expect(new Set(faults.map(({ site }) => site)).size).to.equal(faults.length);
    expect(rounds.map(({ length }) => length)).to.deep.equal([1, 1, 2, 1, 1, 2, 1, 1, 2]);
  });

  it("hurt a pod, all pods that are cut off, or none where the API server is away", () => {
    const fault = { site: "site-b", pod: 1, seconds: 5 };
    expect(hurtBy({ ...fault, kind: "kill-knot" })).to.deep.equal(["site-b/1"]);
    expect(hurtBy({ ...fault, kind: "cut" })).to.deep.equal(["site-b/0", "site-b/1"]);
    expect(hurtBy({ ...fault, kind: "api-gone" })).to.deep.equal([]);
  });
});
