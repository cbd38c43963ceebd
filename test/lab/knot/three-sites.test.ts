import { expect } from "chai";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import type { Mesh } from "../../../src/mesh/model";
import { bootstrapView } from "../../../src/mesh/peers";
import { eventually } from "../../../harness/eventually";
import { freePorts, readCentral, seedMesh, startSite, viewOf, type LabPorts, type LabSite } from "./lab-mesh";
import { welcomePacket } from "../../../src/mesh/welcome";

const zones = ["catalog-primary.internal.dns", "catalog-secondary.internal.dns", "standard-1.internal.dns"];

/** Rewrites the primary's central files as an agent does, with the placeholder serial in them. */
async function publish(primary: LabSite, mesh: Mesh): Promise<void> {
  await primary.write("zones/dns.internal.zone", renderDirectory(mesh));
  await primary.write("zones/catalog.internal.dns.zone", renderCatalog(mesh));
  await primary.knot.knotc("-b", "zone-reload", "dns.internal", "catalog.internal.dns");
}

describe("a mesh of three real Knots", function () {
  this.timeout(60_000);
  const mesh = seedMesh();
  let stack: AsyncDisposableStack;
  let ports: LabPorts;
  let sites: readonly [LabSite, LabSite, LabSite];

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    ports = await freePorts();
    const start = async (site: string) =>
      stack.use(await startSite({ mesh, site, view: bootstrapView(welcomePacket(mesh, site, "CA")), ports }));
    sites = [await start("site-a"), await start("site-b"), await start("site-c")];
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed" && process.env["LAB_LOGS"] === "1") {
      for (const site of sites) console.error(site.packet.site.name, site.knot.log());
    }
    await stack.disposeAsync();
  });

  const joined = async () => {
    for (const site of sites) {
      const view = await eventually(10, () => readCentral(mesh, site.knot.server));
      await site.apply(view);
    }
    for (const site of sites) for (const zone of zones) await eventually(10, () => site.soa(zone));
  };

  it("starts from the packets alone: everyone gets both central zones, and from them every zone", async () => {
    await joined();
    for (const zone of zones) {
      const serials = await Promise.all(sites.map(async (site) => (await site.soa(zone)).serial));
      expect(new Set(serials)).to.have.length(1);
    }
  });

  it("reads back from the wire what the model said, at a site that the primary knows by now", async () => {
    await sites[0].apply(await eventually(10, () => readCentral(mesh, sites[0].knot.server)));
    const view = await eventually(10, () => readCentral(mesh, sites[2].knot.server));
    const expected = viewOf(mesh);
    expect(view.sites).to.deep.equal(expected.sites);
    expect(view.zones.map(({ name, owner }) => ({ name, owner, id: "" }))).to.deep.equal(expected.zones);
  });

  it("makes a changed central file live everywhere although nobody edits a serial", async () => {
    await joined();
    const before = await sites[0].soa("dns.internal");
    for (const names of [["new-1.example"], ["new-1.example", "new-2.example"], []]) {
      const changed = seedMesh({ zonesOfC: ["standard-1.internal.dns", ...names] });
      await publish(sites[0], changed);
      for (const site of sites) {
        await eventually(5, async () => {
          expect((await readCentral(mesh, site.knot.server)).zones).to.have.length(3 + names.length);
        });
      }
    }
    const after = await sites[2].soa("dns.internal");
    expect(after.serial).to.be.greaterThan(before.serial);
  });

  it("adds, moves and drops members by the local catalog alone", async () => {
    await joined();
    const view = viewOf(mesh);
    const added = { name: "added.example", owner: "site-b", id: "" };
    const [, b, c] = sites;
    await b.write("zones/added.example.zone", "@ 60 SOA a. b. 7 60 10 3600 60\n@ 60 NS a.\n");
    await b.write("conf/zones.d/extra.conf", "zone:\n  - domain: added.example\n    template: own\n");
    await b.knot.knotc("-b", "reload");
    await c.applyMembers({ ...view, zones: [...view.zones, added] });
    expect((await eventually(5, () => c.soa("added.example"))).serial).to.equal(7);

    await sites[0].applyMembers({ ...view, zones: [...view.zones, added] });
    await eventually(5, () => sites[0].soa("added.example"));
    await c.applyMembers({ ...view, zones: [...view.zones, { ...added, owner: "site-a" }] });
    await eventually(5, async () => {
      expect(await c.knot.knotc("zone-status", "added.example")).to.match(/catalog-group: owner-site-a|owner-site-a/);
    });
    expect((await c.soa("added.example")).serial).to.equal(7);

    await c.applyMembers(view);
    await eventually(5, async () => {
      const answer = await new DnsClient().query(c.knot.server, "added.example", "SOA");
      expect(answer.flags.aa).to.equal(false);
    });
    for (const zone of zones) await c.soa(zone);
  });
});
