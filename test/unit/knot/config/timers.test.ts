import { expect } from "chai";
import { centralTimers, memberTimers } from "../../../../src/knot/config/timers";

describe("timers", () => {
  const of = (zones: number, spread = "a b") => memberTimers({ sites: 10, zones, sources: 3, spread });

  it("keep one server's looks at its members below two queries a second", () => {
    for (const zones of [1, 100, 200, 1000, 10_000]) {
      const { refresh } = of(zones);
      expect((zones * 3) / refresh, String(zones)).to.be.at.most(2);
      expect(refresh).to.be.at.least(300);
    }
    expect(of(200).refresh).to.be.below(451);
  });

  it("do not change with every zone that comes or goes", () => {
    const distinct = new Set(Array.from({ length: 1000 }, (_, zones) => of(zones).refresh));
    expect(distinct.size).to.equal(4);
  });

  it("spread servers over half of the interval", () => {
    const all = Array.from({ length: 200 }, (_, i) => of(10, `site-${i} owner`).refresh);
    expect(Math.min(...all)).to.be.within(300, 305);
    expect(Math.max(...all)).to.be.within(445, 450);
    expect(new Set(all).size).to.be.greaterThan(80);
  });

  it("look at the central zones every minute in a small mesh, and more rarely in a large one", () => {
    const central = (sites: number) => centralTimers({ sites, sources: 3, spread: "x" });
    expect(central(3).refresh).to.be.within(60, 90);
    expect(central(3).retry).to.equal(10);
    expect(central(1000).refresh).to.be.within(120, 180);
    expect((2 * 10_000) / central(10_000).refresh).to.be.at.most(20);
  });
});
