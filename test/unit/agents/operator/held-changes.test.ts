import { expect } from "chai";
import type { ZoneUpdate } from "../../../../src/dns/update";
import { OperatorStage, type Turn } from "./operator-stage";

describe("DnsRecords whose removal the zone's guard holds", () => {
  const names = Array.from({ length: 16 }, (_, i) => `n${i}`);
  let stage: OperatorStage;
  let turn: Turn;
  /** How long ago the agent held a change, by its own clock. */
  let lastMsAgo: number;

  /** As a guard does that lets no name go. */
  const guard = ({ changes }: ZoneUpdate) => {
    const added = new Set(changes.flatMap((each) => (each.kind === "add" ? each.record.name : [])));
    if (!changes.some((each) => each.kind === "deleteRrset" && !added.has(each.name))) return undefined;
    const held = { zone: "a.example", message: "a change is held", since: "2026-11-28T12:00:00Z", lastMsAgo, tries: 1 };
    stage.held = [held];
    return { kind: "rcode", rcode: "SERVFAIL" } as const;
  };

  beforeEach(async () => {
    stage = new OperatorStage();
    lastMsAgo = 0;
    for (const name of [...names, "stays"]) stage.api.make(name);
    turn = stage.turn();
    await stage.programmed(...names, "stays");
    stage.writer.refusal = guard;
    stage.writer.updates.length = 0;
  });
  afterEach(() => turn.end());

  it("say so, once each, are not tried in smaller parts, and go once the guard lets them", async () => {
    for (const name of names) stage.api.remove(name);
    for (const name of names) await stage.says(name, "Programmed", "ChangeHeld");
    expect(stage.writer.updates).to.have.length(1);
    expect(stage.api.condition("n0", "Programmed")?.message).to.equal("a change is held");
    const writes = stage.api.writes.length;
    await stage.clock.advance(300_000);
    expect(stage.writer.addresses("n3")).to.deep.equal(["192.0.2.1"]);
    // One Event each follows the statuses.
    expect(stage.api.writes.length).to.be.at.most(writes + names.length);
    expect(stage.api.written("event").filter((name) => name === "n3")).to.have.length(1);
    stage.writer.refusal = () => undefined;
    await stage.gone(...names);
    expect(stage.writer.addresses("n3")).to.deep.equal([]);
  });

  it("hold up nothing else, that comes in the same message", async () => {
    for (const name of names) stage.api.remove(name);
    stage.api.make("new");
    stage.api.edit("stays", { value: "192.0.2.9" });
    await stage.programmed("new", "stays");
    await stage.says("n0", "Programmed", "ChangeHeld");
  });

  it("are not what a record becomes that gets another type", async () => {
    for (const name of names) stage.api.remove(name);
    stage.api.edit("stays", { type: "AAAA", value: "2001:db8::1" });
    await stage.programmed("stays");
    await stage.says("n0", "Programmed", "ChangeHeld");
  });

  it("are refused as others are when the agent says nothing of a guard", async () => {
    stage.writer.refusal = (update) => {
      const failure = guard(update);
      stage.held = [];
      return failure;
    };
    for (const name of names) stage.api.remove(name);
    await stage.clock.advance(10_000);
    expect(stage.writer.updates.length).to.be.above(names.length);
    expect(stage.api.condition("n0", "Programmed")?.reason).to.equal("AllSites");
  });

  it("are refused as others are when what the agent held was another change, before", async () => {
    lastMsAgo = 1;
    for (const name of names) stage.api.remove(name);
    await stage.clock.advance(10_000);
    expect(stage.writer.updates.length).to.be.above(names.length);
    expect(stage.api.condition("n0", "Programmed")?.reason).to.equal("AllSites");
  });
});
