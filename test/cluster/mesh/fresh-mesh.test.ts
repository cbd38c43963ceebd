import { expect } from "chai";
import { DnsError } from "../../../src/dns/errors";
import { kdigTransfer } from "../../../harness/kdig";
import { differences, sharedMesh, snapshot } from "../../../harness/mesh/shared-mesh";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";

describe("a fresh mesh of three sites", function () {
  this.timeout(600_000);
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh({ sites: 3 });
  });

  it("answers every zone at every site, with one serial", async () => {
    const serials = await mesh.converged(60);
    expect([...serials.keys()]).to.deep.equal([
      "dns.internal",
      "catalog.internal.dns",
      "catalog-primary.internal.dns",
      "catalog-secondary.internal.dns",
      "standard-1.internal.dns",
    ]);
  });

  /** Another site's name. */
  const other = (site: string) => mesh.sites.find(({ name }) => name !== site)?.name ?? "";

  it("gives a zone to another site over TLS, at every site", async () => {
    for (const site of mesh.sites) {
      const key = await mesh.signingKey(site.name);
      const server = await mesh.transferServer(site.name, other(site.name));
      const records = await mesh.dns.transfer(server, "standard-1.internal.dns", key);
      expect(records[0]).to.include({ type: "SOA", name: "standard-1.internal.dns" });
    }
  });

  it("gives it to nobody over plain TCP or without a certificate, whatever his key, at every site", async () => {
    for (const site of mesh.sites) {
      const key = await mesh.signingKey(site.name);
      const secure = await mesh.transferServer(site.name, other(site.name));
      const { ca = "", serverName = "" } = secure.tls ?? {};
      for (const server of [
        { address: secure.address, port: 53 },
        { ...secure, tls: { ca, serverName } },
      ]) {
        const failure = await mesh.dns
          .transfer(server, "standard-1.internal.dns", key)
          .catch((error: unknown) => error);
        expect(failure, site.name).to.be.instanceOf(DnsError);
        expect(String(failure), site.name).to.contain("NOTAUTH");
      }
    }
  });

  it("refuses a transfer with a wrong secret or an unknown key, at every site", async () => {
    for (const site of mesh.sites) {
      const key = await mesh.signingKey(site.name);
      const server = await mesh.transferServer(site.name, other(site.name));
      const wrong = { ...key, secret: Buffer.alloc(48, 7).toString("base64") };
      for (const bad of [wrong, { ...wrong, name: "stranger" }]) {
        const failure = await mesh.dns.transfer(server, "dns.internal", bad).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(DnsError);
        expect((failure as DnsError).failure.kind).to.be.oneOf(["badSignature", "badKey", "unsigned"]);
      }
    }
  });

  it("refuses a transfer without a key, at every site", async () => {
    for (const site of mesh.sites) {
      const told = await kdigTransfer(site.addresses[0]!, "dns.internal");
      expect(told, site.name).to.match(/NOTAUTH|REFUSED/);
      expect(told, site.name).not.to.match(/\bSOA\b/);
    }
  });

  it("changes nothing on a second up of each stack", async () => {
    for (const stack of ["shared", ...mesh.sites.map((site) => site.name)]) {
      const { changes } = await mesh.up(stack);
      expect(Object.keys(changes), stack).to.deep.equal(["same"]);
    }
  });

  it("changes nothing in a preview", async () => {
    await Promise.all(mesh.sites.map((site) => mesh.reconcile(site.name)));
    for (const site of mesh.sites) {
      const before = await snapshot(mesh.cluster(site.name));
      await mesh.driver.preview(site.name);
      const after = await snapshot(mesh.cluster(site.name));
      expect(differences(before, after), site.name).to.deep.equal([]);
    }
  });
});
