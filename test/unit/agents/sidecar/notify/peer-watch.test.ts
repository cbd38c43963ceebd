import { expect } from "chai";

import { PeerWatch } from "../../../../../src/agents/sidecar/notify/peer-watch";
import type { Target } from "../../../../../src/agents/sidecar/notify/open-entries";
import { DnsError } from "../../../../../src/dns/errors";
import type { SoaData } from "../../../../../src/dns/record";

describe("the watch on peers", () => {
  const knot = { address: "own", port: 53 };
  let now: number;
  let silent: Set<string>;
  let refusing: Set<string>;
  let asked: string[];
  let targets: Target[];
  let watch: PeerWatch;
  const target = (site: string, ...addresses: string[]): Target => ({
    site,
    servers: addresses.map((address) => ({ address, port: 53 })),
  });

  beforeEach(() => {
    [now, silent, refusing, asked] = [0, new Set(), new Set(), []];
    targets = [target("b", "b1", "b2"), target("c", "c1")];
    watch = new PeerWatch({
      knot,
      now: () => now,
      targets: () => targets,
      zone: () => "dir",
      dns: {
        querySoa: ({ address }) => {
          asked.push(address);
          if (silent.has(address)) return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
          if (refusing.has(address)) return Promise.reject(new DnsError({ kind: "refused" }));
          return Promise.resolve({} as SoaData);
        },
      },
    });
  });

  const run = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      await watch.round();
      now += 1000;
    }
  };
  const up = () => watch.looks.map(({ site, isUp }) => `${site} ${isUp ? "up" : "down"}`);

  it("asks each in its turn, once in half a minute, and the own Knot each five seconds", async () => {
    await run(30);
    expect(asked.filter((address) => address === "own")).to.have.length(6);
    expect(asked.filter((address) => address !== "own")).to.deep.equal(["b1", "c1"]);
    await run(2);
    expect(asked.filter((address) => address !== "own")).to.deep.equal(["b1", "c1", "b1", "c1"]);
    expect(up()).to.deep.equal(["b up", "c up"]);
  });

  it("takes any answer for one, at any address, and keeps how long the last took", async () => {
    silent.add("b1");
    refusing.add("c1");
    await run(2);
    expect(up()).to.deep.equal(["b up", "c up"]);
    silent.add("b2").add("c1");
    await run(32);
    expect(up()).to.deep.equal(["b down", "c down"]);
    expect(watch.looks.map(({ answerMs }) => answerMs !== undefined)).to.deep.equal([true, true]);
  });

  it("asks a hundred of them no more than once a second", async () => {
    targets = Array.from({ length: 100 }, (_, i) => target(`s${i}`, `a${i}`));
    await run(100);
    expect(new Set(asked.filter((address) => address !== "own")).size).to.equal(100);
    expect(asked.filter((address) => address !== "own")).to.have.length(100);
  });

  it("forgets who is no peer any more", async () => {
    await run(3);
    targets = [target("c", "c1")];
    expect(up()).to.deep.equal(["c up"]);
  });
});
