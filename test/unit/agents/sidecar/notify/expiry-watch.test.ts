import { expect } from "chai";

import { ExpiryWatch } from "../../../../../src/agents/sidecar/notify/expiry-watch";
import type { SoaData } from "../../../../../src/dns/record";
import type { ZoneExpiry } from "../../../../../src/knot/control/knot-control";

const day = 86_400;

describe("the watch on zones that expire", () => {
  let [now, looks] = [0, 0];
  let zones: ZoneExpiry[] = [];
  let problems: readonly string[] = [];
  const asked: string[] = [];
  const whole: Record<string, number> = { "a.example": 42 * day, "b.example": 42 * day, "short.example": 1200 };
  let watch: ExpiryWatch;

  beforeEach(() => {
    [now, looks, zones, problems] = [Date.parse("2026-11-29T12:00:00Z"), 0, [], []];
    asked.length = 0;
    watch = new ExpiryWatch({
      control: {
        zoneExpiries: () => {
          looks += 1;
          return Promise.resolve(zones);
        },
      },
      dns: {
        querySoa: (_, zone) => {
          asked.push(zone);
          return Promise.resolve({ expire: whole[zone] ?? day } as SoaData as never);
        },
      },
      knot: { address: "127.0.0.1", port: 53 },
      ownerOf: (zone) => (zone === "a.example" ? "site-c" : undefined),
      problems: { set: (_, sentences) => (problems = sentences) },
      now: () => now,
    });
  });
  const lookAt = async (...found: (readonly [string, number | undefined])[]): Promise<readonly string[]> => {
    zones = found.map(([zone, seconds]) => ({ zone, seconds }));
    now += 60_000;
    await watch.round();
    return problems;
  };

  it("says which zone expires first, and asks for the SOA of each once", async () => {
    for (let i = 0; i < 3; i++) {
      expect(
        await lookAt(["a.example", 42 * day], ["b.example", 41 * day], ["empty.example", undefined]),
      ).to.deep.equal([]);
      expect(watch.next).to.deep.equal({ zone: "b.example", at: now + 41 * day * 1000 });
    }
    expect(asked.sort()).to.deep.equal(["a.example", "b.example"]);
  });

  it("warns of a zone with less than a quarter of its time, in one sentence however often it looks, until it is refreshed", async () => {
    const until = now + 60_000 + 10 * day * 1000;
    const first = await lookAt(["a.example", 10 * day], ["b.example", 11 * day]);
    expect(first).to.deep.equal([
      "zone a.example, of site site-c, expires here at 2026-12-09T12:01Z unless one of the servers that it is taken from is reached",
    ]);
    expect(await lookAt(["a.example", (until - now - 60_000) / 1000 - 1], ["b.example", 11 * day])).to.deep.equal(
      first,
    );
    expect(await lookAt(["a.example", 42 * day], ["b.example", 42 * day])).to.deep.equal([]);
  });

  it("goes by the zone's own SOA expire, also where that was changed", async () => {
    expect(await lookAt(["short.example", 900])).to.deep.equal([]);
    expect(await lookAt(["short.example", 200])).to.have.length(1);
    whole["short.example"] = 300;
    expect(await lookAt(["short.example", 200])).to.deep.equal([]);
    whole["short.example"] = 1200;
  });

  it("says that a zone has expired, and nothing of one that is still to come", async () => {
    await lookAt(["a.example", 5], ["new.example", undefined]);
    expect((await lookAt(["a.example", undefined], ["new.example", undefined]))[0]).to.match(
      /^zone a\.example.* has expired here/,
    );
    expect(await lookAt(["a.example", 42 * day], ["new.example", 42 * day])).to.deep.equal([]);
    await lookAt(["a.example", 5]);
    await lookAt(["a.example", Infinity]);
    expect((await lookAt(["a.example", undefined]))[0]).to.match(/ has expired here/);
    expect(await lookAt()).to.deep.equal([]);
  });

  it("names few of many", async () => {
    const many = Array.from({ length: 30 }, (_, i) => [`z${i}.example`, 100] as const);
    const sentences = await lookAt(...many);
    expect(sentences).to.have.length(11);
    expect(sentences[10]).to.contain("20 more zones");
  });

  it("looks every few seconds as long as a zone is in danger, or has expired", async () => {
    await lookAt(["a.example", 5 * day]);
    for (const seconds of [5 * day, undefined]) {
      zones = [{ zone: "a.example", seconds }];
      now += 5000;
      await watch.round();
    }
    expect([looks, problems[0]?.includes("has expired")]).to.deep.equal([3, true]);
  });

  it("looks once a minute, and more often where the time is short", async () => {
    await lookAt(["a.example", 42 * day]);
    now += 59_000;
    await watch.round();
    expect(looks).to.equal(1);
    await lookAt(["a.example", 16]);
    now += 2000;
    await watch.round();
    expect(looks).to.equal(3);
  });
});
