import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";
import { Lab, type LabSite } from "../../../lab";

/** Twice as much as TSIG forgives (RFC 8945 section 10). */
const skew = 600;

describe("a site whose clock is wrong", function () {
  this.timeout(60_000);
  let lab: Lab;
  let site: LabSite;

  before(async () => {
    lab = await Lab.create({ sites: 3, clocks: true });
    await lab.upAll();
    await lab.converged(20);
    site = lab.site("site-c");
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  let changes = 0;
  const change = async (zone: string): Promise<string> => {
    const number = String(++changes);
    const record = { owner: `r.${zone}`, ttl: 60, type: "TXT", data: `"${number}"` };
    await lab.site(lab.plan.owner(zone) ?? "").control.zoneReplace(zone, record);
    return number;
  };
  const valueAt = async (at: LabSite, zone: string): Promise<string | undefined> => {
    const [record] = (await at.dns.query(at.server, `r.${zone}`, "TXT")).answers;
    return record?.type === "TXT" ? String(record.strings[0]) : undefined;
  };
  const everywhere = (zone: string, number: string) =>
    eventually(20, async () => {
      for (const each of lab.sites.values()) expect(await valueAt(each, zone), each.name).to.equal(number);
    });

  for (const seconds of [skew, -skew]) {
    it(`answers what it has while it is ${seconds} s off, which the others report, and goes on when it is right`, async () => {
      const [own, others] = ["site-c.example", "site-a.example"];
      const before = { own: await change(own), others: await change(others) };
      for (const [zone, number] of [[own, before.own] as const, [others, before.others] as const])
        await everywhere(zone, number);
      const { serial } = await site.soa(own);

      await site.setClock(seconds);
      await eventually(20, async () => {
        expect(site.log()).to.include('"message":"the clock was set: the program starts anew"');
        expect((await site.http("GET", "/ready")).status).to.equal(200);
      });
      const after = await change(others);
      await eventually(20, async () => {
        const { text } = await lab.site("site-a").http("GET", "/metrics");
        expect(text).to.match(/dns_mesh_agent_peer_lagging_zones\{peer="site-c"\} 1\n/);
        expect(lab.logs()).to.match(/badTime|BADTIME|bad time/);
      });
      expect([await valueAt(site, own), await valueAt(site, others)]).to.deep.equal([before.own, before.others]);
      const late = await change(own);
      expect(await valueAt(site, own)).to.equal(late);

      await site.setClock(0);
      await everywhere(others, after);
      await everywhere(own, late);
      expect((await site.soa(own)).serial).to.be.greaterThan(serial);
      await everywhere(own, await change(own));
    });
  }

  it("starts anew although it waits for something until a time that is far ahead now", async () => {
    const knotc = (...args: string[]) => run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), ...args]);
    // Knot is not reloaded as long as somebody's change is open, for which the agent waits three seconds by its clock.
    await knotc("zone-begin", "site-c.example");
    const reloads = () => site.log().split("'reload'").length;
    const tried = reloads();
    const starts = () => site.log().split('"agent starts"').length;
    const before = starts();
    await site.http("POST", "/poke");
    await eventually(10, () => {
      expect(reloads()).to.be.greaterThan(tried);
    });
    await site.setClock(-skew);
    await eventually(10, () => {
      expect(starts()).to.be.greaterThan(before);
    });
    await knotc("zone-abort", "site-c.example");
    await site.setClock(0);
    await eventually(20, async () => {
      expect((await site.status()).problems).to.deep.equal([]);
    });
  });
});
