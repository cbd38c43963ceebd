import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { podIdentity, sharedMesh, snapshot, volumes } from "../../../harness/mesh/shared-mesh";

/** Resources of a state by name, with what the engine was told of them. The state itself has times. */
function resourcesIn({ deployment }: { deployment?: unknown }): Record<string, unknown> {
  const { resources } = deployment as { resources: { urn: string; id?: string; inputs?: unknown }[] };
  return Object.fromEntries(resources.map(({ urn, id, inputs }) => [urn, { id, inputs }]));
}

describe("the storage of a running site", function () {
  this.timeout(180_000);
  const site = "site-c";
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh();
  });

  const configure = (changes: Record<string, unknown>): Promise<void> =>
    mesh.configureSite(mesh.cluster(site), changes);

  it("grows with its setting, under a pod that goes on running", async () => {
    const cluster = mesh.cluster(site);
    const before = { pod: await podIdentity(cluster), volumes: await volumes(cluster) };
    await configure({ "dns-mesh:storageSize": "2Gi" });
    expect((await mesh.driver.preview(site)).changes).to.include({ update: 1 });
    const { changes } = await mesh.up(site);
    expect(changes).to.include({ update: 1 }).and.to.not.have.any.keys("create", "delete", "replace");
    const capacity = ["-n", "dns-system", "get", "pvc", "storage-knot-0", "-o", "jsonpath={.status.capacity.storage}"];
    await eventually(30, async () => expect(await cluster.kubectl(capacity)).to.equal("2Gi"));
    expect({ pod: await podIdentity(cluster), volumes: await volumes(cluster) }).to.deep.equal(before);
    expect(Object.keys((await mesh.up(site)).changes)).to.deep.equal(["same"]);
  });

  for (const [what, change, cure] of [
    [
      "shrink",
      { "dns-mesh:storageSize": "1Gi" },
      /storage-knot-0.*cannot shrink to 1Gi; set dns-mesh:storageSize to 2Gi/,
    ],
    [
      "be of another class",
      { "dns-mesh:storageSize": "2Gi", "dns-mesh:storageClass": "another" },
      /storage-knot-0.*cannot be changed to "another"; set dns-mesh:storageClass back/,
    ],
  ] as const) {
    it(`cannot ${what}: an up says so before it changes anything`, async () => {
      const look = async (): Promise<object> => ({
        objects: await snapshot(mesh.cluster(site)),
        inState: resourcesIn(await mesh.driver.exportState(site)),
      });
      const before = await look();
      await configure(change);
      const refused: unknown = await mesh.up(site).catch((error: unknown) => error);
      expect(String(refused)).to.match(cure);
      expect(await look()).to.deep.equal(before);
      // It stays as large as it is, for whoever brings it up next.
      await configure({ "dns-mesh:storageSize": "2Gi" });
    });
  }
});
