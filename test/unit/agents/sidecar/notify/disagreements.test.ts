import { expect } from "chai";

import { type Copies, Disagreements } from "../../../../../src/agents/sidecar/notify/disagreements";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";
import { DnsError } from "../../../../../src/dns/errors";
import type { ResourceRecord, SoaData } from "../../../../../src/dns/record";

const boundMs = 300_000;

describe("the watch on disagreements", () => {
  const [zone, knot] = ["a.example", { address: "127.0.0.1", port: 53 }];
  const peer = { address: "192.0.2.2", port: 53 };
  const pair = { target: { site: "site-b", servers: [peer] }, zone };
  let now = 0;
  let [ours, theirs]: [number, number | "none" | "silent"] = [1, 1];
  let copies: Copies | undefined;
  let problems: readonly string[] = [];
  let [compared, asked] = [0, 0];
  let watch: Disagreements;

  beforeEach(() => {
    [now, ours, theirs, copies, problems, compared, asked] = [0, 1, 1, undefined, [], 0, 0];
    const querySoa = (server: DnsServer) => {
      const serial = server === knot ? ours : theirs;
      asked += 1;
      if (typeof serial === "number") return Promise.resolve({ serial } as SoaData as never);
      return Promise.reject(new DnsError(serial === "none" ? { kind: "refused" } : { kind: "timeout", afterMs: 1 }));
    };
    watch = new Disagreements({
      dns: { querySoa },
      knot,
      open: () => (theirs === ours ? [] : [pair]),
      all: () => [pair],
      copies: () => {
        compared += 1;
        return Promise.resolve(copies);
      },
      problems: { set: (_, sentences) => (problems = sentences) },
      boundMs,
      now: () => now,
    });
  });
  const looks = async (ms: number, each: () => void = () => undefined): Promise<void> => {
    for (const end = now + ms; now < end;) {
      now += 30_000;
      each();
      await watch.round();
    }
  };
  const version = (serial: number, address: string): ResourceRecord[] => [
    {
      ...{ name: zone, class: "IN", ttl: 60, type: "SOA", mname: "m", rname: "r", serial },
      ...{ refresh: 1, retry: 1, expire: 1, minimum: 1 },
    },
    { name: `www.${zone}`, class: "IN", ttl: 60, type: "A", address },
  ];

  for (const stuck of [1, "none", 9] as const)
    it(`says that another answers ${stuck} for longer than the bound, and when it does no more`, async () => {
      [ours, theirs] = [5, stuck];
      await looks(boundMs);
      expect(problems).to.deep.equal([]);
      await looks(60_000);
      expect(problems[0]).to.match(
        /^zone a\.example: site-b answers .* has not come to serial 5 of this server since 1970/,
      );
      theirs = 5;
      await looks(60_000);
      expect(problems).to.deep.equal([]);
    });

  it("says nothing of one that follows, however late each time, and something of one that stands still under changes", async () => {
    const follow = (): void => {
      ours += 2;
      theirs = ours - 2;
    };
    await looks(4 * boundMs, follow);
    expect(problems).to.deep.equal([]);
    await looks(2 * boundMs, () => (ours += 2));
    expect(problems).to.have.length(1);
  });

  it("names whom it is about for figures, as long as it says so, and no sooner", async () => {
    const found = () => watch.pairs.map(({ target, zone }) => `${zone} ${target.site}`);
    [ours, theirs] = [5, 4];
    await looks(boundMs / 2);
    expect(found()).to.deep.equal([]);
    await looks(boundMs);
    expect(found()).to.deep.equal(["a.example site-b"]);
    theirs = 5;
    copies = { ours: version(5, "192.0.2.1"), theirs: version(5, "192.0.2.9") };
    await looks(120_000);
    expect(found()).to.deep.equal(["a.example site-b"]);
    copies = { ours: version(5, "192.0.2.1"), theirs: version(5, "192.0.2.1") };
    await looks(120_000);
    expect(found()).to.deep.equal([]);
  });

  it("leaves one that does not answer to other alarms", async () => {
    [ours, theirs] = [5, "silent"];
    await looks(3 * boundMs);
    expect(problems).to.deep.equal([]);
  });

  it("says so of another content under the same serial, found twice, until it is the same", async () => {
    copies = { ours: version(1, "192.0.2.1"), theirs: version(1, "192.0.2.9") };
    await looks(120_000);
    expect(problems[0]).to.equal(
      "zone a.example: site-b has another content than this server, under the same serial 1",
    );
    copies = { ours: version(1, "192.0.2.1"), theirs: version(1, "192.0.2.1") };
    await looks(120_000);
    expect(problems).to.deep.equal([]);
  });

  it("takes other versions for no other content, nor a zone that cannot be compared", async () => {
    copies = { ours: version(2, "192.0.2.1"), theirs: version(1, "192.0.2.9") };
    await looks(300_000);
    copies = undefined;
    await looks(300_000);
    expect(problems).to.deep.equal([]);
    expect(compared).to.be.within(8, 12);
  });

  it("asks nothing where all is as it should be", async () => {
    await looks(boundMs);
    expect(asked).to.equal(0);
  });
});
