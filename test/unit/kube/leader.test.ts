import { expect } from "chai";
import { KubeError, type KubeObject } from "../../../src/kube/answer";
import { leadInTurn } from "../../../src/kube/leader";
import { settled, TestClock } from "../agents/operator/test-clock";

const path = "/apis/coordination.k8s.io/v1/namespaces/dns-system/leases/dns-mesh-records";

/** A Lease at an API server. */
class FakeLease {
  /** Nothing answers any more, and nothing is refused either. */
  isHanging = false;
  failure: KubeError | undefined;
  #lease: KubeObject | undefined;
  #version = 1;

  get holder(): string {
    return (this.#lease?.["spec"] as { holderIdentity?: string } | undefined)?.holderIdentity ?? "";
  }

  get transitions(): number {
    return (this.#lease?.["spec"] as { leaseTransitions?: number } | undefined)?.leaseTransitions ?? 0;
  }

  readonly client = {
    get: (at: string) => this.#answer(() => (at === path ? structuredClone(this.#lease) : undefined)),
    create: (_: string, lease: KubeObject) =>
      this.#answer(() => {
        this.#put(lease);
      }),
    replace: (_: string, lease: KubeObject) =>
      this.#answer(() => {
        if (lease.metadata?.resourceVersion !== this.#lease?.metadata?.resourceVersion)
          throw new KubeError("modified", { status: 409, reason: "Conflict" });
        return structuredClone(this.#put(lease));
      }),
  };

  async #answer<T>(act: () => T): Promise<T> {
    await Promise.resolve();
    if (this.isHanging) await new Promise(() => undefined);
    if (this.failure !== undefined) throw this.failure;
    return act();
  }

  #put(lease: KubeObject): KubeObject {
    this.#lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version++) } };
    return this.#lease;
  }
}

describe("leading in turn", () => {
  let clock: TestClock;
  let lease: FakeLease;
  /** Who works, and what happened, in order. */
  let working: Set<string>;
  let events: string[];
  let replicas: Map<string, { readonly ending: AbortController; readonly over: Promise<void> }>;

  beforeEach(() => {
    clock = new TestClock();
    lease = new FakeLease();
    working = new Set();
    events = [];
    replicas = new Map();
  });
  afterEach(async () => {
    lease.failure = new KubeError("over");
    for (const { ending } of replicas.values()) ending.abort();
    await settled();
  });

  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

  /** @param options.stopMs - How long it takes the work to end. */
  function start(
    identity: string,
    options: { client?: FakeLease["client"]; stopMs?: number; tries?: boolean[] } = {},
  ): void {
    const { client = lease.client, stopMs = 0, tries = [] } = options;
    const ending = new AbortController();
    const over = leadInTurn(
      {
        ...{ client, namespace: "dns-system", name: "dns-mesh-records", identity, clock, log, signal: ending.signal },
        ...{ leaseSeconds: 15, random: () => 0, onTry: (isAnswered: boolean) => void tries.push(isAnswered) },
      },
      async (signal) => {
        expect([...working], "two lead at a time").to.deep.equal([]);
        working.add(identity);
        events.push(`${identity} leads`);
        await clock.pause(10_000_000, signal);
        await clock.pause(stopMs, new AbortController().signal);
        working.delete(identity);
        events.push(`${identity} ends`);
      },
    );
    replicas.set(identity, { ending, over });
  }
  const leads = (identity: string) => clock.until(`${identity} leads`, () => working.has(identity));

  it("lets one lead, and keeps it as long as it renews", async () => {
    start("one");
    await leads("one");
    start("two");
    await clock.advance(600_000);
    expect(events).to.deep.equal(["one leads"]);
    expect([lease.holder, lease.transitions]).to.deep.equal(["one", 1]);
  });

  it("hands over within a renewal when the leader is told to end", async () => {
    start("one");
    await leads("one");
    start("two");
    await clock.advance(5000);
    replicas.get("one")?.ending.abort();
    await clock.advance(4000);
    expect(events).to.deep.equal(["one leads", "one ends", "two leads"]);
  });

  it("gives the Lease up only when the work has ended", async () => {
    start("one", { stopMs: 2000 });
    await leads("one");
    replicas.get("one")?.ending.abort();
    await clock.advance(1000);
    expect(lease.holder).to.equal("one");
    await clock.advance(1500);
    expect(lease.holder).to.equal("");
  });

  it("ends the work well before another one may take over, when renewals hang", async () => {
    const cut = new FakeLease();
    const client = {
      ...lease.client,
      get: (at: string) => (cut.isHanging ? cut.client.get(at) : lease.client.get(at)),
      replace: (at: string, object: KubeObject) =>
        cut.isHanging ? cut.client.replace(at, object) : lease.client.replace(at, object),
    };
    start("one", { client });
    await leads("one");
    start("two");
    await clock.advance(10_000);
    cut.isHanging = true;
    const began = clock.now();
    await clock.until("one ends", () => events.includes("one ends"));
    expect(clock.now() - began).to.be.at.most(11_000);
    await leads("two");
    expect(clock.now() - began).to.be.within(12_000, 22_000);
    expect(events).to.deep.equal(["one leads", "one ends", "two leads"]);
  });

  it("ends the work when renewals fail for as long, and leads again when they do not", async () => {
    const tries: boolean[] = [];
    start("one", { tries });
    await leads("one");
    lease.failure = new KubeError("away");
    await clock.until("one ends", () => events.includes("one ends"));
    expect(tries.at(-1)).to.equal(false);
    lease.failure = undefined;
    await clock.until("one leads again", () => events.length === 3);
    expect(tries.at(-1)).to.equal(true);
  });

  it("takes over from one that died, after the whole time of its Lease by its own clock", async () => {
    const spec = { holderIdentity: "dead", renewTime: "2031-01-01T00:00:00.000000Z", leaseTransitions: 4 };
    await lease.client.create("", { metadata: { name: "dns-mesh-records" }, spec });
    start("one");
    await clock.advance(14_000);
    expect(events).to.deep.equal([]);
    await clock.advance(5000);
    expect(events).to.deep.equal(["one leads"]);
    expect([lease.holder, lease.transitions]).to.deep.equal(["one", 5]);
  });

  it("says whether the API server answers, to a standby too", async () => {
    const tries: boolean[] = [];
    start("one");
    await leads("one");
    start("two", { tries });
    await clock.advance(5000);
    expect(new Set(tries)).to.deep.equal(new Set([true]));
    lease.failure = new KubeError("away");
    await clock.advance(5000);
    expect(tries.at(-1)).to.equal(false);
  });
});
