import { expect } from "chai";
import { SitePods } from "../../../../src/agents/operator/site-pods";
import { OperatorStage, type StageOptions, type Turn } from "./operator-stage";

describe("Programmed", () => {
  let stage: OperatorStage;
  let turn: Turn;

  const start = (options: StageOptions = {}): void => {
    stage = new OperatorStage(options);
    turn = stage.turn();
  };
  const message = (name: string): string => stage.api.condition(name, "Programmed")?.message ?? "";
  afterEach(() => turn.end());

  it("means that every pod of every site answers, where a balancer hides them", async () => {
    start({ pods: { b: 2, c: 3 } });
    stage.sites.pod("b", 1).behind = 1;
    stage.sites.pod("c", 2).behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(message("www")).to.contain("b pod 1, c pod 2").and.not.contain("b pod 0");
    delete stage.sites.pod("b", 1).behind;
    await stage.clock.advance(5000);
    expect(stage.api.isProgrammed("www")).to.equal(false);
    expect(message("www")).to.contain("c pod 2").and.not.contain("b pod 1");
    delete stage.sites.pod("c", 2).behind;
    await stage.programmed("www");
    expect(message("www")).to.equal("every site of the mesh answers it");
  });

  it("names a site as a whole when none of its pods has it", async () => {
    start({ pods: { b: 2 } });
    for (const ordinal of [0, 1]) stage.sites.pod("b", ordinal).behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(message("www")).to.match(/not yet: b$/);
  });

  it("does not wait for ever for a pod that no question reaches, names it, and asks for it again", async () => {
    start({ pods: { b: 2 } });
    stage.api.make("before");
    await stage.programmed("before");
    stage.sites.pod("b", 1).isDown = true;
    const began = stage.clock.now();
    stage.api.make("www");
    await stage.says("www", "Programmed", "PodsUnknown");
    expect(stage.clock.now() - began).to.be.below(10_000);
    expect(stage.api.condition("www", "Programmed")?.status).to.equal("True");
    expect(message("www")).to.equal("every pod that could be asked answers it; not known: b pod 1");
    stage.sites.pod("b", 1).isDown = false;
    await stage.programmed("www");
  });

  it("learns at once of the next objects while such a pod is away, at few questions", async () => {
    start({ pods: { b: 2 } });
    stage.api.make("before");
    await stage.programmed("before");
    stage.sites.pod("b", 1).isDown = true;
    stage.api.make("first");
    await stage.says("first", "Programmed", "PodsUnknown");
    const [began, questions] = [stage.clock.now(), stage.sites.questions];
    stage.api.make("second");
    await stage.says("second", "Programmed", "PodsUnknown");
    expect(stage.clock.now() - began).to.be.below(1000);
    await stage.clock.advance(600_000);
    expect(stage.sites.questions - questions).to.be.below(100);
    expect(stage.api.written("status").filter((name) => name === "second")).to.have.length(1);
  });

  it("stays what it was for objects that every pod had, when one is away as the operator starts", async () => {
    start({ pods: { b: 2 } });
    stage.api.make("www");
    await stage.programmed("www");
    await turn.end();
    stage.sites.pod("b", 1).isDown = true;
    const writes = stage.api.writes.length;
    turn = stage.turn("operator-1");
    await stage.clock.advance(120_000);
    expect(stage.api.writes.length).to.equal(writes);
    expect(turn.operator.counts.waiting).to.equal(0);
  });

  it("goes by the pods that a site has after it was scaled, up and down", async () => {
    start({ pods: { b: 1 } });
    stage.api.make("one");
    await stage.programmed("one");
    stage.sites.scale("b", 3);
    stage.sites.pod("b", 2).behind = 1;
    stage.api.make("three");
    await stage.says("three", "Programmed", "Propagating");
    expect(message("three")).to.contain("b pod 2");
    delete stage.sites.pod("b", 2).behind;
    await stage.programmed("three");
    stage.sites.scale("b", 1);
    stage.api.make("again");
    await stage.programmed("again");
  });

  it("takes one question a site where each has one pod, from one port", async () => {
    start();
    stage.api.make("first");
    await stage.programmed("first");
    const before = stage.sites.questions;
    stage.api.make("www");
    await stage.programmed("www");
    expect(stage.sites.questions - before).to.equal(3);
    expect([...stage.sites.anew]).to.deep.equal([]);
  });

  it("asks a site that has it no more while it waits for another", async () => {
    start({ pods: { b: 2 } });
    stage.sites.pod("c").behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    const before = stage.sites.anew.get("b");
    await stage.clock.advance(20_000);
    expect(stage.sites.anew.get("b")).to.equal(before);
    delete stage.sites.pod("c").behind;
    await stage.programmed("www");
  });

  it("counts a site whose server does not name its pods by what it answers", async () => {
    stage = new OperatorStage();
    stage.sites.add("b", { address: "192.0.2.2", pods: 1, isNamed: false });
    turn = stage.turn();
    stage.sites.pod("b").behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(message("www")).to.match(/not yet: b$/);
    delete stage.sites.pod("b").behind;
    await stage.programmed("www");
  });

  it("asks each pod of its own site by itself", async () => {
    const pods = ["10.96.0.1", "10.96.0.2"].map((address) => ({ address, port: 53 }));
    stage = new OperatorStage({ pods: { a: 2 } });
    stage.mount({ pods });
    for (const [ordinal, { address }] of pods.entries()) stage.sites.addDirect("a", ordinal, address);
    turn = stage.turn();
    stage.sites.pod("a", 1).behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(message("www")).to.contain("a pod 1");
    delete stage.sites.pod("a", 1).behind;
    await stage.programmed("www");
    expect(stage.sites.anew.get("a") ?? 0).to.be.below(3);
    stage.sites.pod("a", 1).isDown = true;
    stage.api.make("other");
    await stage.says("other", "Programmed", "PodsUnknown");
    expect(message("other")).to.contain("not known: a pod 1");
    stage.sites.pod("a", 1).isDown = false;
    await stage.programmed("other");
  });

  it("waits for a silent site for a while only, and becomes AllSites when it is back", async () => {
    start({ pods: { b: 2 } });
    for (const ordinal of [0, 1]) stage.sites.pod("b", ordinal).isDown = true;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    await stage.says("www", "Programmed", "SitesAway");
    expect(message("www")).to.contain("away: b").and.not.contain("pod");
    for (const ordinal of [0, 1]) stage.sites.pod("b", ordinal).isDown = false;
    const began = stage.clock.now();
    await stage.programmed("www");
    expect(stage.clock.now() - began).to.be.below(10_000);
  });

  it("waits for sites that a directory has lost, more at once than may leave", async () => {
    start();
    stage.api.make("before");
    await stage.programmed("before");
    stage.publish({ ...stage.mesh, sites: stage.mesh.sites.filter(({ name }) => name === "a") });
    await stage.clock.advance(10_000);
    stage.sites.pod("c").behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    await stage.clock.advance(20_000);
    expect(stage.api.isProgrammed("www")).to.equal(false);
    expect(message("www")).to.match(/not yet: c$/);
    delete stage.sites.pod("c").behind;
    await stage.programmed("www");
  });

  it("is Unknown as long as the agent does not say that it follows the list, but where all sites had the object", async () => {
    start();
    stage.api.make("before");
    await stage.programmed("before");
    await turn.end();
    stage.isAgentAway = true;
    turn = stage.turn();
    const written = stage.api.written("status").length;
    stage.api.make("www");
    await stage.says("www", "Programmed", "MeshUnknown");
    await stage.clock.advance(20_000);
    expect(stage.api.isProgrammed("before")).to.equal(true);
    expect(stage.api.written("status").slice(written)).to.deep.equal(["www"]);
    stage.isAgentAway = false;
    await stage.programmed("www", "before");
    expect(stage.api.written("status").slice(written)).to.deep.equal(["www", "www"]);
  });

  it("is Unknown as long as the list of sites cannot be read", async () => {
    stage = new OperatorStage();
    stage.writer.silent.add("dns.internal");
    turn = stage.turn();
    stage.api.make("www");
    await stage.says("www", "Programmed", "MeshUnknown");
    expect(stage.api.condition("www", "Programmed")?.status).to.equal("Unknown");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.1"]);
    stage.writer.silent.clear();
    await stage.programmed("www");
  });
});

