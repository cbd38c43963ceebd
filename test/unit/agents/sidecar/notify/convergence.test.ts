import { expect } from "chai";

import { Convergence, mostOpen } from "../../../../../src/agents/sidecar/notify/convergence";
import type { NewerCopy } from "../../../../../src/agents/sidecar/notify/peers";
import type { Target } from "../../../../../src/agents/sidecar/notify/open-entries";
import { createLogger } from "../../../../../src/base/log";
import { DnsError } from "../../../../../src/dns/errors";
import type { SoaData } from "../../../../../src/dns/record";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";

const key = { name: "k", algorithm: "hmac-sha256", secret: "" } as const;
const knot = { address: "127.0.0.1", port: 53 };

describe("convergence", () => {
  let now: number;
  /** Serial by address and zone; a missing one is a server without the zone. */
  let serials: Map<string, number>;
  let dead: Set<string>;
  let asked: string[];
  let told: string[];
  let ahead: (readonly [string, NewerCopy])[];
  /** Called before a server is asked. */
  let beforeAsking: (at: string) => void;

  beforeEach(() => {
    now = 0;
    ahead = [];
    beforeAsking = () => undefined;
    serials = new Map([["127.0.0.1 z", 10]]);
    dead = new Set();
    asked = [];
    told = [];
  });

  const reach = (server: DnsServer) => {
    if (dead.has(server.address)) throw new DnsError({ kind: "timeout", afterMs: 1 });
  };
  const create = () =>
    new Convergence({
      knot,
      now: () => now,
      random: () => 0.5,
      log: createLogger({ write: () => undefined, now: () => 0 }),
      onAhead: (zone, copy) => ahead.push([zone, copy]),
      dns: {
        notifier: (zone) => async (server) => {
          await Promise.resolve();
          reach(server);
          told.push(`${server.address} ${zone} at ${now / 1000}`);
        },
        querySoa: async (server, zone) => {
          await Promise.resolve();
          asked.push(`${server.address} ${zone}`);
          beforeAsking(server.address);
          reach(server);
          const serial = serials.get(`${server.address} ${zone}`);
          if (serial === undefined) throw new DnsError({ kind: "refused" });
          return { serial } as SoaData;
        },
        notify: async (server, zone) => {
          await Promise.resolve();
          reach(server);
          told.push(`${server.address} ${zone} at ${now / 1000}`);
        },
      },
    });
  const target = (site: string, ...addresses: string[]) => ({
    site,
    servers: addresses.map((address) => ({ address, port: 53 })),
  });
  const run = async (convergence: Convergence, seconds: number) => {
    for (const end = now + seconds * 1000; now < end; now += 500) await convergence.round(key);
  };

  it("asks a peer that has everything once, and costs nothing from then on", async () => {
    serials.set("1 z", 10);
    const convergence = create();
    convergence.aim([target("one", "1")], ["z"]);
    await run(convergence, 10);
    expect(asked).to.deep.equal(["127.0.0.1 z", "1 z"]);
    expect(told).to.deep.equal([]);
    expect(convergence.lags).to.deep.equal([]);
  });

  it("repeats the NOTIFY after 1, 2, 4 … and at last every 60 seconds until the peer answers our serial", async () => {
    serials.set("1 z", 9);
    const convergence = create();
    convergence.aim([target("one", "1")], ["z"]);
    await run(convergence, 200);
    const times = told.map((line) => Number(/at (.*)/.exec(line)![1]));
    expect(times.slice(0, 8)).to.deep.equal([0, 1, 3, 7, 15, 31, 63, 123]);
    expect(convergence.lags).to.have.length(1);
    serials.set("1 z", 10);
    await run(convergence, 60);
    expect(convergence.lags).to.deep.equal([]);
  });

  it("notifies a peer that does not know the zone yet, and is content with one that is ahead", async () => {
    serials.set("2 z", 11);
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["z"]);
    await run(convergence, 1);
    expect(told).to.deep.equal(["1 z at 0"]);
    expect(convergence.lags.map(({ site }) => site)).to.deep.equal(["one"]);
  });

  it("asks a dead peer about one zone only, and goes on with the others", async () => {
    dead.add("1");
    for (const zone of ["x", "y"]) for (const at of ["127.0.0.1", "2"]) serials.set(`${at} ${zone}`, 10);
    serials.set("2 z", 10);
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["x", "y", "z"]);
    await run(convergence, 0.5);
    expect(asked.filter((line) => line.startsWith("1 "))).to.have.length(1);
    expect(new Set(convergence.lags.map(({ site }) => site))).to.deep.equal(new Set(["one"]));
  });

  it("tries a peer's second address when the first is dead", async () => {
    dead.add("1");
    const convergence = create();
    convergence.aim([target("one", "1", "2")], ["z"]);
    await run(convergence, 0.5);
    expect(told).to.deep.equal(["2 z at 0"]);
  });

  it("looks again at peers that are new or elsewhere, and forgets those that are gone", async () => {
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["z"]);
    convergence.aim([target("one", "3")], ["z"]);
    await run(convergence, 0.5);
    expect(told).to.deep.equal(["3 z at 0"]);
  });

  it("reports once which peer holds a newer copy than the owner", async () => {
    const convergence = create();
    serials.set("192.0.2.1 z", 11);
    convergence.aim([target("a", "192.0.2.1")], ["z"]);
    await run(convergence, 1);
    expect(ahead).to.deep.equal([["z", { site: "a", server: { address: "192.0.2.1", port: 53 }, serial: 11 }]]);
  });

  it("announces a change to every peer at once without asking, and looks a second later whether they have it", async () => {
    for (const at of ["1", "2"]) serials.set(`${at} z`, 10);
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["z"]);
    await run(convergence, 1);
    asked = [];
    serials.set("127.0.0.1 z", 11).set("1 z", 11);
    await convergence.announce([{ zone: "z", serial: 11 }], key);
    expect(told).to.have.members(["1 z at 1", "2 z at 1"]);
    expect(asked).to.deep.equal([]);
    await run(convergence, 1.5);
    expect(asked).to.have.members(["127.0.0.1 z", "1 z", "2 z"]);
    expect(told).to.have.length(3);
    expect(convergence.lags.map(({ site }) => site)).to.deep.equal(["two"]);
  });

  it("announces nothing to a peer that was silent, until a round reaches it again", async () => {
    serials.set("1 z", 10);
    dead.add("1");
    const convergence = create();
    convergence.aim([target("one", "1")], ["z"]);
    await run(convergence, 0.5);
    dead.clear();
    await convergence.announce([{ zone: "z", serial: 11 }], key);
    expect(told).to.deep.equal([]);
    await run(convergence, 2);
    await convergence.announce([{ zone: "z", serial: 12 }], key);
    expect(told).to.have.length(1);
  });

  it("looks at a silent peer, and says since when it lags, also while the zone changes all the time", async () => {
    dead.add("1");
    serials.set("1 z", 9);
    const convergence = create();
    convergence.aim([target("one", "1")], ["z"]);
    const change = async (seconds: number) => {
      for (const end = now + seconds * 1000; now < end; now += 500) {
        await convergence.announce([{ zone: "z", serial: 10 }], key);
        await convergence.round(key);
      }
    };
    await change(20);
    expect(convergence.lags).to.deep.equal([{ site: "one", zones: 1, since: 0 }]);
    dead.clear();
    await change(20);
    expect(told.length).to.be.greaterThan(0);
  });

  it("takes no peer for one with a newer copy when only our own serial was read too early", async () => {
    const convergence = create();
    convergence.aim([target("a", "192.0.2.1")], ["z"]);
    beforeAsking = (at) => {
      // An update comes, and arrives at the peer, between the two questions.
      if (at === "192.0.2.1") serials.set("127.0.0.1 z", 11).set("192.0.2.1 z", 11);
    };
    await run(convergence, 1);
    expect(ahead).to.deep.equal([]);
    expect(convergence.lags).to.deep.equal([]);
  });

  it("forgets who was silent when it is no peer any more, or elsewhere", async () => {
    dead.add("1");
    const convergence = create();
    convergence.aim([target("one", "1")], ["z"]);
    await run(convergence, 0.5);
    expect(convergence.isSilent({ site: "one" })).to.equal(true);
    convergence.aim([], ["z"]);
    expect(convergence.isSilent({ site: "one" })).to.equal(false);
    convergence.aim([target("one", "1")], ["z"]);
    await run(convergence, 0.5);
    convergence.aim([target("one", "2")], ["z"]);
    expect(convergence.isSilent({ site: "one" })).to.equal(false);
  });

  it("tells pods of one site apart, and from the site", async () => {
    for (const at of ["1", "2", "3"]) serials.set(`${at} z`, 9);
    serials.set("2 z", 10);
    const convergence = create();
    convergence.aim([target("one", "1"), { ...target("one", "2"), pod: 1 }, { ...target("one", "3"), pod: 2 }], ["z"]);
    await run(convergence, 0.5);
    expect(convergence.lags).to.deep.equal([
      { site: "one", zones: 1, since: 0, behind: 1 },
      { site: "one", pod: 2, zones: 1, since: 0, behind: 1 },
    ]);
  });

  describe("with 10,000 zones and 200 peers", () => {
    const zones = Array.from({ length: 10_000 }, (_, i) => `${i}.example`);
    /** How often any peer's name was read: what work costs, without a clock. */
    let reads: number;
    let peers: Target[];

    beforeEach(() => {
      reads = 0;
      peers = Array.from({ length: 200 }, (_, i) => ({
        get site() {
          reads += 1;
          return `site-${i}`;
        },
        servers: [{ address: `${i}`, port: 53 }],
      }));
      for (const zone of zones) serials.set(`127.0.0.1 ${zone}`, 10);
    });

    it("keeps what is open within its bound, however much there is to look at", async () => {
      const convergence = create();
      convergence.aim(peers, zones);
      expect(convergence.size).to.be.within(mostOpen / 2, mostOpen);
      await convergence.round(key);
      expect(asked.length, "questions of one round").to.be.at.most(2 * mostOpen);
      convergence.expect();
      await convergence.announce(
        zones.map((zone) => ({ zone, serial: 11 })),
        key,
      );
      expect(convergence.size).to.be.at.most(mostOpen);
      expect(convergence.lags).to.have.length(200);
    }).timeout(20_000);

    it("announces a change of each zone without a look at the others", async () => {
      const convergence = create();
      convergence.aim(peers, zones);
      for (const zone of zones.slice(0, 50)) await convergence.announce([{ zone, serial: 11 }], key);
      reads = 0;
      told = [];
      for (const zone of zones.slice(0, 50)) await convergence.announce([{ zone, serial: 12 }], key);
      expect(told).to.have.length(50 * 200);
      expect(reads).to.be.at.most(50 * 200 * 20);
    }).timeout(20_000);

    it("reaches the peers that answer although others never do, and looks at those again when they come back", async () => {
      const few = peers.slice(0, 4);
      dead = new Set(["0", "1", "2"]);
      for (const zone of zones) serials.set(`3 ${zone}`, 10);
      const convergence = create();
      convergence.aim(few, zones);
      const atThird = () => new Set(asked.filter((line) => line.startsWith("3 "))).size;
      for (let round = 0; round < 60 && atThird() < zones.length; round++) {
        now += 1000;
        await convergence.round(key);
      }
      expect(atThird()).to.equal(zones.length);
      dead = new Set();
      for (const at of ["0", "1", "2"]) for (const zone of zones) serials.set(`${at} ${zone}`, 10);
      asked = [];
      for (let round = 0; round < 100 && convergence.lags.length > 0; round++) {
        now += 60_000;
        await convergence.round(key);
      }
      expect(convergence.lags).to.deep.equal([]);
      for (const at of ["0", "1", "2"])
        expect(new Set(asked.filter((line) => line.startsWith(`${at} `))).size, at).to.equal(zones.length);
    }).timeout(60_000);
  });
});
