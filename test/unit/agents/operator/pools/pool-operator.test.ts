import { expect } from "chai";

import { KubeError } from "../../../../../src/kube/answer";
import { poolOf, type PoolSite, PoolStage } from "./pool-stage";

const [first, second, third, single] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"] as const;

/** Three sites, the first with these pools, all of them answered. */
class Mesh implements AsyncDisposable {
  readonly stage = new PoolStage("a", "b", "c");
  readonly sites = ["a", "b", "c"].map((name) => this.stage.start(name));

  static async with(...names: readonly string[]): Promise<Mesh> {
    const mesh = new Mesh();
    for (const name of names) mesh.stage.api.make(name, poolOf(name, [first, second]));
    await mesh.until("all are answered", () => names.every((name) => mesh.isSettled(name)));
    return mesh;
  }

  /** Whether a pool is answered, and seen by all. */
  isSettled(name: string): boolean {
    const { targets = [] } = this.stage.api.status(name);
    const seen = targets.map(({ up = [], down = [] }) => up.length + down.length);
    return this.stage.api.isReady(name) && seen.length > 0 && seen.every((each) => each === 3);
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.stage.clock.until(what, holds);
  }

  async restart(name: string): Promise<void> {
    const i = this.sites.findIndex((site) => site.name === name);
    await this.sites[i]?.end();
    this.sites[i] = this.stage.start(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.sites.map((site) => site.end()));
  }
}

