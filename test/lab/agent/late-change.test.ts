import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { changeRecord } from "../../../lab/spread";

/** What the guide says of it: docs/guides/sites-and-zones.md, moving a zone. */
describe("a change at a zone's former owner, after the new one has its copy and before the former one hears of the move", function () {
  this.timeout(120_000);
  const zone = "plain.example";
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ sites: 2 });
    lab.list[0]!.zones.push(zone);
    await lab.upAll();
    for (const site of lab.sites.values()) await site.ready();
    await lab.converged(40);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  /** What a site answers for the late name and for one that was made at the new owner. */
  async function answers(site: string): Promise<Record<"late" | "next", string>> {
    const { dns, server } = lab.site(site);
    const valueOf = async (name: string): Promise<string> => {
      const { answers: records } = await dns.query(server, `${name}.${zone}`, "A");
      return records.map((record) => (record.type === "A" ? record.address : record.type)).join();
    };
    return { late: await valueOf("late"), next: await valueOf("next") };
  }
  const serialAt = async (site: string): Promise<number> => (await lab.site(site).soa(zone)).serial;
  const has = (site: string, template: string) =>
    eventually(60, async () => {
      expect(await lab.site(site).files()).to.contain(`domain: ${zone}\n    template: ${template}`);
    });

  it("is answered by the former owner alone, never by the new one, until the whole zone is taken from that", async () => {
    lab.list[0]!.zones = lab.list[0]!.zones.filter((each) => each !== zone);
    lab.list[1]!.zones.push(zone);
    await lab.up();
    await lab.site("site-b").mount(lab.mesh);
    await has("site-b", "own");
    await changeRecord(lab.site("site-a"), zone, { name: `late.${zone}`, type: "A", value: "192.0.2.1" });
    await lab.site("site-a").mount(lab.mesh);
    await has("site-a", "owner-site-b");
    expect([await answers("site-a"), await answers("site-b")]).to.deep.equal([
      { late: "192.0.2.1", next: "" },
      { late: "", next: "" },
    ]);
    await changeRecord(lab.site("site-b"), zone, { name: `next.${zone}`, type: "A", value: "192.0.2.2" });
    expect(await answers("site-b")).to.deep.equal({ late: "", next: "192.0.2.2" });
    await lab.site("site-a").control.zoneRetransfer([zone]);
    await eventually(30, async () => {
      expect(await answers("site-a")).to.deep.equal({ late: "", next: "192.0.2.2" });
      expect(await serialAt("site-a")).to.equal(await serialAt("site-b"));
    });
  });
});
