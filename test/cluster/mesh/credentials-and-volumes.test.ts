import { expect } from "chai";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { podIdentity, sharedMesh, snapshot, volumes } from "../../../harness/mesh/shared-mesh";

describe("a site's kubeconfig changes", function () {
  this.timeout(180_000);
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh();
  });
  after(async () => {
    await mesh.configureSite(mesh.cluster("site-b"));
  });

  it("replaces nothing when the server's address and the credentials are others", async () => {
    const cluster = mesh.cluster("site-b");
    const before = { pods: await podIdentity(cluster), volumes: await volumes(cluster) };
    await mesh.configureSite(cluster, { "dns-mesh:kubeconfig": cluster.otherKubeconfig });
    const { changes } = await mesh.up("site-b");
    expect(changes).to.have.any.keys("update");
    for (const operation of ["create", "delete", "replace", "create-replacement", "delete-replaced"]) {
      expect(changes).not.to.have.property(operation);
    }
    expect({ pods: await podIdentity(cluster), volumes: await volumes(cluster) }).to.deep.equal(before);
    expect(Object.keys((await mesh.up("site-b")).changes)).to.deep.equal(["same"]);
  });
});

describe("a site's volumes", function () {
  this.timeout(180_000);
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh();
  });
  after(async () => {
    await mesh.configureSite(mesh.cluster("site-b"));
    await mesh.up("site-b");
  });

  it("outlive a destroy, which is refused as a whole: pods, secrets and everything else stay", async () => {
    const cluster = mesh.cluster("site-b");
    await mesh.configureSite(cluster, { "dns-mesh:protect": "true" });
    await mesh.up("site-b");
    const look = async () => ({ objects: await snapshot(cluster), pods: await podIdentity(cluster) });
    const before = await look();
    const refused: unknown = await mesh.driver.destroy("site-b").catch((error: unknown) => error);
    expect(String(refused)).to.match(/safeguard.*protect/s);
    expect(await look()).to.deep.equal(before);
    expect(Object.keys((await mesh.up("site-b")).changes)).to.deep.equal(["same"]);
  });

  it("outlive an up that would move the site to another namespace, which is refused", async () => {
    const cluster = mesh.cluster("site-b");
    const before = await volumes(cluster);
    expect(Object.keys(before)).to.deep.equal(["storage-knot-0"]);
    await mesh.configureSite(cluster, { "dns-mesh:protect": "true" });
    await mesh.up("site-b");
    await mesh.configureSite(cluster, { "dns-mesh:protect": "true", "dns-mesh:namespace": "elsewhere" });
    const refused: unknown = await mesh.up("site-b").catch((error: unknown) => error);
    expect(String(refused)).to.match(/dns-mesh:namespace is "elsewhere".* brought up "dns-system"/);
    expect(await volumes(cluster)).to.deep.equal(before);
    await mesh.converged(30, { sites: ["site-b"] });
  });
});