describe("the operator of pools", () => {
  it("leads to another target once most sites see that one down, and back", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage } = mesh;
    stage.down.add(`b ${first}`);
    await stage.clock.advance(10_000);
    expect(stage.api.answer("shop")).to.deep.equal([first]);
    stage.down.add(`c ${first}`);
    await mesh.until("most see it down", () => stage.api.answer("shop").join() === second);
    stage.down.clear();
    await mesh.until("all see it up", () => stage.api.answer("shop").join() === first);
  });

  it("tells others what its former leader saw, and takes none of it back", async () => {
    await using mesh = await Mesh.with("shop", "mail");
    const { stage } = mesh;
    await stage.clock.advance(5000);
    const before = stage.writer.updates.length;
    for (const name of ["a", "b"]) await mesh.restart(name);
    await stage.clock.advance(10_000);
    const changes = stage.writer.updates.slice(before).flatMap((update) => update.changes);
    const names = new Set(changes.flatMap((each) => (each.kind === "add" ? each.record.name : [])));
    expect([...names].toSorted()).to.deep.equal(["a", "b", "c"].map((site) => `beat._pools.${site}.example`));
    expect(changes.filter((each) => each.kind === "deleteRrset" && !names.has(each.name))).to.deep.equal([]);
    expect(stage.api.answer("shop")).to.deep.equal([first]);
  });

  it("takes none of it back whenever a new leader comes to know its own pools", async () => {
    await using mesh = await Mesh.with("shop", "mail");
    const { stage } = mesh;
    // What is seen of it has a new leader tell something as soon as it knows its own.
    stage.apiOf("b").make("blog", { ...poolOf("blog", [first, third]), zone: "b.example" });
    await stage.clock.advance(5000);
    for (let ms = 0; ms < 200; ms += 9) {
      const before = stage.writer.updates.length;
      let list = (): void => undefined;
      stage.api.poolsListed = new Promise<void>((resolve) => (list = resolve));
      await mesh.restart("a");
      await stage.clock.advance(ms);
      list();
      await stage.clock.advance(3000);
      const changes = stage.writer.updates.slice(before).flatMap((update) => update.changes);
      const gone = changes.flatMap((each) => (each.kind === "deleteRrset" ? each.name : []));
      expect(
        gone.filter((name) => !name.startsWith("beat.")),
        `${ms} ms`,
      ).to.deep.equal([]);
    }
  });

  it("puts back what somebody changed in its zone", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage } = mesh;
    await stage.clock.advance(5000);
    const zone = "_pools.a.example";
    const told = () => ["checks", "seen", "pool", "pools"].map((label) => [...stage.texts("a", label)]);
    const before = told();
    expect(before.map((each) => each.length)).to.deep.equal([1, 1, 1, 1]);
    const strange = { name: `x.seen.${zone}`, class: "IN", ttl: 1, type: "TXT", strings: ["y=up"] } as const;
    stage.writer.change(zone, {
      deleted: stage.writer.records(zone).filter(({ type }) => type === "TXT"),
      added: [strange],
    });
    await mesh.until("it is as before", () => JSON.stringify(told()) === JSON.stringify(before));
  });

  it("tells later what its server did not take", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage } = mesh;
    stage.writer.refusal = ({ zone }) =>
      zone === "_pools.b.example" ? { kind: "rcode", rcode: "SERVFAIL" } : undefined;
    stage.down.add(first);
    await stage.clock.advance(5000);
    expect([...stage.texts("b", "seen").values()].join()).not.to.include("down");
    stage.writer.refusal = () => undefined;
    await mesh.until("b says so", () => [...stage.texts("b", "seen").values()].join().includes("down"));
  });

  it("writes an answer later that the API server did not take, and holds no other pool up", async () => {
    await using mesh = await Mesh.with("shop", "mail");
    const { stage } = mesh;
    let tries = 0;
    stage.api.refusal = (what, name) => {
      if (what !== "record" || name !== "shop") return undefined;
      tries++;
      return new KubeError("away", { status: 503 });
    };
    stage.down.add(first);
    await mesh.until("mail turns", () => stage.api.answer("mail").join() === second);
    expect(stage.api.answer("shop")).to.deep.equal([first]);
    await stage.clock.advance(20_000);
    // Ever more rarely, and with each look at all pools.
    expect(tries).to.be.within(5, 14);
    stage.api.refusal = () => undefined;
    await mesh.until("shop turns", () => stage.api.answer("shop").join() === second);
  });

  it("says that a policy refuses its answer, and takes that back once the answer stands again", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage } = mesh;
    stage.api.refusal = (what) =>
      what === "record" ? new KubeError("a policy of the cluster", { status: 403 }) : undefined;
    const accepted = () => stage.api.status("shop").conditions?.find(({ type }) => type === "Accepted");
    stage.down.add(first);
    await mesh.until("it says so", () => accepted()?.reason === "NotAllowed");
    expect(accepted()?.message).to.contain("a policy of the cluster");
    expect(stage.api.answer("shop"), "what is answered stays").to.deep.equal([first]);
    stage.down.delete(first);
    await mesh.until("nothing is refused", () => accepted()?.status === "True");
    expect(stage.api.answer("shop")).to.deep.equal([first]);
  });

  it("writes a status later that the API server did not take", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage } = mesh;
    stage.api.refusal = (what) => (what === "status" ? new KubeError("away", { status: 503 }) : undefined);
    stage.down.add(first).add(second);
    await stage.clock.advance(8000);
    stage.api.refusal = () => undefined;
    const isUnhealthy = (): boolean =>
      stage.api.status("shop").conditions?.some(({ type, status }) => type === "Healthy" && status === "False") ===
      true;
    expect(isUnhealthy()).to.be.false;
    await mesh.until("it says so", isUnhealthy);
    expect(stage.api.answer("shop"), "never empty").to.have.length(1);
  });

  it("probes what a pool asks for now, and nothing of one that is gone", async () => {
    await using mesh = await Mesh.with("shop");
    const { stage, sites } = mesh;
    const probed = () => sites.map(({ operator }) => operator.counts.probed);
    expect(probed()).to.deep.equal([2, 2, 2]);
    stage.api.edit("shop", poolOf("shop", [third]));
    await mesh.until(
      "the other is answered",
      () => stage.api.answer("shop").join() === third && mesh.isSettled("shop"),
    );
    expect(probed()).to.deep.equal([1, 1, 1]);
    stage.api.remove("shop");
    await mesh.until("nothing is probed", () => probed().every((each) => each === 0));
    const labels = ["checks", "seen", "pool", "pools"];
    await mesh.until("nothing is told", () =>
      sites.every(({ name }) => labels.every((label) => stage.texts(name, label).size === 0)),
    );
  });

  it("says after a few seconds that a new pool waits, where nobody may probe its targets", async () => {
    await using mesh = new Mesh();
    const { stage } = mesh;
    stage.api.make("shop", poolOf("shop", ["198.51.100.1"]));
    const said = () => stage.api.status("shop").conditions?.map(({ type, reason }) => `${type} ${reason}`);
    await stage.clock.advance(4000);
    expect(said()).to.include.members(["Healthy NotProbed", "Ready Propagating"]);
    await mesh.until("it is answered all the same", () => stage.api.isReady("shop"));
    expect(stage.api.answer("shop")).to.deep.equal(["198.51.100.1"]);
  });

  describe("with many pools in a mesh of three", () => {
    const count = 100;
    const names = Array.from({ length: count }, (_, i) => `pool-${i}`);
    const stage = new PoolStage("a", "b", "c");
    const sites: PoolSite[] = [];
    const whole = (seconds: number): number => count * Math.ceil(seconds / 5);
    const beats = (seconds: number): number => 3 * Math.ceil(seconds / 2);

    const figures = () => {
      const sum = (of: (site: PoolSite) => number): number => sites.reduce((all, site) => all + of(site), 0);
      return {
        statuses: stage.api.count("status"),
        records: stage.api.count("record"),
        events: stage.api.count("event"),
        updates: sum(({ name }) => stage.updates(name)),
        octets: sum(({ name }) => stage.octets(name)),
        decided: sum(({ operator }) => operator.work.decided),
        rendered: sum(({ operator }) => operator.work.rendered),
      };
    };
    const during = async (act: () => Promise<void>): Promise<ReturnType<typeof figures>> => {
      const before = figures();
      await act();
      const after = figures();
      for (const what of Object.keys(after) as (keyof typeof after)[]) after[what] -= before[what];
      return after;
    };
    after(() => Promise.all(sites.map((site) => site.end())));

    it("answers them with one record and hardly more than one status each, and few messages for all", async () => {
      const cost = await during(async () => {
        sites.push(...["a", "b", "c"].map((name) => stage.start(name)));
        for (const [i, name] of names.entries())
          stage.api.make(name, poolOf(name, [i === 0 ? single : first, second, third], 10));
        await stage.clock.until("all are answered, and seen by every site", () =>
          names.every((name) => {
            const { targets = [] } = stage.api.status(name);
            return stage.api.isReady(name) && targets.every(({ up = [] }) => up.length === 3);
          }),
        );
      });
      expect(cost.records, "records").to.equal(count);
      expect(cost.statuses, "statuses").to.be.at.most(1.5 * count);
      expect(cost.events, "events").to.equal(0);
      expect(cost.updates, "messages").to.be.at.most(60);
      expect(cost.octets, "octets of texts").to.be.at.most(1700 * count);
      expect(cost.decided, "decisions").to.be.at.most(15 * count);
      expect(cost.rendered, "texts").to.be.at.most(40 * count);
    });

    it("writes nothing but signs of life while nothing happens", async () => {
      const cost = await during(() => stage.clock.advance(20_000));
      expect([cost.records, cost.statuses, cost.events]).to.deep.equal([0, 0, 0]);
      expect(cost.updates, "messages").to.be.at.most(beats(20) + 3);
      expect(cost.octets, "octets of texts").to.be.at.most(20 * (beats(20) + 3));
      expect(cost.decided, "decisions").to.be.at.most(whole(20));
    }).timeout(30_000);

    it("looks at that pool alone that a failure is about", async () => {
      stage.down.add(single);
      const cost = await during(() =>
        stage.clock.until("the answer is another", () => stage.api.answer("pool-0").join() === second),
      );
      const seconds = 25;
      expect([cost.records, cost.events]).to.deep.equal([1, 0]);
      expect(cost.statuses, "statuses").to.be.at.most(2);
      expect(cost.updates, "messages").to.be.at.most(beats(seconds) + 6);
      expect(cost.octets, "octets of texts").to.be.at.most(20 * beats(seconds) + 1500);
      expect(cost.decided, "decisions").to.be.at.most(whole(seconds) + 10);
      expect(cost.rendered, "texts").to.be.at.most(10 * beats(seconds));
    }).timeout(30_000);
  });
});
