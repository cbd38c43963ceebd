import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { podIdentity, sharedMesh } from "../../../harness/mesh/shared-mesh";

describe("the primary's cluster is stopped", function () {
  this.timeout(240_000);
  let mesh: RunningMesh;
  const others = ["site-b", "site-c"];

  before(async () => {
    mesh = await sharedMesh();
    await mesh.converged(60);
    await mesh.cluster("site-a").stop();
    await mesh.knotc("site-c", "zone-begin", "standard-1.internal.dns");
    await mesh.knotc("site-c", "zone-set", "standard-1.internal.dns", "kept", "300", "TXT", '"by its owner"');
    await mesh.knotc("site-c", "zone-commit", "standard-1.internal.dns");
  });

  it("leaves every zone answered by everyone else", async () => {
    await mesh.converged(10, { sites: others });
  });

  it("takes a change that a site made to its own zone to all that are there", async () => {
    for (const site of others) expect(await eventually(30, () => kept(site))).to.deep.equal(["by its owner"]);
  });

  /** The record that site-c put into its own zone, as a site answers it. */
  async function kept(site: string): Promise<readonly string[]> {
    const address = mesh.cluster(site).siteAddress;
    const { answers } = await mesh.dns.query({ address, port: 53 }, "kept.standard-1.internal.dns", "TXT");
    const [record] = answers;
    if (record?.type !== "TXT") throw new Error(`${site} does not answer the record`);
    return record.strings;
  }

  it("lets a deleted Knot pod of a standard site come back with all zones and all peers", async () => {
    const before = await podIdentity(mesh.cluster("site-c"));
    await mesh.cluster("site-c").kubectl(["-n", "dns-system", "delete", "pod", "knot-0", "--wait=true"]);
    await eventually(90, async () => {
      expect(await podIdentity(mesh.cluster("site-c")))
        .to.have.property("knot-0")
        .that.is.not.deep.equal(before["knot-0"]);
      await mesh.converged(1, { sites: others });
    });
    expect(await eventually(10, () => kept("site-c"))).to.deep.equal(["by its owner"]);
    const files = await mesh.knotFiles("site-c");
    for (const peer of ["site-a", "site-b"]) expect(files).to.contain(`id: peer-${peer}\n`);
    // Knot starts without the address of a server that says nothing, and reaches it by way of its agent (ADR 0044).
    expect(files).to.contain(mesh.cluster("site-b").siteAddress).and.not.contain(mesh.cluster("site-a").siteAddress);
  });

  it("lets an agent that is killed be followed by one that goes on", async () => {
    await mesh.killAgent("site-b");
    await eventually(30, async () => {
      expect((await mesh.status("site-b")).ready).to.equal(true);
    });
    await mesh.converged(10, { sites: others });
  });

  describe("and returns", () => {
    before(async () => {
      await mesh.cluster("site-a").start();
      await mesh.converged(90);
    });

    it("converges on a change made then", async () => {
      await mesh.list(
        mesh.sites.map((site) =>
          site.name === "site-c" ? { ...site, zones: [...site.zones, "late.internal.dns"] } : site,
        ),
      );
      for (const stack of ["shared", "site-a", "site-c"]) await mesh.up(stack);
      const serials = await mesh.converged(60);
      expect(serials.has("late.internal.dns")).to.equal(true);
    });
  });
});
