import { expect } from "chai";
import type { DnsFailure } from "../../../../src/dns/errors";
import { KubeError } from "../../../../src/kube/answer";
import { encodeMessage } from "../../../../src/dns/message";
import { updateMessage, type ZoneUpdate } from "../../../../src/dns/update";
import { addressAt } from "./fake-writer";
import { OperatorStage, type Turn } from "./operator-stage";

/** Refuses messages that have one of these names among their additions. */
const refusing =
  (failure: DnsFailure, ...names: readonly string[]) =>
  ({ changes }: ZoneUpdate): DnsFailure | undefined =>
    changes.some((each) => each.kind === "add" && names.includes(each.record.name)) ? failure : undefined;

describe("the record operator's updates", () => {
  let stage: OperatorStage;
  let turn: Turn;
  const names = Array.from({ length: 16 }, (_, i) => `n${i}`);

  beforeEach(() => {
    stage = new OperatorStage();
  });
  afterEach(() => turn.end());

  /** All objects are there when the operator starts, so that they make one message. */
  const startWith = (...made: readonly string[]): void => {
    for (const name of made) stage.api.make(name);
    turn = stage.turn();
  };

  for (const failure of [
    { kind: "refused" },
    { kind: "rcode", rcode: "FORMERR" },
    { kind: "tooLarge", limit: "octets" },
    { kind: "malformed", detail: "a name is too long" },
  ] satisfies DnsFailure[])
    it(`are halved when they fail with ${failure.kind}, until the culprit is alone and all others are served`, async () => {
      stage.writer.refusal = refusing(failure, "n5.a.example");
      startWith(...names);
      const others = names.filter((name) => name !== "n5");
      await stage.programmed(...others);
      await stage.says("n5", "Programmed", "UpdateRefused");
      // One of 16, and two of each size on the way down to one.
      expect(stage.writer.updates.slice(0, 9).map(({ prerequisites }) => prerequisites?.length)).to.deep.equal([
        16, 8, 4, 4, 2, 1, 1, 2, 8,
      ]);
      stage.writer.refusal = () => undefined;
      await stage.programmed("n5");
    });

  it("change a TTL alone, which a server takes for no change unless the serial is newer", async () => {
    startWith("www", "other");
    await stage.programmed("www", "other");
    stage.api.edit("www", { ttl: 300 });
    await stage.programmed("www");
    expect(stage.writer.ttls("www")).to.deep.equal([300]);
    expect(stage.writer.ttls("other")).to.deep.equal([60]);
  });

  it("find every one of several culprits", async () => {
    stage.writer.refusal = refusing({ kind: "refused" }, "n0.a.example", "n7.a.example", "n8.a.example");
    startWith(...names);
    await stage.programmed(...names.filter((name) => !["n0", "n7", "n8"].includes(name)));
    for (const name of ["n0", "n7", "n8"]) await stage.says(name, "Programmed", "UpdateRefused");
  });

  it("give up when the server refuses everything: then it is not the records", async () => {
    stage.writer.refusal = () => ({ kind: "refused" });
    startWith(...Array.from({ length: 64 }, (_, i) => `n${i}`));
    await stage.says("n0", "Programmed", "WriterRefuses");
    await stage.says("n63", "Programmed", "WriterRefuses");
    expect(turn.operator.counts).to.include({ writersAway: 1, waitingForWriter: 64 });
    expect(stage.writer.count("UPDATE")).to.be.below(64);
    stage.writer.refusal = () => undefined;
    await stage.programmed("n0", "n63");
  });

  it("are planned anew when somebody else was quicker, and overwrite nothing of theirs", async () => {
    startWith("www");
    let left = 1;
    stage.writer.beforeUpdate = () => {
      if (left-- > 0) stage.writer.change("a.example", { added: [addressAt("www.a.example", "203.0.113.1")] });
    };
    await stage.says("www", "Conflict", "ForeignRecords");
    expect(stage.writer.addresses("www")).to.deep.equal(["203.0.113.1"]);
    expect(stage.writer.updates).to.have.length(1);
  });

  it("of other names are made all the same when one plan is overtaken", async () => {
    let left = 1;
    stage.writer.beforeUpdate = () => {
      if (left-- > 0) stage.writer.change("a.example", { added: [addressAt("n3.a.example", "203.0.113.1")] });
    };
    startWith(...names);
    await stage.programmed(...names.filter((name) => name !== "n3"));
    await stage.says("n3", "Conflict", "ForeignRecords");
  });

  it("that are overtaken again and again wait, and are made when that ends", async () => {
    startWith("www");
    await stage.programmed("www");
    stage.api.edit("www", { value: "192.0.2.2" });
    let serial = 0;
    let isBusy = true;
    let before = addressAt("www.a.example", "192.0.2.1");
    stage.writer.beforeUpdate = () => {
      const next = addressAt("www.a.example", `203.0.113.${++serial}`);
      if (isBusy) stage.writer.change("a.example", { deleted: [before], added: [next] });
      before = next;
    };
    await stage.clock.until("many tries", () => serial >= 9);
    isBusy = false;
    await stage.programmed("www");
    expect(stage.writer.addresses("www")).to.deep.equal(["192.0.2.2"]);
  });

  it("that the server takes and does not make are no success", async () => {
    stage.writer.isDeaf = true;
    startWith("www");
    await stage.says("www", "Programmed", "UpdateRefused");
    expect(stage.api.condition("www", "Programmed")?.message).to.contain("does not have its records");
    stage.writer.isDeaf = false;
    await stage.programmed("www");
  });

  it("that cannot be sent are reported at the objects that wait for them, and at no other", async () => {
    startWith("stands");
    await stage.programmed("stands");
    stage.writer.silent.add("a.example");
    stage.api.make("waits");
    await stage.says("waits", "Programmed", "WriterUnreachable");
    expect(stage.api.isProgrammed("stands")).to.equal(true);
    stage.writer.silent.clear();
    await stage.programmed("waits");
  });

  it("of one zone wait for no other zone, whose server is silent", async () => {
    const zones = ["a.example", "slow.example", "slower.example", "z.example"].map((name) => ({ name }));
    stage = new OperatorStage({ zones });
    stage.writer.silent.add("slow.example").add("slower.example");
    for (const { name } of zones) stage.api.make(name.replace(".", "-"), { zone: name, name: "www" });
    turn = stage.turn();
    const began = stage.clock.now();
    await stage.programmed("a-example", "z-example");
    expect(stage.clock.now() - began).to.be.below(2000);
    stage.api.edit("z-example", { value: "192.0.2.9" });
    await stage.programmed("z-example");
    expect(stage.clock.now() - began).to.be.below(2000);
    await stage.says("slow-example", "Programmed", "WriterUnreachable");
    expect(turn.operator.stuck).to.deep.equal([]);
    stage.writer.silent.clear();
    await stage.programmed("slow-example", "slower-example");
  });

  it("go on when an object cannot be marked", async () => {
    stage.api.refusal = ({ kind, name }) =>
      kind === "mark" && name === "n1" ? new KubeError("a webhook says no") : undefined;
    startWith("n0", "n1", "n2");
    await stage.programmed("n0", "n2");
    expect(stage.writer.addresses("n1")).to.deep.equal([]);
    stage.api.refusal = () => undefined;
    await stage.programmed("n1");
  });

  describe("of two RRsets at one name that no message holds together", () => {
    const values = (form: (text: string) => string, letter: string): readonly string[] =>
      Array.from({ length: 64 }, (_, i) => form(`${i}`.padEnd(240, letter)));
    const texts = (letter: string) => ({
      name: "www",
      type: "TXT" as const,
      values: values((text) => `"${text}" "${text}" "${text}" "${text}"`, letter),
    });
    const issuers = (letter: string) => ({
      name: "www",
      type: "CAA" as const,
      values: values((text) => `0 issue "${text.repeat(4)}"`, letter),
    });
    const startWithBoth = (): void => {
      stage.api.make("texts", texts("a"));
      stage.api.make("issuers", issuers("a"));
      turn = stage.turn();
    };

    it("take two messages each time, also when all of it changes and goes", async () => {
      startWithBoth();
      await stage.programmed("texts", "issuers");
      stage.api.edit("texts", texts("b"));
      stage.api.edit("issuers", issuers("b"));
      await stage.programmed("texts", "issuers");
      stage.api.remove("texts");
      stage.api.remove("issuers");
      await stage.clock.until("both go", () => stage.writer.updates.length >= 6);
      for (const update of stage.writer.updates)
        expect(encodeMessage(updateMessage({ id: 1, ...update })).length).to.be.within(60_000, 65_000);
      expect(stage.writer.updates).to.have.length(6);
    });

    it("end with the first that is refused, since the next was planned on it", async () => {
      stage.writer.refusal = () => ({ kind: "refused" });
      startWithBoth();
      await stage.says("texts", "Programmed", "UpdateRefused");
      await stage.says("issuers", "Programmed", "UpdateRefused");
      const types = stage.writer.updates.flatMap(({ prerequisites = [] }) =>
        prerequisites.map((each) => ("type" in each ? each.type : each.kind)),
      );
      expect(new Set(types)).to.deep.equal(new Set(["CAA"]));
      stage.writer.refusal = () => undefined;
      await stage.programmed("texts", "issuers");
    });
  });
});
