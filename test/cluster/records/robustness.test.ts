import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { delv } from "../../../harness/dnssec/validators";
import { knotBinaries } from "../../../harness/knot";
import { eventually } from "../../../harness/eventually";
import { allow, type OperatorProcess } from "../../../harness/records/operator-process";
import { conditionOf, type RecordObjects } from "../../../harness/records/record-objects";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { run } from "../../../harness/tools/run";
import { pendingStatus } from "../../../src/records/conditions";

/** Steps in order: each starts from what the one before left. */
describe("the record operator, beyond one quiet namespace", function () {
  this.timeout(120_000);
  const team = "team-a";
  const signed = "signed.example";
  let mesh: RecordMesh;
  let objects: RecordObjects;
  let operator: OperatorProcess;

  before(async () => {
    const zones = [{ name: signed, dnssec: true }];
    mesh = await RecordMesh.start({ zones, namespaces: [team], leaseSeconds: 4 });
    objects = mesh.objects();
    operator = mesh.operator;
  });
  after(() => mesh[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(operator.log().slice(-6000));
  });

  const namespaced = (name: string) =>
    mesh.plane.api.send({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name } } });
  const www = () => `www.${mesh.zone}`;

  /** What the operator sent while something was done, and until it looked twice. */
  async function sentDuring(work: () => Promise<unknown>): Promise<{ reads: number; writes: number; updates: number }> {
    const count = async () => {
      const metrics = await operator.metrics();
      const of = (name: string): number => metrics.get(name) ?? 0;
      // An object that waits for a site for more than a second is told so, once more.
      const writes = of("api_writes_total") - of("waits_total");
      return { reads: of("api_reads_total"), writes, updates: of("updates_total") };
    };
    const before = await count();
    await work();
    const looks = (await operator.metrics()).get("looks_total") ?? 0;
    await eventually(20, async () => expect((await operator.metrics()).get("looks_total")).to.be.at.least(looks + 2));
    const after = await count();
    return {
      reads: after.reads - before.reads,
      writes: after.writes - before.writes,
      updates: after.updates - before.updates,
    };
  }

  it("writes each object twice, once for a change and once for its end, and nothing at rest", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `count-${i}`);
    const made = await sentDuring(async () => {
      await Promise.all(names.map((name) => objects.make(name, { name, value: "192.0.2.1" })));
      await objects.programmed(...names);
    });
    expect(made).to.deep.include({ reads: 0, writes: 2 * names.length });
    const changed = await sentDuring(async () => {
      await Promise.all(names.map((name) => objects.patch(name, { spec: { value: "192.0.2.2" } })));
      await objects.programmed(...names);
    });
    expect(changed).to.deep.include({ reads: 0, writes: names.length });
    const removed = await sentDuring(async () => {
      await Promise.all(names.map((name) => objects.remove(name)));
      await Promise.all(names.map((name) => objects.gone(name)));
    });
    expect(removed).to.deep.include({ reads: 0, writes: names.length });
    expect(await sentDuring(() => Promise.resolve())).to.deep.equal({ reads: 0, writes: 0, updates: 0 });
  });

  it("serves the namespaces that it is given, whose objects share the site's zones, and sees no other", async () => {
    await namespaced("team-b");
    const [ours, theirs] = [mesh.objects(mesh.zone, team), mesh.objects(mesh.zone, "team-b")];
    await theirs.make("www", { name: "www", value: "203.0.113.1" });
    await ours.make("www", { name: "www", value: "192.0.2.1" });
    await ours.programmed("www");
    await objects.make("www", { name: "www", type: "CNAME", value: "elsewhere.test." });
    expect((await objects.told("www", "Conflict", "OtherObject")).message).to.contain(`${team}/www`);
    await mesh.everywhere(www(), ["192.0.2.1"]);
    const unseen = await theirs.find("www");
    expect([unseen?.metadata.finalizers, unseen?.status]).to.deep.equal([undefined, pendingStatus]);
    await objects.remove("www");
    await objects.gone("www");
  });

  it("changes a signed zone, whose answers every site can prove", async () => {
    const inSigned = mesh.objects(signed);
    const site = mesh.lab.site(mesh.owner);
    const ds = await eventually(20, async () => {
      const found = (await site.status()).dnssec?.find(({ zone }) => zone === signed)?.ds ?? [];
      expect(found).to.have.length(1);
      return found;
    });
    const proven = async (name: string, expected: string): Promise<void> => {
      for (const { server } of mesh.lab.sites.values())
        expect(await delv({ server, zone: signed, ds, question: [`${name}.${signed}`, "A"] })).to.contain(expected);
    };
    await inSigned.make("signed", { name: "www", value: "192.0.2.1" });
    await inSigned.make("signed-too", { name: "www", value: "192.0.2.2" });
    await inSigned.programmed("signed", "signed-too");
    await proven("www", "; fully validated");
    await inSigned.patch("signed", { spec: { value: "192.0.2.3" } });
    await inSigned.programmed("signed");
    await mesh.everywhere(`www.${signed}`, ["192.0.2.2", "192.0.2.3"]);
    await inSigned.make("alias", { name: "alias", type: "CNAME", value: "www" });
    await inSigned.programmed("alias");
    await proven("alias", "; fully validated");
    const signing = await sentDuring(() =>
      run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), "-b", "zone-sign", signed]),
    );
    expect(signing).to.deep.equal({ reads: 0, writes: 0, updates: 0 });
    await Promise.all(["alias", "signed"].map((name) => inSigned.remove(name)));
    await Promise.all(["alias", "signed"].map((name) => inSigned.gone(name)));
    await eventually(10, () => mesh.everywhere(`www.${signed}`, ["192.0.2.2"]), 50);
    await eventually(10, () => proven("alias", "negative response, fully validated"), 50);
  });

  it("is taken over from when it dies, in the middle of its work, by the other replica", async () => {
    const second = await mesh.replica("operator-1");
    second.start();
    await eventually(10, async () => expect((await second.metrics()).get("leader")).to.equal(0));
    const names = Array.from({ length: 30 }, (_, i) => `left-${i}`);
    await Promise.all(names.map((name) => objects.make(name, { name, value: "192.0.2.3" })));
    await operator.kill();
    operator = second;
    await objects.programmed(...names);
    expect((await second.metrics()).get("leader")).to.equal(1);
    const path = "/apis/coordination.k8s.io/v1/namespaces/dns-system/leases/dns-mesh-records";
    const { spec } = await mesh.plane.api.send({ method: "GET", path });
    expect(spec).to.deep.include({ holderIdentity: "operator-1" });
    mesh.operator.start();
    await eventually(10, async () => expect((await mesh.operator.metrics()).get("leader")).to.equal(0));
    await mesh.operator.stop();
  });

  it("starts among objects that stand without writing anything", async () => {
    await operator.stop();
    operator.start();
    const metrics = await eventually(20, async () => {
      const found = await operator.metrics();
      expect(found.get("looks_total")).to.be.at.least(2);
      return found;
    });
    expect([metrics.get("objects"), metrics.get("waiting")]).to.deep.equal([32, 0]);
    expect([metrics.get("api_writes_total"), metrics.get("updates_total")]).to.deep.equal([0, 0]);
  });

  it("counts what an object left that was torn away while nobody ran as somebody else's, for an object to adopt", async () => {
    await operator.stop();
    await objects.patch("left-0", { metadata: { finalizers: null } });
    await objects.remove("left-0");
    operator.start();
    await objects.make("heir", { name: "left-0", value: "192.0.2.4" });
    await objects.told("heir", "Conflict", "ForeignRecords");
    await mesh.everywhere(`left-0.${mesh.zone}`, ["192.0.2.3"]);
    await objects.patch("heir", { metadata: { annotations: { "dns.mesh.io/adopt": "true" } } });
    await objects.programmed("heir");
    await objects.remove("heir");
    await objects.gone("heir");
    await eventually(10, () => mesh.everywhere(`left-0.${mesh.zone}`, []), 50);
  });

  it("takes over a zone that its site's ConfigMap has, whenever the files of its pod follow", async () => {
    const names = ["welcome.json", "settings.json"];
    const texts = await Promise.all(names.map((name) => readFile(mesh.lab.site(mesh.owner).path("etc", name), "utf8")));
    const files = Object.fromEntries(names.map((name, i) => [name, texts[i] ?? ""]));
    const { site, ...packet } = JSON.parse(files["welcome.json"] ?? "") as { site: { zones: { name: string }[] } };
    const zones = [...site.zones, { ...site.zones[0], name: "told.example" }];
    const told = { ...files, "welcome.json": JSON.stringify({ ...packet, site: { ...site, zones } }) };
    const configMaps = "/api/v1/namespaces/dns-system/configmaps";
    const metadata = { name: "knot-config" };
    await mesh.plane.api.send({ method: "POST", path: configMaps, body: { metadata, data: told } });
    await eventually(10, () => expect(operator.log()).to.contain('"come":["told.example"],"gone":[]'));
    await mesh.plane.api.send({ method: "PUT", path: `${configMaps}/knot-config`, body: { metadata, data: files } });
    await eventually(10, () => expect(operator.log()).to.contain('"come":[],"gone":["told.example"]'));
    await mesh.plane.api.send({ method: "DELETE", path: `${configMaps}/knot-config` });
  });

  it("goes on beside a namespace that it may not see, and serves all when it may", async () => {
    await operator.stop();
    operator = await mesh.replica("operator-2", { namespaces: [team, "team-b"] });
    operator.start();
    await objects.make("beside", { name: "beside", value: "192.0.2.5" });
    await objects.programmed("beside");
    expect(operator.log()).to.contain('"namespace":"team-b"').and.contain("403");
    await operator.stop();
    await allow(mesh.plane.api, "*");
    operator = await mesh.replica("operator-3", { namespaces: ["*"] });
    operator.start();
    const theirs = mesh.objects(mesh.zone, "team-b");
    await theirs.programmed("www");
    await mesh.everywhere(www(), ["192.0.2.1", "203.0.113.1"]);
    for (const live of [await objects.find("beside"), await mesh.objects(mesh.zone, team).find("www")])
      expect(conditionOf(live, "Programmed")?.reason).to.equal("AllSites");
  });
});
