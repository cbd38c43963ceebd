import { expect } from "chai";
import { Prober } from "../../../../../src/agents/operator/pools/prober";
import type { Check } from "../../../../../src/pools/model";
import { TestClock } from "../test-clock";

const check: Check = {
  kind: "tcp",
  address: "192.0.2.1",
  port: 80,
  intervalMs: 1000,
  timeoutMs: 500,
  rise: 2,
  fall: 2,
};

/** A prober whose targets answer by their ports, in a test's time. */
class Stage {
  readonly clock = new TestClock();
  readonly down = new Set<number>();
  readonly asked: number[] = [];
  turns = 0;
  most = 0;
  #open = 0;
  readonly ending = new AbortController();
  readonly prober: Prober;

  constructor({ perSecond = 500, takesMs = 0 } = {}) {
    this.prober = new Prober({
      perSecond,
      clock: this.clock,
      random: () => 0.5,
      onTurn: () => this.turns++,
      beat: () => undefined,
      probe: async ({ port }, signal) => {
        this.asked.push(port);
        this.most = Math.max(this.most, ++this.#open);
        await this.clock.pause(takesMs, signal);
        this.#open--;
        return !this.down.has(port);
      },
    });
  }

  want(...ports: number[]): void {
    const checks = new Map(ports.map((port) => [String(port), { ...check, port }]));
    this.prober.want(checks, this.ending.signal);
  }
}

describe("the prober", () => {
  it("asks each target in its interval, and says when one turns", async () => {
    const stage = new Stage();
    stage.want(1, 2);
    expect(stage.prober.seen("1")).to.be.undefined;
    await stage.clock.advance(10_000);
    expect(stage.asked.filter((port) => port === 1)).to.have.length(10);
    expect([stage.prober.seen("1"), stage.prober.seen("2"), stage.turns]).to.deep.equal(["up", "up", 2]);
    stage.down.add(1);
    await stage.clock.advance(1000);
    expect(stage.prober.seen("1")).to.equal("up");
    await stage.clock.advance(1000);
    expect([stage.prober.seen("1"), stage.prober.seen("2"), stage.turns]).to.deep.equal(["down", "up", 3]);
    expect(stage.prober.counts).to.deep.equal({ good: 22, bad: 2 });
  });

  it("asks nobody any more who is not wanted, and remembers of those that stay", async () => {
    const stage = new Stage();
    stage.want(1, 2);
    await stage.clock.advance(2000);
    stage.want(2, 3);
    expect([stage.prober.seen("1"), stage.prober.seen("2"), stage.prober.seen("3")]).to.deep.equal([
      undefined,
      "up",
      undefined,
    ]);
    stage.asked.length = 0;
    await stage.clock.advance(3000);
    expect(new Set(stage.asked)).to.deep.equal(new Set([2, 3]));
    expect(stage.prober.size).to.equal(2);
  });

  it("asks no more often than it may, all targets together, and leaves none out", async () => {
    const stage = new Stage({ perSecond: 20 });
    stage.want(...Array.from({ length: 100 }, (_, i) => i));
    await stage.clock.advance(20_000);
    expect(stage.asked.length).to.be.within(380, 400);
    expect(new Set(stage.asked).size).to.equal(100);
    for (let i = 0; i < 100; i++) expect(stage.asked.filter((port) => port === i).length, String(i)).to.be.within(3, 5);
  });

  it("has a bounded number of questions open while nobody answers", async () => {
    const stage = new Stage({ perSecond: 10_000, takesMs: 1000 });
    stage.want(...Array.from({ length: 400 }, (_, i) => i));
    await stage.clock.advance(2700);
    expect(stage.most).to.equal(256);
    expect(new Set(stage.asked).size).to.equal(400);
  });

  it("ends with its signal", async () => {
    const stage = new Stage();
    stage.want(1);
    await stage.clock.advance(2000);
    stage.ending.abort();
    stage.asked.length = 0;
    await stage.clock.advance(5000);
    expect(stage.asked).to.be.empty;
  });
});
