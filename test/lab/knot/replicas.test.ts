import { expect } from "chai";
import { renderOwnZone } from "../../../src/knot/config/own-zone";
import { eventually } from "../../../harness/eventually";
import { freePorts, seedMesh, startSite, viewOf } from "./lab-mesh";

describe("a site with two pods", function () {
  this.timeout(30_000);

  it("has one writer: the other pod follows it for own zones, and each notifies the other about members", async () => {
    const mesh = seedMesh({ zonesOfC: [{ name: "standard-1.internal.dns", dnssec: true }] });
    const view = viewOf(mesh);
    const ports = await freePorts();
    const replicas = { addresses: ["127.101.0.3", "127.101.0.4"] };
    await using b = await startSite({ mesh, site: "site-b", view, ports, serial: 100 });
    await using writer = await startSite({
      mesh,
      site: "site-c",
      view,
      ports,
      replicas: { ...replicas, self: 0 },
      serial: 100,
    });
    await using follower = await startSite({ mesh, site: "site-c", view, ports, replicas: { ...replicas, self: 1 } });
    // Knot's own NOTIFYs wait for the agents', which do not run here.
    const own = await eventually(10, async () => {
      await writer.knot.knotc("zone-notify", "standard-1.internal.dns");
      const [first, second] = await Promise.all([
        writer.soa("standard-1.internal.dns"),
        follower.soa("standard-1.internal.dns"),
      ]);
      expect(second.serial).to.equal(first.serial);
      return first.serial;
    });
    expect(own, "the signer counts the serial up by the clock").to.be.greaterThan(1_000_000_000);

    const member = "catalog-secondary.internal.dns";
    await eventually(10, async () => {
      await b.knot.knotc("zone-notify", member);
      await writer.knot.knotc("zone-notify", member);
      expect((await follower.soa(member)).serial).to.equal((await b.soa(member)).serial);
    });
    // site-b knows one address of site-c: the pod behind it has to pass the word on.
    const [zone] = b.packet.site.zones;
    await b.write(
      `zones/${member}.zone`,
      renderOwnZone({ zone: zone!, site: b.packet.site, directoryZone: mesh.directoryZone, serial: 200 }),
    );
    await b.knot.knotc("-b", "zone-reload", member);
    await eventually(10, async () => {
      await b.knot.knotc("zone-notify", member);
      await writer.knot.knotc("zone-notify", member);
      expect((await follower.soa(member)).serial).to.equal(200);
    });
  });

  it("serves the central zones from every pod of the primary under one serial", async () => {
    const mesh = seedMesh();
    const view = viewOf(mesh);
    const ports = await freePorts();
    const replicas = { addresses: ["127.101.0.1", "127.101.0.5"] };
    await using writer = await startSite({ mesh, site: "site-a", view, ports, replicas: { ...replicas, self: 0 } });
    await using follower = await startSite({ mesh, site: "site-a", view, ports, replicas: { ...replicas, self: 1 } });
    for (const zone of ["dns.internal", "catalog.internal.dns", "catalog-primary.internal.dns"]) {
      await eventually(15, async () => {
        expect((await follower.soa(zone)).serial).to.equal((await writer.soa(zone)).serial);
      });
    }
  });
});
