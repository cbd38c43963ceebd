import { expect } from "chai";

import { Convergence } from "../../../../src/agents/sidecar/convergence";
import { createLogger } from "../../../../src/base/log";
import { DnsError } from "../../../../src/dns/errors";
import type { SoaData } from "../../../../src/dns/record";
import type { DnsServer } from "../../../../src/dns/client/dns-client";

const key = { name: "k", algorithm: "hmac-sha256", secret: "" } as const;
const knot = { address: "127.0.0.1", port: 53 };

describe("convergence", () => {
  let now: number;
  /** Serial by address and zone; a missing one is a server without the zone. */
  let serials: Map<string, number>;
  let dead: Set<string>;
  let asked: string[];
  let told: string[];

  beforeEach(() => {
    now = 0;
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
      dns: {
        notifier: (zone) => async (server) => {
          await Promise.resolve();
          reach(server);
          told.push(`${server.address} ${zone} at ${now / 1000}`);
        },
        querySoa: async (server, zone) => {
          await Promise.resolve();
          asked.push(`${server.address} ${zone}`);
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
  const target = (name: string, ...addresses: string[]) => ({
    name,
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

  it("tells a peer that does not know the zone yet, and is content with one that is ahead", async () => {
    serials.set("2 z", 11);
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["z"]);
    await run(convergence, 1);
    expect(told).to.deep.equal(["1 z at 0"]);
    expect(convergence.lags.map(({ peer }) => peer)).to.deep.equal(["one"]);
  });

  it("asks a dead peer about one zone only, and goes on with the others", async () => {
    dead.add("1");
    for (const zone of ["x", "y"]) for (const at of ["127.0.0.1", "2"]) serials.set(`${at} ${zone}`, 10);
    serials.set("2 z", 10);
    const convergence = create();
    convergence.aim([target("one", "1"), target("two", "2")], ["x", "y", "z"]);
    await run(convergence, 0.5);
    expect(asked.filter((line) => line.startsWith("1 "))).to.have.length(1);
    expect(new Set(convergence.lags.map(({ peer }) => peer))).to.deep.equal(new Set(["one"]));
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

  it("tells once which peer holds a newer copy than the owner", async () => {
    const convergence = create();
    serials.set("192.0.2.1 z", 11);
    convergence.aim([target("a", "192.0.2.1")], ["z"]);
    await run(convergence, 1);
    expect(convergence.takeAhead()).to.deep.equal([["z", { peer: "a", server: { address: "192.0.2.1", port: 53 } }]]);
    expect(convergence.takeAhead()).to.deep.equal([]);
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
    expect(convergence.lags.map(({ peer }) => peer)).to.deep.equal(["two"]);
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
});
