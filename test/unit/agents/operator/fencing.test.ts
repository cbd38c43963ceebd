import { expect } from "chai";
import { KubeError } from "../../../../src/kube/answer";
import type { Condition } from "../../../../src/records/model";
import { addressAt } from "./fake-writer";
import { OperatorStage, type Turn } from "./operator-stage";

const condition = (fields: Pick<Condition, "status" | "reason" | "message">): Condition => ({
  type: "Programmed",
  observedGeneration: 1,
  lastTransitionTime: "2026-11-28T12:00:00Z",
  ...fields,
});

describe("the record operator, when it is not alone", () => {
  let stage: OperatorStage;
  let turns: Turn[];

  const start = (pod?: string, options?: { isUnending?: boolean }): Turn => {
    const turn = stage.turn(pod, options);
    turns.push(turn);
    return turn;
  };
  beforeEach(() => {
    stage = new OperatorStage();
    turns = [];
  });
  afterEach(() => Promise.all(turns.map(({ end }) => end())));

  const names = Array.from({ length: 60 }, (_, i) => `n${i}`);
  const reasons = (): Set<string | undefined> =>
    new Set(names.map((name) => stage.api.condition(name, "Programmed")?.reason));

  it("writes nothing once its turn is over, in the middle of its work, and reports no failure", async () => {
    const turn = start();
    await stage.clock.advance(100);
    stage.api.stall();
    for (const name of names) stage.api.make(name);
    await stage.clock.advance(20);
    await turn.end();
    stage.api.resume();
    await stage.clock.advance(60_000);
    expect(stage.api.writes).to.deep.equal([]);
    expect(stage.writer.updates).to.deep.equal([]);
    expect(stage.lines.filter((line) => !line.startsWith("info"))).to.deep.equal([]);
  });

  it("takes no DNS exchange that its end cut short for a server that is away", async () => {
    const turn = start();
    stage.api.make("www");
    await stage.programmed("www");
    stage.writer.silent.add("a.example");
    stage.api.edit("www", { value: "192.0.2.2" });
    stage.api.make("other");
    await stage.clock.advance(500);
    const writes = stage.api.writes.length;
    await turn.end();
    await stage.clock.advance(60_000);
    expect(stage.api.writes.slice(writes)).to.deep.equal([]);
    expect(stage.api.condition("other", "Programmed")).to.equal(undefined);
    expect(stage.lines.join("\n")).not.to.contain("cannot be");
  });

  it("drops the Events that wait when its turn is over", async () => {
    const turn = start();
    stage.api.refusal = ({ kind }) => {
      if (kind === "event") stage.api.stall();
      return undefined;
    };
    for (const name of names) stage.api.make(name, { zone: "nobody.test" });
    await stage.clock.until("Events wait", () => stage.api.written("status").length > 0);
    await turn.end();
    stage.api.resume();
    await stage.clock.advance(1000);
    expect(stage.api.written("event").length).to.be.at.most(2);
    expect(stage.lines.filter((line) => line.includes("an event was lost")).length).to.be.at.most(2);
  });

  it("does not write over what somebody wrote meanwhile: it looks again, and decides anew", async () => {
    start();
    await stage.clock.advance(100);
    stage.api.isWatchHeld = true;
    stage.api.make("www");
    stage.api.deliver();
    stage.api.isWatchHeld = true;
    stage.api.edit("www", { value: "192.0.2.7" });
    await stage.clock.advance(100);
    expect(stage.writer.addresses("www")).to.deep.equal([]);
    stage.api.deliver();
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.7"]);
  });

  it("writes a status to the version that it is about, and after a conflict to the one that came of it", async () => {
    start();
    let conflicts = 0;
    stage.api.refusal = ({ kind }) => {
      if (kind !== "status" || conflicts++ > 0) return undefined;
      stage.api.annotate("www", { note: "somebody's" });
      return undefined;
    };
    stage.api.make("www");
    await stage.programmed("www");
    expect(conflicts).to.be.above(1);
    expect(stage.api.written("status")).to.deep.equal(["www"]);
  });

  it("waits for the watch after a conflict that it has not brought yet", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    stage.api.isWatchHeld = true;
    stage.api.edit("www", { value: "192.0.2.2" });
    stage.api.deliver();
    await stage.clock.advance(2);
    stage.api.isWatchHeld = true;
    stage.api.edit("www", { value: "192.0.2.3" });
    await stage.clock.advance(5000);
    expect(stage.api.condition("www", "Programmed")?.observedGeneration).to.equal(1);
    stage.api.deliver();
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.3"]);
  });

  it("does not take its own writes, which a slow watch brings late, for news", async () => {
    start();
    await stage.clock.advance(100);
    stage.api.make("www");
    await stage.clock.advance(0);
    stage.api.isWatchHeld = true;
    await stage.programmed("www");
    const writes = stage.api.writes.length;
    stage.api.deliver();
    await stage.clock.advance(60_000);
    expect(stage.api.writes.length).to.equal(writes);
    expect(stage.writer.count("UPDATE")).to.equal(1);
  });

  it("corrects a status that somebody overwrote, and goes by its own memory of what it applied", async () => {
    start();
    stage.api.make("www");
    await stage.programmed("www");
    const right = stage.api.find("www")?.status;
    stage.api.overwrite("www", {
      observedGeneration: 1,
      conditions: [condition({ status: "False", reason: "WriterUnreachable", message: "aborted" })],
    });
    await stage.programmed("www");
    expect(stage.api.find("www")?.status?.applied).to.deep.equal(right?.applied);
    stage.api.remove("www");
    await stage.gone("www");
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("corrects what a deposed leader, which does not know it yet, writes over its statuses", async () => {
    const deposed = start("operator-0", { isUnending: true });
    for (const name of names) stage.api.make(name);
    await stage.programmed(...names);
    // Its next writes are on their way when the other one takes over.
    stage.api.stall();
    stage.writer.silent.add("a.example");
    for (const name of names) stage.api.edit(name, { value: "192.0.2.2" });
    await stage.clock.advance(8000);
    stage.writer.silent.clear();
    start("operator-1");
    stage.api.resume();
    await stage.programmed(...names);
    await deposed.end();
    await stage.clock.advance(60_000);
    expect(reasons()).to.deep.equal(new Set(["AllSites"]));
    expect(stage.writer.addresses("n7")).to.deep.equal(["192.0.2.2"]);
  });

  it("argues with no other site's operator about an object that is not its own", async () => {
    start();
    stage.api.make("abroad", { zone: "b.example" });
    await stage.says("abroad", "Accepted", "ZoneOfAnotherSite");
    const theirs = condition({ status: "True", reason: "AllSites", message: "" });
    stage.api.overwrite("abroad", { observedGeneration: 1, conditions: [theirs] });
    await stage.clock.advance(1_200_000);
    expect(stage.api.says("abroad", "Programmed", "AllSites")).to.equal(true);
    stage.api.edit("abroad", { value: "192.0.2.2" });
    await stage.says("abroad", "Accepted", "ZoneOfAnotherSite");
  });

  it("starts among objects that stand without writing anything", async () => {
    const first = start();
    for (const name of names) stage.api.make(name);
    await stage.programmed(...names);
    await first.end();
    const [writes, updates] = [stage.api.writes.length, stage.writer.count("UPDATE")];
    const second = start("operator-1");
    await stage.clock.advance(60_000);
    expect([stage.api.writes.length, stage.writer.count("UPDATE")]).to.deep.equal([writes, updates]);
    expect(second.operator.counts).to.include({ records: names.length, waiting: 0 });
    expect(stage.lines.filter((line) => line.includes("caught up"))).to.have.length(2);
  });

  it("goes on where another one died between the server and the status, by its intent", async () => {
    const first = start();
    stage.api.refusal = ({ kind }) => (kind === "status" ? new KubeError("away") : undefined);
    stage.api.make("www");
    await stage.clock.until("at the server", () => stage.writer.addresses("www").length === 1);
    await first.end();
    stage.api.refusal = () => undefined;
    expect(stage.api.find("www")?.status).to.equal(undefined);
    start("operator-1");
    await stage.programmed("www");
    expect(stage.writer.count("UPDATE")).to.equal(1);
  });

  it("writes a new intent when an object changes before its first status stands", async () => {
    const first = start();
    stage.api.refusal = ({ kind }) => (kind === "status" ? new KubeError("away") : undefined);
    stage.api.make("www");
    await stage.clock.until("at the server", () => stage.writer.addresses("www").length === 1);
    stage.api.edit("www", { value: "192.0.2.2" });
    await stage.clock.until("changed", () => stage.writer.addresses("www")[0] === "192.0.2.2");
    await first.end();
    stage.api.refusal = () => undefined;
    start("operator-1");
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.2"]);
  });

  it("takes back nothing of what changed at the server while nobody led", async () => {
    const first = start();
    stage.api.make("www");
    await stage.programmed("www");
    await first.end();
    stage.writer.change("a.example", { added: [addressAt("theirs.a.example", "203.0.113.1")] });
    stage.api.edit("www", { value: "192.0.2.2" });
    start("operator-1");
    await stage.programmed("www");
    expect([stage.writer.addresses("www"), stage.writer.addresses("theirs")]).to.deep.equal([
      ["192.0.2.2"],
      ["203.0.113.1"],
    ]);
  });

  it("serves on when the API server fails for a while", async () => {
    start();
    stage.api.refusal = () => new KubeError("the Kubernetes API is away");
    stage.api.make("www");
    await stage.clock.advance(20_000);
    stage.api.refusal = () => undefined;
    await stage.programmed("www");
  });
});
