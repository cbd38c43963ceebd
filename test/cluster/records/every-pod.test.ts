import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { RecordMesh } from "../../../harness/records/record-mesh";
import type { RecordObjects } from "../../../harness/records/record-objects";

describe("the record operator, where each site has two pods behind one address", function () {
  this.timeout(180_000);
  let mesh: RecordMesh;
  let objects: RecordObjects;
  /** Another site, and its pod that is not the writer. */
  let other: string;
  let pod: string;

  before(async () => {
    mesh = await RecordMesh.start({ replicas: 2 });
    objects = mesh.objects();
    other = mesh.lab.list.map(({ name }) => name).find((name) => name !== mesh.owner) ?? "";
    pod = mesh.lab.podNames(other).at(-1) ?? "";
  });
  after(() => mesh[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(mesh.operator.log().slice(-6000));
  });

  it("programs a record only once every pod of every site answers it", async () => {
    expect([...mesh.lab.sites.keys()]).to.have.length(6);
    for (let i = 0; i < 10; i++) {
      await objects.make(`www-${i}`, { name: `www-${i}`, value: `192.0.2.${i}` });
      await objects.programmed(`www-${i}`);
      await mesh.everywhere(`www-${i}.${mesh.zone}`, [`192.0.2.${i}`]);
    }
  });

  it("names a pod that it cannot see, waits for it no longer, and says so when that is back with the data", async () => {
    await mesh.lab.site(pod).stop();
    await objects.make("meanwhile", { name: "meanwhile", value: "192.0.2.20" });
    const { status, message } = await objects.told("meanwhile", "Programmed", "PodsUnknown");
    expect([status, message]).to.deep.equal([
      "True",
      `every pod that could be asked answers it; not known: ${other} pod 1`,
    ]);
    await mesh.lab.site(pod).start();
    await eventually(60, () => objects.programmed("meanwhile"));
    await mesh.everywhere(`meanwhile.${mesh.zone}`, ["192.0.2.20"]);
  });
});
