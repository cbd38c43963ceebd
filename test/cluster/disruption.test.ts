import { expect } from "chai";
import { createClusters, type ClusterSet } from "../../harness/clusters";
import { askWhile, disruptions, readyPods, resize } from "../../harness/mesh/disruptions";
import { listedSite, RunningMesh } from "../../harness/mesh/running-mesh";
import { ensureTools } from "../../harness/tools";

describe("a site that is asked all the time", function () {
  this.timeout(600_000);
  const site = "site-a";
  let clusters: ClusterSet;
  let mesh: RunningMesh;

  before(async () => {
    await ensureTools(["kubernetes", "pulumi", "knot"], () => undefined);
    clusters = await createClusters({ names: [site], log: () => undefined });
    const siteConfig = { "dns-mesh:rateLimit": false, "dns-mesh:drainSeconds": "5" };
    mesh = new RunningMesh({ clusters: clusters.clusters, siteConfig });
    await mesh.list(clusters.clusters.map(listedSite));
    await mesh.configureSite(clusters.get(site));
    for (const stack of ["shared", site]) await mesh.up(stack);
    await mesh.converged(60);
  });
  after(async () => {
    await mesh[Symbol.asyncDispose]();
    await clusters[Symbol.asyncDispose]();
  });

  for (const [from, to] of [
    [1, 2],
    [2, 3],
    [3, 1],
    [1, 2],
  ] as const) {
    it(`goes from ${from} to ${to} pods: what stays runs on, and no answer is lost`, async () => {
      const before = await readyPods(clusters.get(site), from);
      let after = before;
      const { udp, tcp } = await askWhile(mesh, {
        site,
        work: async () => {
          after = await resize(mesh, site, to);
        },
      });
      const staying = Object.entries(before.ids).slice(0, Math.min(from, to));
      expect(Object.entries(after.ids).slice(0, staying.length)).to.deep.equal(staying);
      expect(after.restarts).to.equal(0);
      expect([udp.lost, tcp.lost], JSON.stringify({ udp, tcp })).to.deep.equal([0, 0]);
      expect((await mesh.up(site)).changes).to.have.all.keys("same");
    });
  }

  for (const { kind, work } of disruptions.filter(({ voluntary }) => voluntary)) {
    it(`loses no answer: ${kind}`, async () => {
      const { udp, tcp } = await askWhile(mesh, { site, work: () => work(mesh, site) });
      expect([udp.lost, tcp.lost], JSON.stringify({ udp, tcp })).to.deep.equal([0, 0]);
    });
  }

  it("goes on from one pod while the other's server or agent is killed, and is whole again after it", async () => {
    for (const { work } of disruptions.filter(({ voluntary }) => !voluntary)) {
      const { udp, tcp } = await askWhile(mesh, { site, work: () => work(mesh, site) });
      expect(udp.lost + tcp.lost, JSON.stringify({ udp, tcp })).to.be.lessThan(0.1 * (udp.tried + tcp.tried));
    }
  });
});
