import { expect } from "chai";
import type { ResourceRecord } from "../../../src/dns/record";
import { namespace } from "../../../harness/records/operator-process";
import { conditionOf, type RecordObjects } from "../../../harness/records/record-objects";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { eventually } from "../../../harness/eventually";
import { describePools, poolProbes } from "./pools";

describe("the record operator", function () {
  this.timeout(180_000);
  let mesh: RecordMesh;
  let objects: RecordObjects;

  before(async () => {
    mesh = await RecordMesh.start({ hasPools: true, probes: poolProbes });
    objects = mesh.objects();
  });
  after(() => mesh[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(mesh.operator.log().slice(-6000));
  });

  const everywhere = (name: string, expected: string[]) => mesh.everywhere(`${name}.${mesh.zone}`, expected);
  const address = (name: string, text: string): ResourceRecord => ({
    name: `${name}.${mesh.zone}`,
    class: "IN",
    ttl: 60,
    type: "A",
    address: text,
  });

  it("programs a record only once every site answers it", async () => {
    await objects.make("www", { name: "www", value: "192.0.2.1" });
    await objects.programmed("www");
    await everywhere("www", ["192.0.2.1"]);
    const live = await objects.find("www");
    expect(live?.status?.applied).to.deep.include({
      name: `www.${mesh.zone}`,
      type: "A",
      ttl: 60,
      values: ["192.0.2.1"],
    });
    expect(conditionOf(live, "Accepted")?.status).to.equal("True");
  });

  it("follows an update, and writes no object without a reason", async () => {
    await objects.patch("www", { spec: { value: "192.0.2.2" } });
    await objects.programmed("www");
    await everywhere("www", ["192.0.2.2"]);
    const version = async () =>
      ((await objects.find("www")) as unknown as { metadata: { resourceVersion: string } }).metadata;
    const before = (await version()).resourceVersion;
    await objects.make("other", { name: "other", value: "192.0.2.9" });
    await objects.programmed("other");
    expect((await version()).resourceVersion).to.equal(before);
  });

  it("follows a change of the TTL alone, at every site", async () => {
    await objects.patch("www", { spec: { ttl: 77 } });
    await objects.programmed("www");
    for (const { server, dns, name } of mesh.lab.sites.values()) {
      const { answers } = await dns.query(server, `www.${mesh.zone}`, "A");
      expect(
        answers.map(({ ttl }) => ttl),
        name,
      ).to.deep.equal([77]);
    }
    await objects.patch("www", { spec: { ttl: 60 } });
    await objects.programmed("www");
  });

  it("makes one RRset of several objects, and takes away just what one of them had", async () => {
    await objects.make("www-too", { name: "www", value: "192.0.2.3" });
    await objects.programmed("www-too");
    await everywhere("www", ["192.0.2.2", "192.0.2.3"]);
    await objects.remove("www");
    await objects.gone("www");
    await eventually(10, () => everywhere("www", ["192.0.2.3"]), 50);
    await objects.remove("www-too");
    await objects.gone("www-too");
    await eventually(10, () => everywhere("www", []), 50);
  });

  it("leaves what somebody else put there, says so, and takes it over when told to", async () => {
    await mesh.update(mesh.zone, [{ kind: "add", record: address("legacy", "203.0.113.1") }]);
    await objects.make("legacy", { name: "legacy", value: "192.0.2.4" });
    expect((await objects.told("legacy", "Conflict", "ForeignRecords")).message).to.contain("dns.mesh.io/adopt");
    expect(await mesh.answer(mesh.owner, `legacy.${mesh.zone}`)).to.deep.equal(["203.0.113.1"]);
    await objects.patch("legacy", { metadata: { annotations: { "dns.mesh.io/adopt": "true" } } });
    await objects.programmed("legacy");
    await everywhere("legacy", ["192.0.2.4"]);
  });

  it("lets the first keep a name that a CNAME does not share", async () => {
    await objects.make("alias-target", { name: "alias", value: "192.0.2.5" });
    await objects.programmed("alias-target");
    await objects.make("alias", { name: "alias", type: "CNAME", value: "elsewhere.test." });
    expect((await objects.told("alias", "Conflict", "OtherObject")).message).to.contain("dns-system/alias-target");
    await objects.remove("alias-target");
    await objects.programmed("alias");
    await objects.remove("alias");
    await objects.gone("alias");
  });

  it("says why a zone is not served here", async () => {
    await objects.make("lost", { zone: "nobody.test", name: "www", value: "192.0.2.1" });
    await objects.told("lost", "Accepted", "UnknownZone");
    const foreignZone = mesh.lab.zones().find((each) => each.endsWith(".example") && each !== mesh.zone) ?? "";
    await objects.make("abroad", { zone: foreignZone, name: "www", value: "192.0.2.1" });
    expect((await objects.told("abroad", "Accepted", "ZoneOfAnotherSite")).message).to.contain(
      mesh.lab.plan.owner(foreignZone),
    );
    for (const name of ["lost", "abroad"]) await objects.remove(name).then(() => objects.gone(name));
  });

  it("serves the good ones beside one that the server does not take", async () => {
    // Five objects that make one RRset, which does not fit into a message.
    const big = [0, 1, 2, 3, 4].map((n) => `big-${n}`);
    const values = (name: string) => Array.from({ length: 64 }, (_, i) => `"${`${name}-${i}-`.padEnd(250, "x")}"`);
    await Promise.all([
      ...big.map((name) => objects.make(name, { name: "big", type: "TXT", values: values(name) })),
      ...[1, 2, 3, 4].map((i) => objects.make(`good-${i}`, { name: `good-${i}`, value: `192.0.2.${i}` })),
    ]);
    await Promise.all([1, 2, 3, 4].map((i) => objects.programmed(`good-${i}`)));
    const reasons = await eventually(20, async () => {
      const all = await Promise.all(big.map(async (name) => conditionOf(await objects.find(name), "Programmed")));
      expect(all.map((each) => each?.reason)).to.include("UpdateRefused");
      return all;
    });
    expect(reasons.map((each) => each?.message).join()).to.match(/octets|server|message/);
    await Promise.all(big.map((name) => objects.remove(name)));
    await Promise.all(big.map((name) => objects.gone(name)));
    await objects.make("good-5", { name: "good-5", value: "192.0.2.5" });
    await objects.programmed("good-5");
  });

  it("mends what somebody changed by hand", async () => {
    await objects.make("drift", { name: "drift", value: "192.0.2.7" });
    await objects.programmed("drift");
    await mesh.update(mesh.zone, [
      { kind: "deleteRrset", name: `drift.${mesh.zone}`, type: "A" },
      { kind: "add", record: address("drift", "203.0.113.66") },
    ]);
    await eventually(20, () => everywhere("drift", ["192.0.2.7"]), 50);
  });

  it("goes on after a crash in the middle, and after an API server that was away", async () => {
    await Promise.all(
      [...Array(40).keys()].map((i) => objects.make(`bulk-${i}`, { name: `bulk-${i}`, value: "192.0.2.8" })),
    );
    await mesh.operator.kill();
    mesh.operator.start();
    mesh.line.cut();
    await Promise.all(
      [...Array(40).keys()].map((i) => objects.make(`more-${i}`, { name: `more-${i}`, value: "192.0.2.8" })),
    );
    await objects.remove("drift");
    mesh.line.heal();
    for (let i = 0; i < 40; i++) await Promise.all([objects.programmed(`bulk-${i}`), objects.programmed(`more-${i}`)]);
    await objects.gone("drift");
    await eventually(10, () => everywhere("drift", []), 50);
  });

  it("does not wait for ever for a site that is away, and shows it", async () => {
    const away = [...mesh.lab.sites.keys()].find(
      (name) => mesh.lab.site(name).pids.knot !== undefined && name !== mesh.owner,
    )!;
    await mesh.lab.site(away).stop();
    await objects.make("meanwhile", { name: "meanwhile", value: "192.0.2.10" });
    expect((await objects.told("meanwhile", "Programmed", "Propagating")).message).to.contain(away);
    expect((await objects.told("meanwhile", "Programmed", "SitesAway")).message).to.contain(away);
    await mesh.lab.site(away).start();
    await objects.programmed("meanwhile");
    await everywhere("meanwhile", ["192.0.2.10"]);
  });

  it("holds an object until its records are off the server, unless somebody abandons them", async () => {
    await mesh.lab.site(mesh.owner).stopKnot();
    await Promise.all([objects.remove("meanwhile"), objects.remove("other")]);
    await objects.patch("other", { metadata: { annotations: { "dns.mesh.io/abandon": "true" } } });
    await objects.gone("other");
    expect((await objects.find("meanwhile"))?.metadata.finalizers).to.deep.equal(["dns.mesh.io/applied"]);
    mesh.lab.site(mesh.owner).startKnot();
    await objects.gone("meanwhile");
    await eventually(10, () => everywhere("meanwhile", []), 50);
    await everywhere("other", ["192.0.2.9"]);
  });

  it("sweeps what an object left that was torn away", async () => {
    await objects.make("torn", { name: "torn", value: "192.0.2.11" });
    await objects.programmed("torn");
    await objects.patch("torn", { metadata: { finalizers: null } });
    await objects.remove("torn");
    await eventually(20, () => everywhere("torn", []), 50);
  });

  it("hands over to the other replica at once when it is told to end", async () => {
    const second = await mesh.replica("operator-1");
    second.start();
    await eventually(10, async () => expect((await second.metrics()).get("leader")).to.equal(0));
    await mesh.operator.stop();
    await objects.make("handed-over", { name: "handed-over", value: "192.0.2.12" });
    await objects.programmed("handed-over");
    expect((await second.metrics()).get("leader")).to.equal(1);
    await second.stop();
    mesh.operator.start();
    await objects.make("back", { name: "back", value: "192.0.2.12" });
    await objects.programmed("back");
  });

  it("counts and times what it does", async () => {
    const metrics = await mesh.operator.metrics();
    expect(metrics.get("leader")).to.equal(1);
    expect(metrics.get("programmed_seconds_count")).to.be.at.least(1);
    const { items } = await mesh.plane.api.send({ method: "GET", path: `/api/v1/namespaces/${namespace}/events` });
    const reasons = new Set((items as { reason: string }[]).map(({ reason }) => reason));
    expect([...reasons]).to.include.members(["AllSites", "ForeignRecords", "UnknownZone", "Abandoned"]);
  });

  describe("of pools", () => {
    describePools(() => mesh);
  });
});
