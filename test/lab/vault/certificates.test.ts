import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { readFile } from "node:fs/promises";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";
import { MeshVault } from "../../../lab/mesh-vault";

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("certificates of a mesh that a real Vault issues", function () {
  this.timeout(60_000);
  let vault: MeshVault;
  let lab: Lab;

  before(async () => {
    vault = await MeshVault.start();
    await vault.enablePki();
    lab = await Lab.create({ sites: 3, vault });
    await lab.upAll();
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const sites = () => [...lab.sites.values()];
  const file = (site: LabSite, name: string) => readFile(site.path("storage", "mesh", "tls", name), "utf8");
  /** Serial number of the certificate that a site's Knot shows. */
  const shown = (site: LabSite): Promise<string> =>
    new Promise((resolve, reject) => {
      const { address: host, port } = site.secureServer;
      const socket = connect({ host, port, ALPNProtocols: ["dot"], rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
        socket.destroy();
      });
      socket.setTimeout(3000, () => socket.destroy(new Error("no handshake")));
      socket.once("error", reject);
    });
  const changedEverywhere = async (text: string) => {
    for (const { name } of lab.list) {
      const record = { name: `t.${name}.example`, type: "TXT", value: `"${text}"` };
      expect((await lab.change(`${name}.example`, record, 15)).missing, `${text} of ${name}`).to.deep.equal([]);
    }
  };

  it("let zones travel over TLS from the first start on", async () => {
    await lab.converged(30);
    for (const site of sites()) {
      const { serialNumber } = new X509Certificate(await file(site, "tls.crt"));
      expect(await shown(site), site.name).to.equal(serialNumber);
    }
    await changedEverywhere("first");
  });

  it("are live without a restart when they are made anew, under another root that all trust before", async () => {
    const before = new Map(await Promise.all(sites().map(async (site) => [site, await shown(site)] as const)));
    const pids = sites().map((site) => site.pids.knot);
    await vault.addRoot();
    for (const site of sites()) await site.mount(lab.mesh);
    await eventually(15, async () => {
      for (const site of sites()) expect((await file(site, "ca.crt")).match(/BEGIN/g), site.name).to.have.length(2);
    });
    await vault.signWithLatestRoot();
    const [first, ...others] = sites();
    // Agents look after five minutes whether another root signs; one that starts does so at once.
    first!.killWorker();
    await eventually(20, async () => {
      expect(await shown(first!)).not.to.equal(before.get(first!));
    });
    await changedEverywhere("with certificates of both roots");
    for (const site of others) site.killWorker();
    await eventually(20, async () => {
      for (const site of sites()) expect(await shown(site), site.name).not.to.equal(before.get(site));
    });
    await changedEverywhere("with the new root's");
    expect(sites().map((site) => site.pids.knot)).to.deep.equal(pids);
  });
});
