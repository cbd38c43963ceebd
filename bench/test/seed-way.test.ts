import { expect } from "chai";

import { measureSeedWay } from "../seed-way/pass";

describe("the seed's way, as a bench runs it", function () {
  this.timeout(60_000);

  it("asks once for each zone and each site, and restarts Knot only for what is new", async () => {
    const { oneChange, noChange } = await measureSeedWay({ sites: 5, zones: 20 });
    expect(oneChange.queries).to.equal(25);
    expect(noChange.queries).to.equal(25);
    expect(oneChange.restartMs).to.be.within(1, oneChange.wallMs);
    expect(noChange.restartMs).to.equal(0);
    for (const { wallMs, cpuMs } of [oneChange, noChange]) {
      expect(cpuMs).to.be.greaterThan(0);
      expect(wallMs).to.be.greaterThan(0);
    }
  });
});
