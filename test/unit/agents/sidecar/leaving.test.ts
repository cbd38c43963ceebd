import { expect } from "chai";
import { Leaving, type LeavingParts, whenGone } from "../../../../src/agents/sidecar/leaving";
import { DnsError } from "../../../../src/dns/errors";
import type { SoaData } from "../../../../src/dns/record";
import type { DnsServer } from "../../../../src/dns/client/dns-client";
import type { Sibling, SiteRuntime } from "../../../../src/knot/config/site-runtime";

const zone = "own.example";
const times = { servedSeconds: 30, answeringSeconds: 10 };
const runtimeOf = (addresses: readonly string[]): SiteRuntime => ({
  ...{ storage: "/s", rundir: "/r", listen: [], remotePort: 5300, secure: { listen: [], remotePort: 8530 } },
  replicas: { self: 0, addresses, port: 53, securePort: 853 },
});
const two = runtimeOf(["10.0.0.1", "10.0.0.2"]);

describe("a pod that is to end", () => {
  let now: number;
  let told: AbortController;
  let answering: readonly string[];
  let lacking: readonly string[];
  let asked: string[];
  let served: () => Promise<readonly string[]>;
  const dns = {
    querySoa: ({ address, port }: DnsServer, name: string): Promise<SoaData> => {
      asked.push(`${address}@${port} ${name}`);
      return answering.includes(address) && !lacking.includes(name)
        ? Promise.resolve({} as SoaData)
        : Promise.reject(new DnsError({ kind: "timeout", afterMs: 500 }));
    },
  };
  let isStaying: (sibling: Sibling) => Promise<boolean>;
  const start = (more: Partial<LeavingParts> = {}): Leaving =>
    new Leaving({
      ...{ times, signal: told.signal, dns, served: () => served(), now: () => now },
      isStaying: (sibling) => isStaying(sibling),
      ...more,
    });
  beforeEach(() => {
    now = 0;
    told = new AbortController();
    answering = ["10.0.0.2"];
    lacking = [];
    asked = [];
    served = () => Promise.resolve([]);
    isStaying = () => Promise.resolve(true);
  });

  it("stays in service for as long as load balancers need, and then goes out of it", async () => {
    const leaving = start();
    now = 1_000_000;
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    told.abort();
    now += 29_999;
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    expect(asked).to.deep.equal([]);
    now += 1;
    expect(await leaving.isOut(two, [zone])).to.equal(true);
    expect(asked).to.deep.equal(["10.0.0.2@53 own.example"]);
  });

  it("stays in service to the end when no other pod answers, or there is none", async () => {
    answering = [];
    told.abort();
    const leaving = start();
    now = 100_000;
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    expect(await leaving.isOut(runtimeOf(["10.0.0.1"]), [zone])).to.equal(false);
    answering = ["10.0.0.2"];
    expect(await leaving.isOut(two, [zone])).to.equal(true);
  });

  it("stays in service where no other pod answers all that it does: that one may have stepped back for it", async () => {
    told.abort();
    const leaving = start();
    now = 30_000;
    lacking = ["damaged.example"];
    expect(await leaving.isOut(two, [zone, "damaged.example"])).to.equal(false);
    lacking = [];
    expect(await leaving.isOut(two, [zone, "damaged.example"])).to.equal(true);
  });

  it("stays in service for a sibling that is not ready yet: it has the site's own zones and waits for other sites'", async () => {
    served = () => Promise.resolve([zone, "dns.internal", "elsewhere.example"]);
    told.abort();
    const leaving = start();
    now = 30_000;
    lacking = ["elsewhere.example"];
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    lacking = [];
    expect(await leaving.isOut(two, [zone])).to.equal(true);
  });

  it("stays in service as long as it cannot tell what it serves itself", async () => {
    served = () => Promise.reject(new Error("Knot does not answer"));
    told.abort();
    const leaving = start();
    now = 30_000;
    expect(await leaving.isOut(two, [zone])).to.equal(false);
  });

  it("stays in service for a sibling that is to end as well, and for one that does not say that it stays", async () => {
    told.abort();
    const leaving = start();
    now = 30_000;
    isStaying = () => Promise.resolve(false);
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    isStaying = () => Promise.reject(new Error("the agent at 10.0.0.2 does not answer"));
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    isStaying = () => Promise.resolve(true);
    expect(await leaving.isOut(two, [zone])).to.equal(true);
  });

  it("goes out of service for one of two siblings that stays", async () => {
    const three = runtimeOf(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    answering = ["10.0.0.2", "10.0.0.3"];
    told.abort();
    const leaving = start();
    now = 30_000;
    isStaying = ({ ordinal }) => Promise.resolve(ordinal === 2);
    expect(await leaving.isOut(three, [zone])).to.equal(true);
  });

  for (const apartMs of [0, 1000, 29_000, 35_000])
    it(`leaves one pod of two in service that are to end ${apartMs} ms apart, as long as either is there`, async () => {
      answering = ["10.0.0.1", "10.0.0.2"];
      const signals = [new AbortController(), new AbortController()] as const;
      const out = [false, false];
      const pods: readonly Leaving[] = signals.map(({ signal }, self) =>
        start({
          signal,
          isStaying: () => Promise.resolve(out[1 - self] === false && pods[1 - self]?.isUnderWay === false),
        }),
      );
      const endMs = (times.servedSeconds + times.answeringSeconds) * 1000;
      const runtimes = [two, { ...two, replicas: { ...two.replicas, self: 1, addresses: ["10.0.0.1", "10.0.0.2"] } }];
      for (now = 0; now < endMs + apartMs; now += 500) {
        const gone = [now >= endMs, now >= endMs + apartMs];
        answering = ["10.0.0.1", "10.0.0.2"].filter((_, i) => gone[i] !== true);
        signals[0].abort();
        if (now >= apartMs) signals[1].abort();
        for (const [i, pod] of pods.entries())
          if (gone[i] !== true) out[i] = await pod.isOut(runtimes[i] ?? two, [zone]);
        const serving = out.map((isOut, i) => !isOut && gone[i] !== true);
        expect(serving, `after ${now} ms`).to.include(true);
      }
    });

  it("asks no longer at a time than a probe waits, and goes on at the next look", async () => {
    const zones = Array.from({ length: 200 }, (_, i) => `z${i}.example`);
    served = () => Promise.resolve(zones);
    told.abort();
    const slow = {
      querySoa: (...question: Parameters<typeof dns.querySoa>) => ((now += 10), dns.querySoa(...question)),
    };
    const leaving = start({ dns: slow });
    now = 30_000;
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    expect(asked.length).to.be.below(zones.length);
    answering = [];
    expect(await leaving.isOut(two, [zone])).to.equal(false);
    answering = ["10.0.0.2"];
    expect(await leaving.isOut(two, [zone])).to.equal(true);
    expect(new Set(asked).size).to.equal(zones.length + 1);
  });

  it("does not come back", async () => {
    told.abort();
    const leaving = start();
    now = 30_000;
    expect(await leaving.isOut(two, [zone])).to.equal(true);
    answering = [];
    expect(await leaving.isOut(two, [zone])).to.equal(true);
  });

  it("ends at once where nothing is to be waited for", () => {
    const none = whenGone(told.signal, { servedSeconds: 0, answeringSeconds: 0 });
    const later = whenGone(told.signal, times);
    told.abort();
    expect([none.aborted, later.aborted]).to.deep.equal([true, false]);
  });
});
