import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { namespace } from "../../../harness/records/operator-process";
import { conditionOf, type RecordObjects } from "../../../harness/records/record-objects";
import { RecordMesh } from "../../../harness/records/record-mesh";

describe("DnsRecords of a zone that is retired", function () {
  this.timeout(120_000);
  const today = new Date().toISOString().slice(0, 10);
  let mesh: RecordMesh;
  let objects: RecordObjects;

  before(async () => {
    mesh = await RecordMesh.start();
    objects = mesh.objects();
    await objects.make("www", { name: "www", value: "192.0.2.1" });
    await objects.programmed("www");
  });
  after(() => mesh[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(mesh.operator.log().slice(-6000));
  });

  /** What `up` does on the shared stack and on the primary. */
  async function mark(retired: string | undefined): Promise<void> {
    mesh.lab.plan.listed(mesh.owner).zones = [{ name: mesh.zone, ...(retired !== undefined && { retired }) }];
    await mesh.lab.up();
  }
  const retiring = async (count: number) => expect((await mesh.operator.metrics()).get("retiring")).to.equal(count);

  it("are as ever until the day has come", async () => {
    await mark("2999-12-31");
    await objects.make("early", { name: "early", value: "192.0.2.2" });
    await objects.programmed("early");
    expect(conditionOf(await objects.find("www"), "Accepted")?.reason).to.equal("Valid");
    await retiring(0);
  });

  it("report that they stand in the way, and stay served", async () => {
    await mark(today);
    const { status, message } = await objects.told("www", "Accepted", "ZoneRetiring");
    expect(status).to.equal("True");
    expect(message).to.match(new RegExp(`retired from ${today}.*delete it`));
    await objects.programmed("www");
    await mesh.everywhere(`www.${mesh.zone}`, ["192.0.2.1"]);
    await eventually(10, () => retiring(2));
    const { items } = await mesh.plane.api.send({ method: "GET", path: `/api/v1/namespaces/${namespace}/events` });
    const told = (items as { type: string; reason: string; involvedObject: { name: string } }[])
      .filter(({ type, reason }) => type === "Warning" && reason === "ZoneRetiring")
      .map(({ involvedObject }) => involvedObject.name);
    expect(told).to.include("www");
  });

  it("are followed when they change", async () => {
    await objects.patch("www", { spec: { value: "192.0.2.3" } });
    await objects.programmed("www");
    await mesh.everywhere(`www.${mesh.zone}`, ["192.0.2.3"]);
  });

  it("are not taken when they are new, whether or not the name is there, with the cure", async () => {
    await objects.make("late", { name: "late", value: "192.0.2.4" });
    await objects.make("www-late", { name: "www", value: "192.0.2.4" });
    for (const name of ["late", "www-late"]) {
      const { status, message } = await objects.told(name, "Accepted", "ZoneRetiring");
      expect(status).to.equal("False");
      expect(message).to.contain("takes no new DnsRecord; use another zone, or take the mark from the zone");
    }
    await objects.patch("www", { spec: { value: "192.0.2.5" } });
    await objects.programmed("www");
    await mesh.everywhere(`www.${mesh.zone}`, ["192.0.2.5"]);
    await mesh.everywhere(`late.${mesh.zone}`, []);
  });

  it("are let go of", async () => {
    await objects.remove("early");
    await objects.gone("early");
    await eventually(10, () => mesh.everywhere(`early.${mesh.zone}`, []), 50);
    await objects.remove("www-late");
    await objects.gone("www-late");
  });

  it("are taken again once the mark is gone", async () => {
    await mark(undefined);
    await objects.programmed("late");
    await mesh.everywhere(`late.${mesh.zone}`, ["192.0.2.4"]);
    await objects.told("www", "Accepted", "Valid");
    await retiring(0);
  });
});
