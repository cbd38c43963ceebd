import { expect } from "chai";
import { KubeError } from "../../../../src/kube/answer";
import { addressAt } from "./fake-writer";
import { OperatorStage, type Turn } from "./operator-stage";

describe("DnsRecords that go", () => {
  let stage: OperatorStage;
  let turn: Turn;

  beforeEach(async () => {
    stage = new OperatorStage();
    turn = stage.turn();
    stage.api.make("www");
    await stage.programmed("www");
  });
  afterEach(() => turn.end());

  it("stay until the server has their records no longer", async () => {
    stage.writer.silent.add("a.example");
    stage.api.remove("www");
    await stage.clock.advance(60_000);
    expect(stage.api.find("www")?.metadata.finalizers).to.deep.equal(["dns.mesh.io/applied"]);
    stage.writer.silent.clear();
    await stage.gone("www");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("go at once, and leave their records, when somebody abandons them", async () => {
    stage.writer.silent.add("a.example");
    stage.api.annotate("www", { "dns.mesh.io/abandon": "true" });
    stage.api.remove("www");
    await stage.gone("www");
    stage.writer.silent.clear();
    await stage.clock.advance(60_000);
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    const [event] = stage.api.writes.filter(({ kind, body }) => kind === "event" && body["reason"] === "Abandoned");
    expect(event?.body["message"]).to.contain("dns.mesh.io/abandon");
  });

  it("leave their records when they are abandoned, whatever else happens at the name", async () => {
    stage.writer.silent.add("a.example");
    stage.api.refusal = ({ kind, name }) => (kind === "mark" && name === "www" ? new KubeError("no") : undefined);
    stage.api.annotate("www", { "dns.mesh.io/abandon": "true" });
    stage.api.remove("www");
    stage.api.make("www-too", { name: "www", type: "TXT", value: '"x"' });
    stage.writer.silent.clear();
    await stage.programmed("www-too");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    stage.api.refusal = () => undefined;
    await stage.gone("www");
  });

  it("are swept when they were torn away", async () => {
    stage.api.tear("www");
    await stage.clock.until("swept", () => stage.writer.addresses("www").length === 0);
    await stage.clock.advance(60_000);
    expect(turn.operator.counts.records).to.equal(0);
  });

  it("are swept when they were torn away while the server was silent, once it answers", async () => {
    stage.writer.silent.add("a.example");
    stage.api.tear("www");
    await stage.clock.advance(10_000);
    stage.writer.silent.clear();
    await stage.clock.until("swept", () => stage.writer.addresses("www").length === 0);
    await stage.clock.until("forgotten", () => turn.operator.counts.records === 0);
  });

  it("are swept without what somebody put beside their records", async () => {
    stage.writer.change("a.example", { added: [addressAt("www.a.example", "203.0.113.1")] });
    stage.api.tear("www");
    await stage.clock.until("swept", () => !stage.writer.addresses("www").includes("192.0.2.1"));
    expect(stage.writer.addresses("www")).to.deep.equal(["203.0.113.1"]);
  });

  it("and come again under their name are other objects", async () => {
    stage.api.tear("www");
    stage.api.make("www", { value: "192.0.2.9" });
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.9"]);
    expect(turn.operator.counts.records).to.equal(1);
  });

  it("leave what they left while nobody ran for an object to adopt", async () => {
    await turn.end();
    stage.api.tear("www");
    turn = stage.turn("operator-1");
    stage.api.make("heir", { name: "www", value: "192.0.2.9" });
    await stage.says("heir", "Conflict", "ForeignRecords");
    stage.api.annotate("heir", { "dns.mesh.io/adopt": "true" });
    await stage.programmed("heir");
    stage.api.remove("heir");
    await stage.gone("heir");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("take with them what the last version but one put there, when they change and go at once", async () => {
    stage.sites.pod("b").behind = 1;
    stage.api.edit("www", { value: "192.0.2.2" });
    await stage.clock.until("changed", () => stage.writer.addresses("www")[0] === "192.0.2.2");
    stage.writer.silent.add("a.example");
    stage.api.edit("www", { value: "192.0.2.3" });
    stage.api.remove("www");
    stage.writer.silent.clear();
    await stage.gone("www");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("need nothing of the server when nothing of them was there", async () => {
    stage.api.make("lost", { zone: "nobody.test" });
    await stage.says("lost", "Accepted", "UnknownZone");
    const updates = stage.writer.count("UPDATE");
    stage.api.remove("lost");
    await stage.gone("lost");
    expect(stage.writer.count("UPDATE")).to.equal(updates);
  });
});

describe("DnsRecords of a zone that is retired", () => {
  let stage: OperatorStage;
  let turn: Turn;

  beforeEach(async () => {
    stage = new OperatorStage();
    turn = stage.turn();
    stage.api.make("www");
    await stage.programmed("www");
  });
  afterEach(() => turn.end());

  const retire = async (retired: string): Promise<void> => {
    stage.relist([{ name: "a.example", retired }]);
    await stage.says("www", "Accepted", "ZoneRetiring");
  };

  it("are as ever until the day has come", async () => {
    stage.relist([{ name: "a.example", retired: "2026-12-24" }]);
    await stage.clock.advance(10_000);
    stage.api.make("early");
    await stage.programmed("early");
    expect([stage.api.condition("www", "Accepted")?.reason, turn.operator.counts.retiring]).to.deep.equal(["Valid", 0]);
  });

  it("are noticed on the day, without anything else that changes", async () => {
    stage.relist([{ name: "a.example", retired: "2026-11-29" }]);
    await stage.clock.advance(10_000);
    expect(stage.api.condition("www", "Accepted")?.reason).to.equal("Valid");
    await stage.clock.advance(13 * 3_600_000);
    expect(stage.api.condition("www", "Accepted")?.reason).to.equal("ZoneRetiring");
  });

  it("are served on, and say that they stand in the way; new ones are not taken", async () => {
    await retire("2026-11-28");
    expect(stage.api.isProgrammed("www")).to.equal(true);
    stage.api.make("late");
    stage.api.make("www-late", { name: "www", value: "192.0.2.9" });
    await stage.says("late", "Accepted", "ZoneRetiring");
    await stage.says("www-late", "Accepted", "ZoneRetiring");
    expect(stage.api.condition("late", "Accepted")?.status).to.equal("False");
    stage.api.edit("www", { value: "192.0.2.2" });
    await stage.programmed("www");
    expect([stage.writer.addresses("www"), stage.writer.addresses("late")]).to.deep.equal([["192.0.2.2"], []]);
    expect(turn.operator.counts.retiring).to.equal(1);
  });

  it("may go, and are taken again once the mark is gone", async () => {
    await retire("2026-11-28");
    stage.api.make("late");
    await stage.says("late", "Accepted", "ZoneRetiring");
    stage.api.remove("www");
    await stage.gone("www");
    stage.relist([{ name: "a.example" }]);
    await stage.programmed("late");
    expect(turn.operator.counts.retiring).to.equal(0);
  });
});