describe("the pods of a site", () => {
  const heard = (...answers: readonly (readonly [ordinal: number, replicas: number])[]): SitePods => {
    const pods = new SitePods();
    for (const [ordinal, replicas] of answers) pods.note({ ordinal, replicas });
    return pods;
  };
  const times = (n: number, answer: readonly [number, number]) => Array.from({ length: n }, () => answer);

  it("are unknown at first", () => {
    expect(heard().replicas).to.equal(0);
  });

  it("are as many as any of them says", () => {
    expect(heard([0, 1]).replicas).to.equal(1);
    expect(heard([0, 1], [1, 2]).replicas).to.equal(2);
  });

  it("are out of reach after many answers of the others, until they answer", () => {
    const pods = heard(...times(15, [0, 2]));
    expect(pods.isOutOfReach(1)).to.equal(false);
    pods.note({ ordinal: 0, replicas: 2 });
    expect(pods.isOutOfReach(1)).to.equal(true);
    pods.note({ ordinal: 1, replicas: 2 });
    expect([pods.isOutOfReach(0), pods.isOutOfReach(1)]).to.deep.equal([false, false]);
  });

  it("are gone when the others say that there are fewer, and they have been silent for long", () => {
    const pods = heard([2, 3], [0, 1]);
    expect(pods.replicas).to.equal(3);
    for (const answer of times(24, [0, 1])) pods.note({ ordinal: answer[0], replicas: answer[1] });
    expect(pods.replicas).to.equal(1);
  });

  it("are out of reach at once when an address of their own does not answer", () => {
    const pods = heard([0, 2], [1, 2]);
    pods.miss(1);
    expect([pods.replicas, pods.isOutOfReach(1)]).to.deep.equal([2, true]);
  });
});
