import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";

describe("a zone that leaves a mesh with agents", function () {
  this.timeout(60_000);
  const zone = "leaving.example";
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ sites: 2 });
    lab.plan.addZone(zone, "site-b");
    await lab.upAll();
    await lab.change(zone, { name: `www.${zone}`, type: "A", value: "192.0.2.7" }, 20);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const answers = async (site: string): Promise<number> => {
    const { server, dns } = lab.site(site);
    return (await dns.query(server, `www.${zone}`, "A")).answers.length;
  };

  it("is answered by its owner alone until that is brought up, and by nobody then", async () => {
    lab.plan.removeZone(zone);
    await lab.up();
    await eventually(20, async () => expect(await answers("site-a")).to.equal(0), 50);
    expect(await answers("site-b")).to.equal(1);
    await lab.upSite("site-b");
    await eventually(20, async () => expect(await answers("site-b")).to.equal(0), 50);
  });

  it("comes back as it was when it is put back: its owner's volume still has it", async () => {
    lab.plan.addZone(zone, "site-b");
    await lab.up();
    await lab.upSite("site-b");
    for (const site of ["site-b", "site-a"])
      await eventually(20, async () => expect(await answers(site)).to.equal(1), 50);
  });
});
