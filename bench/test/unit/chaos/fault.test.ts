import { expect } from "chai";

import { UserError } from "../../../../src/base/errors";
import { areInConflict, type Fault, formatFaults, isHurt, parseFaults } from "../../../chaos/fault";

const sites = ["site-a", "site-b"];
const pods = [...sites, "site-b/1"];

describe("a script of faults", () => {
  it("is read as it was written", () => {
    const faults: Fault[] = [
      { from: 2, to: 5.5, kind: "kill-knot", site: "site-b" },
      { from: 3.1, to: 9, kind: "cut-in", site: "site-b" },
      { from: 30, to: 41.2, kind: "away", site: "site-a" },
    ];
    expect(parseFaults(formatFaults(faults), sites)).to.deep.equal(faults);
  });

  it("may have remarks and empty lines, and any order", () => {
    const text = "# seed 7\n\n9 10 cut site-a  # later\n2 3 loss site-b\n";
    expect(parseFaults(text, sites).map(({ kind }) => kind)).to.deep.equal(["loss", "cut"]);
  });

  for (const [text, complaint] of [
    ["2 3 cut", 'line 1: "2 3 cut" must be FROM TO KIND SITE'],
    ["\n2 -3 cut site-a", 'line 2: "2 -3 cut site-a" must be FROM TO KIND SITE'],
    ["2 3 flood site-a", 'line 1: unknown kind "flood"; there are kill-knot, '],
    ["2 3 cut site-c", 'line 1: there is no site "site-c"; there are site-a, site-b'],
    ["2 3 cut site-b/1", "line 1: cut hits a whole site; write site-b"],
    ["2 3 central-half site-b", "line 1: central-half hits the primary catalog alone; write site-a"],
    ["2 3 api-old site-a", "line 1: api-old hits the site with a cluster alone; write site-b"],
    ["2 3 vault-gone site-b", "line 1: vault-gone hits the primary catalog alone; write site-a"],
    ["3 3 cut site-a", "line 1: the end 3 must be later than the beginning 3"],
    ["2 5 away site-a\n4 6 stop-agent site-a", 'line 2: overlaps "2.0 5.0 away site-a"'],
    ["2 5 cut a\n1 2 x site-a", "line 2: unknown kind"],
    ["# nothing", "no faults"],
  ] as const) {
    it(`says what is wrong with ${JSON.stringify(text)}`, () => {
      const there = text.includes("/1") ? pods : sites;
      expect(() => parseFaults(text, there)).to.throw(UserError, complaint);
    });
  }
});

describe("two faults", () => {
  const cut: Fault = { from: 2, to: 5, kind: "cut", site: "site-a" };

  it("are in conflict when they take the same part of a site at a time", () => {
    expect(areInConflict(cut, { ...cut, kind: "delay", from: 5, to: 7 })).to.equal(true);
  });

  it("are in conflict when they take what pods share, or what the mesh has once", () => {
    const wipe: Fault = { ...cut, kind: "wipe", site: "site-b" };
    expect(areInConflict(wipe, { ...wipe, site: "site-b/1" })).to.equal(false);
    expect(areInConflict({ ...cut, kind: "central-half" }, { ...cut, kind: "central-empty" })).to.equal(true);
  });

  it("hurt their own pod, or all of a site", () => {
    const hurt = (fault: Fault): readonly string[] => pods.filter((pod) => isHurt(pod, fault));
    expect(hurt({ ...cut, site: "site-b" })).to.deep.equal(["site-b", "site-b/1"]);
    expect(hurt({ ...cut, kind: "kill-knot", site: "site-b" })).to.deep.equal(["site-b"]);
    expect(hurt({ ...cut, kind: "away", site: "site-b/1" })).to.deep.equal(["site-b/1"]);
  });

  it("of the API server, the operator or Vault hurt no pod", () => {
    const kinds = ["api-gone", "api-old", "kill-operator", "stop-reconciler", "vault-gone", "rotate"] as const;
    for (const kind of kinds)
      for (const site of sites) expect(pods.filter((pod) => isHurt(pod, { ...cut, kind, site }))).to.deep.equal([]);
  });

  it("are none at different sites, of different parts, or one after the other", () => {
    for (const other of [
      { ...cut, site: "site-b" },
      { ...cut, kind: "kill-knot" },
      { ...cut, from: 5.1, to: 7 },
    ] as const)
      expect(areInConflict(cut, other)).to.equal(false);
  });
});
