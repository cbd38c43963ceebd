import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { homeOf } from "../../../src/mesh/topology";

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("agents of a mesh with hubs", function () {
  this.timeout(60_000);
  const hubs = ["site-a", "site-b"];
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ sites: 6, topology: "hub" });
    await lab.upAll();
    await lab.converged(30);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const homedAt = (hub: string) =>
    [...lab.sites.keys()].filter((name) => !hubs.includes(name) && homeOf(name, hubs) === hub);
  const change = async (value: string) => {
    const { missing } = await lab.change("site-c.example", { name: "x.site-c.example", type: "A", value }, 20);
    expect(missing).to.deep.equal([]);
  };
  /** Where Knot's log says that a zone came from last. */
  const sourceAt = (site: string, zone: string) => {
    const lines = lab
      .site(site)
      .log()
      .split("\n")
      .filter((line) => line.includes(`[${zone}.] refresh`));
    // Knot reaches every site by way of the agent's socket for it.
    return /remote \S+\/to\/peer-([^\s,]+)/.exec(lines.findLast((line) => line.includes("zone updated")) ?? "")?.[1];
  };

  it("take a change from the hub that they are at home at, which notifies them", async () => {
    await change("192.0.2.1");
    const told = async (hub: string) => (await lab.site(hub).status()).counters.notifies;
    const before = new Map(await Promise.all(hubs.map(async (hub) => [hub, await told(hub)] as const)));
    await change("192.0.2.2");
    await eventually(10, async () => {
      for (const hub of hubs) {
        const others = homedAt(hub).filter((name) => name !== "site-c");
        expect(await told(hub), hub).to.be.at.least((before.get(hub) ?? 0) + others.length);
      }
    });
    for (const hub of hubs) {
      expect(sourceAt(hub, "site-c.example"), hub).to.equal("site-c");
      for (const site of homedAt(hub).filter((name) => name !== "site-c")) {
        expect(sourceAt(site, "site-c.example"), site).to.equal(hub);
      }
    }
  });

  it("leave no site behind when a hub is away: the other takes its place", async () => {
    const hub = homedAt("site-b").some((name) => name !== "site-c") ? "site-b" : "site-a";
    await lab.site(hub).stop();
    await change("192.0.2.3");
    await lab.site(hub).start();
    await lab.site(hub).ready();
    await eventually(30, () => lab.converged(1));
  });

  it("follow the list when it becomes full, and back", async () => {
    for (const topology of ["full", "hub"] as const) {
      lab.plan.topology = topology;
      await lab.up();
      await eventually(20, async () => {
        const { serial } = await lab.site("site-a").soa("dns.internal");
        for (const site of lab.sites.values()) {
          expect((await site.status()).applied?.directorySerial, site.name).to.equal(serial);
          const files = await site.files();
          const told = /id: mesh\n\s+remote: \[([^\]]*)\]/.exec(files)?.[1]?.split(", ").length;
          const all = topology === "full" || hubs.includes(site.name);
          if (all) expect(told, site.name).to.be.at.least(topology === "full" ? 5 : 1);
          else expect(told, site.name).to.equal(2);
        }
      });
      await change(topology === "full" ? "192.0.2.4" : "192.0.2.5");
    }
  });
});
