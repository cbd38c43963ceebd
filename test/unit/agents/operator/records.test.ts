import { expect } from "chai";
import { addressAt } from "./fake-writer";
import { OperatorStage, type Turn } from "./operator-stage";

describe("the record operator", () => {
  let stage: OperatorStage;
  let turn: Turn;

  const start = (options: ConstructorParameters<typeof OperatorStage>[0] = {}): void => {
    stage = new OperatorStage(options);
    turn = stage.turn();
  };
  afterEach(() => turn.end());

  it("marks an object, changes the server, notifies the agent, and reports once every site answers", async () => {
    start();
    stage.sites.pod("b").behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(stage.api.condition("www", "Programmed")?.message).to.contain("b").and.not.contain("pod");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    delete stage.sites.pod("b").behind;
    await stage.programmed("www");
    expect(stage.api.writes.map(({ kind }) => kind)).to.deep.equal(["mark", "status", "status"]);
    expect([stage.announced, stage.writer.count("UPDATE")]).to.deep.equal([1, 1]);
    expect(stage.api.find("www")?.status?.applied?.values).to.deep.equal(["192.0.2.1"]);
  });

  it("writes each of many objects twice, once for a change, once for its end, and nothing at rest", async () => {
    start();
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const writes = async (work: () => Promise<void>): Promise<number> => {
      const before = stage.api.writes.length;
      await work();
      await stage.clock.advance(60_000);
      return stage.api.writes.length - before;
    };
    const made = writes(async () => {
      for (const name of names) stage.api.make(name);
      await stage.programmed(...names);
    });
    expect(await made).to.equal(2 * names.length);
    const changed = writes(async () => {
      for (const name of names) stage.api.edit(name, { value: "192.0.2.2" });
      await stage.programmed(...names);
    });
    expect(await changed).to.equal(names.length);
    const removed = writes(async () => {
      for (const name of names) stage.api.remove(name);
      await stage.gone(...names);
    });
    expect(await removed).to.equal(names.length);
    expect(await writes(() => Promise.resolve())).to.equal(0);
  });

  it("asks at rest for serials, and once a minute for the epoch", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    await stage.clock.advance(10_000);
    const [asked, questions] = [stage.writer.asked.length, stage.sites.questions];
    await stage.clock.advance(60_000);
    const since = stage.writer.asked.slice(asked);
    const serials = ["SOA a.example", "SOA dns.internal", "SOA catalog.internal.dns"];
    expect(new Set(since)).to.deep.equal(new Set([...serials, "TXT dns.internal"]));
    expect(since.filter((each) => each.startsWith("TXT"))).to.have.length(1);
    expect(stage.sites.questions).to.equal(questions);
  });

  it("makes one RRset of several objects, with the TTL of the first, and takes away just what one of them had", async () => {
    start();
    stage.api.make("one", { name: "www", ttl: 60 });
    await stage.programmed("one");
    stage.api.make("two", { name: "www", ttl: 300, value: "192.0.2.2" });
    await stage.programmed("two");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1", "192.0.2.2"]);
    expect(stage.api.condition("two", "Conflict")?.message).to.contain("60").and.contain("dns-system/one");
    stage.api.remove("one");
    await stage.gone("one");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.2"]);
  });

  it("sends changes that come together in one message", async () => {
    start();
    const names = Array.from({ length: 30 }, (_, i) => `n${i}`);
    for (const name of names) stage.api.make(name);
    await stage.programmed(...names);
    expect(stage.writer.count("UPDATE")).to.be.at.most(2);
  });

  it("leaves what somebody else put there, says so, and takes it over when an object adopts it", async () => {
    start();
    stage.writer.change("a.example", { added: [addressAt("www.a.example", "203.0.113.1")] });
    stage.api.make("www");
    await stage.says("www", "Conflict", "ForeignRecords");
    expect(stage.api.find("www")?.metadata.finalizers ?? []).to.deep.equal([]);
    expect(stage.writer.addresses("www")).to.deep.equal(["203.0.113.1"]);
    stage.api.annotate("www", { "dns.mesh.io/adopt": "true" });
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
  });

  it("lets the first keep a name that a CNAME does not share, and the other have it afterwards", async () => {
    start();
    stage.api.make("first", { name: "www" });
    await stage.programmed("first");
    stage.api.make("second", { name: "www", type: "CNAME", value: "elsewhere.test." });
    await stage.says("second", "Conflict", "OtherObject");
    stage.api.remove("first");
    await stage.programmed("second");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("keeps what was applied last of an object that is edited into something invalid", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    stage.api.edit("www", { value: "not-an-address" });
    await stage.says("www", "Accepted", "InvalidSpec");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    expect(stage.api.find("www")?.status?.applied?.values).to.deep.equal(["192.0.2.1"]);
    stage.api.remove("www");
    await stage.gone("www");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("says why a zone is not served here, once the mesh is known", async () => {
    start();
    stage.api.make("lost", { zone: "nobody.test" });
    stage.api.make("abroad", { zone: "b.example" });
    await stage.says("lost", "Accepted", "UnknownZone");
    await stage.says("abroad", "Accepted", "ZoneOfAnotherSite");
    expect(stage.api.condition("abroad", "Accepted")?.message).to.contain("is a zone of b");
    expect(stage.api.written("status")).to.have.members(["lost", "abroad"]);
    for (const name of ["lost", "abroad"]) stage.api.remove(name);
    await stage.gone("lost", "abroad");
  });

  it("mends what somebody changed by hand, and counts it", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    const mine = addressAt("www.a.example", "192.0.2.1");
    stage.writer.change("a.example", { deleted: [mine], added: [addressAt("www.a.example", "203.0.113.1")] });
    stage.writer.change("a.example", { added: [addressAt("other.a.example", "203.0.113.1")] });
    await stage.clock.until("mended", () => stage.writer.addresses("www")[0] === "192.0.2.1");
    expect(stage.writer.addresses("other")).to.deep.equal(["203.0.113.1"]);
    expect(stage.metrics.drift).to.equal(1);
  });

  it("reads the zone anew when its serial went back, and puts what is missing there", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    stage.writer.serve("a.example", [], 1);
    await stage.clock.until("put back", () => stage.writer.addresses("www").length === 1);
  });

  describe("with two namespaces", () => {
    it("serves both, whose objects share the site's zones, and sees no other", async () => {
      start({ namespaces: ["dns-system", "team-a"] });
      stage.api.make("www", { value: "192.0.2.1" }, { namespace: "team-a" });
      stage.api.make("theirs", {}, { namespace: "team-b" });
      await stage.clock.until(
        "served",
        () => stage.api.condition("www", "Programmed", "team-a")?.reason === "AllSites",
      );
      stage.api.make("www", { type: "CNAME", value: "elsewhere.test." });
      await stage.says("www", "Conflict", "OtherObject");
      expect(stage.api.condition("www", "Conflict")?.message).to.contain("team-a/www");
      expect(stage.api.find("theirs", "team-b")?.status).to.equal(undefined);
    });

    it("goes on beside one that it may not list", async () => {
      stage = new OperatorStage({ namespaces: ["dns-system", "team-a"] });
      stage.api.forbidden.add("team-a");
      turn = stage.turn();
      stage.api.make("www");
      await stage.programmed("www");
      expect(turn.operator.isServing).to.equal(true);
      expect(stage.lines.join("\n")).to.contain("team-a").and.contain("403");
    });
  });

  it("is not serving as long as it may list nothing", async () => {
    stage = new OperatorStage();
    stage.api.forbidden.add("dns-system");
    turn = stage.turn();
    await stage.clock.advance(10_000);
    expect(turn.operator.isServing).to.equal(false);
  });

  it("counts what it does", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    await stage.clock.advance(30_000);
    const { looks, ...counts } = turn.operator.counts;
    const none = { waiting: 0, retiring: 0, writersAway: 0, waitingForWriter: 0 };
    expect(counts).to.deep.equal({ records: 1, ...none, isMeshRefused: false, sourcesUnlisted: 0 });
    expect(looks).to.be.within(5, 7);
    expect(turn.operator.stuck).to.deep.equal([]);
  });
});
