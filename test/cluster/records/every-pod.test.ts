import { expect } from "chai";
import { dirname } from "node:path";
import { Reader } from "../../../harness/docs/reader";
import { eventually } from "../../../harness/eventually";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { conditionOf, type RecordObjects } from "../../../harness/records/record-objects";
import { toolPath } from "../../../harness/tools";
import { letThrough } from "../../../src/contract/names";
import { defaultZoneLimits } from "../../../src/mesh/limits";

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

  it("says what waits for pod 0 while that is away, which the other pods answer all along, and makes it when it is back", async () => {
    const writer = mesh.lab.site(mesh.owner);
    await Promise.all(["changes", "goes"].map((name) => objects.make(name, { name, value: "192.0.2.30" })));
    await objects.programmed("changes", "goes");
    await writer.stop();
    await objects.make("new", { name: "new", value: "192.0.2.31" });
    await objects.patch("changes", { spec: { value: "192.0.2.32" } });
    await objects.remove("goes");
    for (const name of ["new", "changes", "goes"]) await objects.told(name, "Programmed", "WriterUnreachable");
    const said = await followRunbook();
    expect(said).to.match(
      /^goes .* WriterUnreachable +its removal waits for pod 0 of the site \(knot-0\).* since \S+Z: /m,
    );
    expect(said).to.match(/Warning +WriterUnreachable +dnsrecord\/new/);
    expect((await mesh.operator.metrics()).get("waiting_for_writer")).to.equal(3);
    const others = [...mesh.lab.sites.keys()].filter((name) => mesh.lab.site(name) !== writer);
    for (const name of others) {
      expect(await mesh.answer(name, `changes.${mesh.zone}`), name).to.deep.equal(["192.0.2.30"]);
      expect(await mesh.answer(name, `goes.${mesh.zone}`), name).to.deep.equal(["192.0.2.30"]);
    }
    await writer.start();
    await objects.programmed("new", "changes");
    await objects.gone("goes");
    await mesh.everywhere(`changes.${mesh.zone}`, ["192.0.2.32"]);
    await mesh.everywhere(`new.${mesh.zone}`, ["192.0.2.31"]);
    const metrics = await mesh.operator.metrics();
    expect([metrics.get("writer_away"), metrics.get("waiting_for_writer")]).to.deep.equal([0, 0]);
  });

  it("says that the removal of most records is held by the guard of the zone, and makes it when it is let through", async () => {
    const writer = mesh.lab.site(mesh.owner);
    await writer.settle({ guard: defaultZoneLimits });
    await eventually(20, async () => expect(await writer.files()).to.contain("external-validation"));
    const names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => objects.make(name, { name, value: "192.0.2.40" })));
    await objects.programmed(...names);
    await Promise.all(names.map((name) => objects.remove(name)));
    // Some go one by one, up to a third, before the guard holds the others.
    const left = await eventually(30, async () => {
      const all = await Promise.all(names.map(async (name) => ({ name, live: await objects.find(name) })));
      const found = all.filter(({ live }) => live !== undefined);
      for (const { name, live } of found) expect(conditionOf(live, "Programmed")?.reason, name).to.equal("ChangeHeld");
      return found.map(({ name }) => name);
    });
    expect(left.length).to.be.above(names.length / 2);
    await objects.make("beside", { name: "beside", value: "192.0.2.41" });
    await objects.programmed("beside");
    await mesh.everywhere(`${left[0]}.${mesh.zone}`, ["192.0.2.40"]);
    await writer.letThrough(await annotatedByRunbook());
    await eventually(60, () => Promise.all(left.map((name) => objects.gone(name))));
    await mesh.everywhere(`${left[0]}.${mesh.zone}`, []);
    expect((await writer.status()).problems).to.deep.equal([]);
  });

  function reader(): Reader {
    const path = [dirname(toolPath("kubectl")), process.env["PATH"]].join(":");
    const env = { ...process.env, PATH: path, KUBECONFIG: mesh.plane.kubeconfig };
    return new Reader({ folder: mesh.lab.folder, env, replace: [["example.org", mesh.zone]] });
  }

  /** What the runbook has its reader look at. */
  async function followRunbook(): Promise<string> {
    const followed = reader();
    followed.open("docs/runbooks/pod-0-lost.md#what-waits");
    const said = await followed.run();
    followed.close();
    return said;
  }

  /** What the runbook has its reader say to pod 0. */
  async function annotatedByRunbook(): Promise<string> {
    const [path, name] = ["/api/v1/namespaces/dns-system", "knot-0"];
    const { api } = mesh.plane;
    const account = { kind: "ServiceAccount", metadata: { name: "knot" } };
    await api.send({ method: "POST", path: `${path}/serviceaccounts`, body: account });
    const spec = { serviceAccountName: "knot", containers: [{ name: "knot", image: "knot" }] };
    await api.send({ method: "POST", path: `${path}/pods`, body: { kind: "Pod", metadata: { name }, spec } });
    const followed = reader();
    followed.open("docs/runbooks/change-held.md#it-is-wanted");
    await followed.run();
    followed.close();
    const { metadata } = await api.send({ method: "GET", path: `${path}/pods/${name}` });
    return (metadata as { annotations: Record<string, string> }).annotations[letThrough.annotation] ?? "";
  }
});
