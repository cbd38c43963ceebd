import { expect } from "chai";
import { OperatorStage, type Turn } from "./operator-stage";
import { addressAt } from "./fake-writer";

const zone = "a.example";

describe("DnsRecords while the writer of their zone is away", () => {
  let stage: OperatorStage;
  let turn: Turn;

  beforeEach(async () => {
    stage = new OperatorStage({ zones: [{ name: zone }, { name: "z.example" }] });
    turn = stage.turn();
    for (const name of ["stands", "changes", "goes"]) stage.api.make(name);
    stage.api.make("elsewhere", { zone: "z.example", name: "www" });
    await stage.programmed("stands", "changes", "goes", "elsewhere");
    stage.writer.silent.add(zone);
  });
  afterEach(() => turn.end());

  const waits = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await stage.says(name, "Programmed", "WriterUnreachable");
  };
  const message = (name: string): string => stage.api.condition(name, "Programmed")?.message ?? "";
  const events = (name: string) =>
    stage.api.writes
      .filter((write) => write.kind === "event" && write.name === name)
      .map(({ body }) => body["reason"] as string);

  function change(): void {
    stage.api.make("new");
    stage.api.edit("changes", { value: "192.0.2.2" });
    stage.api.remove("goes");
  }

  it("say for what they wait, since when, and what is to be done; what stands already says nothing", async () => {
    change();
    await waits("new", "changes", "goes");
    const [, since = ""] = /since (\S+Z): no answer/.exec(message("new")) ?? [];
    expect(Date.parse(since)).to.be.within(stage.clock.now() - 60_000, stage.clock.now());
    expect(message("changes")).to.match(
      /^it waits for pod 0 of the site \(knot-0\), which takes the changes of "a\.example"/,
    );
    expect(message("goes"))
      .to.match(/^its removal waits for pod 0/)
      .and.contain("docs/runbooks/pod-0-lost.md");
    expect(stage.api.isProgrammed("stands", "elsewhere")).to.equal(true);
  });

  it("say so once, with one Event each, however often it is tried, also under another leader", async () => {
    change();
    await waits("new", "changes", "goes");
    const [said, writes] = [message("goes"), stage.api.writes.length];
    await stage.clock.advance(300_000);
    expect(stage.api.writes.length).to.equal(writes);
    for (const name of ["new", "changes", "goes"])
      expect(
        events(name).filter((reason) => reason === "WriterUnreachable"),
        name,
      ).to.have.length(1);
    await turn.end();
    turn = stage.turn("operator-1");
    await stage.clock.advance(120_000);
    expect(message("goes")).to.equal(said);
    expect(stage.api.writes.length).to.equal(writes);
  });

  it("are counted by zone and by object, nothing once the writer is back", async () => {
    await stage.clock.advance(20_000);
    expect(turn.operator.counts).to.include({ writersAway: 1, waitingForWriter: 0 });
    change();
    await waits("new", "changes", "goes");
    expect(turn.operator.counts).to.include({ writersAway: 1, waitingForWriter: 3 });
    const text = stage.metrics.render({
      ...turn.operator.counts,
      apiReads: 0,
      apiWrites: 0,
      leaseRequests: 0,
      dnsRequests: 0,
    });
    expect(text).to.contain("dns_mesh_records_writer_away 1\n").and.contain("dns_mesh_records_waiting_for_writer 3\n");
    stage.writer.silent.clear();
    await stage.programmed("new", "changes");
    await stage.gone("goes");
    expect(turn.operator.counts).to.include({ writersAway: 0, waitingForWriter: 0 });
    expect(events("new").at(-1)).to.equal("AllSites");
  });

  it("are counted no longer once a look is answered, where a look was refused and nothing waits", async () => {
    stage.writer.silent.clear();
    stage.writer.refusing.add(zone);
    await stage.clock.advance(20_000);
    expect(turn.operator.counts).to.include({ writersAway: 1, waitingForWriter: 0 });
    stage.writer.refusing.clear();
    await stage.clock.advance(20_000);
    expect(turn.operator.counts).to.include({ writersAway: 0, waitingForWriter: 0 });
  });

  it("say what holds them now, and since when anything does: first refusals, then silence", async () => {
    stage.writer.silent.clear();
    stage.writer.refusing.add(zone);
    change();
    for (const name of ["new", "changes", "goes"]) await stage.says(name, "Programmed", "WriterRefuses");
    const since = /since (\S+Z)/.exec(message("new"))?.[1] ?? "none";
    stage.writer.silent.add(zone);
    await waits("new", "changes", "goes");
    expect(message("new")).to.contain(`since ${since}: no answer`);
    stage.writer.refusing.clear();
    stage.writer.silent.clear();
    const back = stage.clock.now();
    await stage.programmed("new", "changes");
    expect(stage.clock.now() - back).to.be.below(10_000);
  });

  it("say one time since when, as long as looks are answered and updates are not", async () => {
    stage.writer.silent.clear();
    stage.writer.silentTo.add("UPDATE");
    change();
    await waits("new", "changes", "goes");
    const [said, writes] = [message("new"), stage.api.writes.length];
    await stage.clock.advance(300_000);
    expect(turn.operator.counts).to.include({ writersAway: 1, waitingForWriter: 3 });
    expect([message("new"), stage.api.writes.length]).to.deep.equal([said, writes]);
    stage.writer.silentTo.clear();
    await stage.programmed("new", "changes");
    expect(turn.operator.counts).to.include({ writersAway: 0, waitingForWriter: 0 });
  });

  it("have a change by hand mended that was found while another one was tried in vain", async () => {
    stage.writer.silent.clear();
    await stage.clock.advance(20_000);
    stage.writer.silentTo.add("UPDATE");
    stage.api.edit("changes", { value: "192.0.2.2" });
    const deleted = stage.writer.addresses("stands").map((address) => addressAt(`stands.${zone}`, address));
    stage.writer.change(zone, { deleted, added: [addressAt(`stands.${zone}`, "192.0.2.99")] });
    await stage.clock.advance(60_000);
    stage.writer.silentTo.clear();
    await stage.clock.advance(60_000);
    expect(stage.writer.addresses("stands").map((address) => addressAt(`stands.${zone}`, address))).to.deep.equal(
      deleted,
    );
  });

  it("go on with the first look that the writer answers, whatever the last attempt's pause was", async () => {
    for (const [n, seconds] of [200, 203, 206, 209, 212, 215, 218, 221, 224, 227, 230].entries()) {
      stage.writer.silent.add(zone);
      stage.api.edit("changes", { value: `192.0.2.1${n}` });
      await stage.clock.advance(seconds * 1000);
      stage.writer.silent.clear();
      const back = stage.clock.now();
      await stage.programmed("changes");
      expect(stage.clock.now() - back).to.be.below(10_000);
    }
  });
});
