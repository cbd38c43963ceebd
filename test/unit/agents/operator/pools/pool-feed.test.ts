import { expect } from "chai";
import { PoolFeed } from "../../../../../src/agents/operator/pools/pool-feed";
import { PoolStore } from "../../../../../src/agents/operator/pools/pool-store";
import { createLogger } from "../../../../../src/base/log";
import { KubeError, type KubeObject } from "../../../../../src/kube/answer";
import { settled, TestClock } from "../test-clock";

/** A feed of a cluster whose API has these kinds, or does not say. */
class Stage implements Disposable {
  readonly clock = new TestClock();
  readonly ending = new AbortController();
  readonly watched: string[] = [];
  readonly lines: string[] = [];
  answer: () => KubeObject | undefined;
  asked = 0;
  /** The HTTP status of a listing that fails. */
  trouble: number | undefined;
  readonly feed: PoolFeed;

  constructor(answer: () => KubeObject | undefined) {
    this.answer = answer;
    this.feed = new PoolFeed({
      client: {
        get: () => {
          this.asked++;
          return Promise.resolve().then(() => this.answer());
        },
        stream: () => Promise.reject(new Error("nothing is streamed here")),
      },
      watch: ({ path, onList, onTrouble }) => {
        this.watched.push(path);
        if (this.trouble === undefined) onList([]);
        else onTrouble(1, "trouble", this.trouble);
        return Promise.resolve();
      },
      namespaces: ["dns-system"],
      store: new PoolStore(),
      onNews: () => undefined,
      log: createLogger({ write: (line) => this.lines.push(line), now: this.clock.now }),
      clock: this.clock,
      random: () => 0,
    });
    void this.feed.run(this.ending.signal);
  }

  [Symbol.dispose](): void {
    this.ending.abort();
  }
}

const kinds = (...names: string[]): KubeObject => ({ resources: names.map((name) => ({ name })) });

describe("feed of pools", () => {
  it("watches pools and their records where the cluster has both", async () => {
    using stage = new Stage(() => kinds("dnsrecords", "dnspools"));
    await settled();
    expect(stage.watched.map((path) => path.replace(/^.*\//, ""))).to.deep.equal([
      "dnspools",
      "dnsrecords?labelSelector=dns.mesh.io%2Fpool",
    ]);
    expect(stage.feed.isListed("dns-system")).to.equal(true);
  });

  it("watches nothing as long as the cluster has no definition, says so once, and begins when there is one", async () => {
    using stage = new Stage(() => kinds("dnsrecords"));
    await stage.clock.advance(300_000);
    expect(stage.watched).to.deep.equal([]);
    expect(stage.asked).to.equal(6);
    expect(stage.feed.isReady).to.equal(true);
    expect(stage.lines.filter((line) => line.includes("no definition of DnsPool"))).to.have.length(1);
    stage.answer = () => kinds("dnsrecords", "dnspools");
    await stage.clock.advance(60_000);
    expect(stage.watched).to.have.length(2);
  });

  it("takes a group that is not there for no definition", async () => {
    using stage = new Stage(() => undefined);
    await stage.clock.advance(1000);
    expect(stage.watched).to.deep.equal([]);
  });

  for (const { status, isReady } of [
    { status: 403, isReady: true },
    { status: 404, isReady: true },
    { status: 429, isReady: false },
    { status: 503, isReady: false },
  ])
    it(`${isReady ? "waits no longer for" : "does not know"} pools whose listing ends with ${status}`, async () => {
      using stage = new Stage(() => kinds("dnsrecords", "dnspools"));
      stage.trouble = status;
      await settled();
      expect(stage.feed.isReady).to.equal(isReady);
    });

  it("watches where the cluster does not say what it has", async () => {
    using silent = new Stage(() => {
      throw new KubeError("forbidden", { status: 403 });
    });
    using strange = new Stage(() => ({ kind: "Status" }));
    await settled();
    expect([silent.watched.length, strange.watched.length]).to.deep.equal([2, 2]);
  });
});
