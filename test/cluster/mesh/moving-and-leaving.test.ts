import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { podIdentity, sharedMesh, stopApiServerFor } from "../../../harness/mesh/shared-mesh";

/** Every file that says where peers are: Knot's configuration on the volume, and the network policy. */
async function traces(mesh: RunningMesh, site: string, api: boolean): Promise<string> {
  const files = await mesh.knotFiles(site);
  const policy = api
    ? await mesh.cluster(site).kubectl(["-n", "dns-system", "get", "networkpolicy", "knot-peers", "-o", "json"])
    : "";
  return files + policy;
}

describe("with the API server of one site stopped", function () {
  this.timeout(480_000);
  let mesh: RunningMesh;
  const stays = ["site-a", "site-b", "site-c"];
  const identities = new Map<string, unknown>();

  before(async () => {
    mesh = await sharedMesh({ sites: 4, withoutApiServer: true });
    for (const site of stays) identities.set(site, await podIdentity(mesh.cluster(site)));
    await stopApiServerFor(mesh, "site-c", 300);
  });

  describe("a site moves to another address", () => {
    const moved = (): string => mesh.cluster("site-d").spareAddress;

    before(async () => {
      await mesh.list(mesh.sites.map((site) => (site.name === "site-d" ? { ...site, addresses: [moved()] } : site)));
      await mesh.configureSite(mesh.cluster("site-d"), { "dns-mesh:service": { loadBalancerIP: moved() } });
      for (const stack of ["shared", "site-a", "site-d"]) await mesh.up(stack);
    });

    it("is followed by every other site, its old address forgotten", async () => {
      await mesh.converged(60);
      await eventually(90, async () => {
        await Promise.all(["site-a", "site-b"].map((site) => mesh.reconcile(site)));
        for (const site of stays) {
          const text = await traces(mesh, site, site !== "site-c");
          expect(text, site).to.contain(moved());
          expect(text, site).not.to.contain(mesh.cluster("site-d").siteAddress);
        }
      });
    });

    it("changes nothing when run once more", async () => {
      for (const stack of ["shared", "site-a", "site-d"]) {
        expect(Object.keys((await mesh.up(stack)).changes), stack).to.deep.equal(["same"]);
      }
    });
  });

  describe("a site leaves", () => {
    before(async () => {
      await mesh.list(mesh.sites.filter((site) => site.name !== "site-d"));
      for (const stack of ["shared", "site-a"]) await mesh.up(stack);
    });

    it("leaves no trace in any Knot configuration or network policy", async () => {
      await eventually(90, async () => {
        await Promise.all(["site-a", "site-b"].map((site) => mesh.reconcile(site)));
        for (const site of stays) {
          const text = await traces(mesh, site, site !== "site-c");
          for (const trace of [
            "site-d",
            "standard-2",
            mesh.cluster("site-d").spareAddress,
            `${mesh.cluster("site-d").nodeAddress}/32`,
          ]) {
            expect(text, site).not.to.contain(trace);
          }
        }
      });
    });

    it("goes from what the others answer, and nothing else goes", async () => {
      for (const site of stays) {
        const gone = await mesh.soa(site, "standard-2.internal.dns").catch((error: unknown) => error);
        expect(gone, site).to.be.instanceOf(Error);
      }
      await mesh.converged(30);
    });

    it("changes nothing when run once more", async () => {
      for (const stack of ["shared", "site-a"]) {
        expect(Object.keys((await mesh.up(stack)).changes), stack).to.deep.equal(["same"]);
      }
    });

    it("restarts no pod", async () => {
      for (const site of ["site-a", "site-b"]) {
        expect(await podIdentity(mesh.cluster(site)), site).to.deep.equal(identities.get(site));
      }
    });
  });
});
