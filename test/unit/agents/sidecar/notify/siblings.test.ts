import { expect } from "chai";

import { Siblings } from "../../../../../src/agents/sidecar/notify/siblings";
import { DnsError } from "../../../../../src/dns/errors";
import type { SoaData } from "../../../../../src/dns/record";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";
import type { SiteRuntime } from "../../../../../src/knot/config/site-runtime";
import type { TsigKey } from "../../../../../src/dns/tsig-key";
import type { WelcomePacket } from "../../../../../src/mesh/model";
import type { MeshView } from "../../../../../src/mesh/view";

const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: "AAAA" };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const packet = {
  ...{ directoryZone: "dir", catalogZone: "cat", catalogs: [] },
  site: { name: "b", role: "standard", zones: [{ name: "own.example" }] },
} as unknown as WelcomePacket;
const view: MeshView = {
  ...{ directorySerial: 1, catalogSerial: 1, sites: [] },
  zones: ["far.example", "own.example"].map((name) => ({ name, owner: name === "own.example" ? "b" : "c", id: "" })),
};
const all = ["dir", "cat", "far.example", "own.example"];

/** Pods of one site; the one under test is asked as `self`. */
describe("pods of one site", () => {
  let now: number;
  let serials: Map<string, number>;
  /** Pods that do not answer, and those that NOTIFYs to do not reach. */
  let away: Set<string>;
  let deaf: Set<string>;
  let asked: string[];
  let told: string[];

  beforeEach(() => {
    now = 0;
    away = new Set();
    deaf = new Set();
    asked = [];
    told = [];
    serials = new Map();
    for (const at of ["self", "pod-0", "pod-1", "pod-2"]) for (const zone of all) serials.set(`${at} ${zone}`, 5);
  });

  const reach = ({ address }: DnsServer): void => {
    if (away.has(address)) throw new DnsError({ kind: "timeout", afterMs: 1 });
  };
  const dns = {
    querySoa: async (server: DnsServer, zone: string) => {
      await Promise.resolve();
      if (server.address !== "self") asked.push(`${server.address} ${zone}`);
      reach(server);
      const serial = serials.get(`${server.address} ${zone}`);
      if (serial === undefined) throw new DnsError({ kind: "refused" });
      return { serial } as SoaData;
    },
    notify: async (server: DnsServer, zone: string, serial: number | undefined) => {
      await Promise.resolve();
      reach(server);
      told.push(`${server.address} ${zone} ${serial ?? 0}`);
      if (!deaf.has(server.address)) serials.set(`${server.address} ${zone}`, serials.get(`self ${zone}`) ?? 0);
    },
    notifier: (zone: string, serial: number | undefined) => (server: DnsServer) => dns.notify(server, zone, serial),
  };
  const runtimeAt = (self: number, pods: number): SiteRuntime => ({
    ...{ storage: "/s", rundir: "/r", listen: [], remotePort: 53, secure: { listen: [], remotePort: 853 } },
    replicas: { self, addresses: Array.from({ length: pods }, (_, i) => `pod-${i}`) },
  });
  const create = async (self: number, pods: number) => {
    const siblings = new Siblings({
      ...{ dns, near: dns, log, knot: { address: "self", port: 53 }, now: () => now, random: () => 0.5 },
      pause: () => Promise.resolve(),
    });
    siblings.aim({ packet, view, runtime: runtimeAt(self, pods) });
    await siblings.round(key);
    [asked, told] = [[], []];
    return siblings;
  };
  const change = (zone: string, serial: number) => {
    serials.set(`self ${zone}`, serial);
    return { zone, serial, isNew: false };
  };

  it("notify each other of a change at once, whichever of them had it first and whosever zone it is", async () => {
    for (const [self, zone] of [
      [1, "far.example"],
      [2, "dir"],
      [0, "own.example"],
      [0, "cat"],
    ] as const) {
      const siblings = await create(self, 3);
      await siblings.announce([change(zone, 6)], key);
      const others = [0, 1, 2].filter((pod) => pod !== self).map((pod) => `pod-${pod}`);
      expect(told).to.have.members(others.map((pod) => `${pod} ${zone} 6`));
      for (const pod of others) expect(serials.get(`${pod} ${zone}`)).to.equal(6);
      expect(asked.length, "messages beside").to.be.at.most(2 * others.length);
      now += 1100;
      await siblings.round(key);
      expect(siblings.lags).to.deep.equal([]);
    }
  });

  it("go on telling one that missed it, until it has it", async () => {
    const siblings = await create(1, 3);
    deaf.add("pod-2");
    await siblings.announce([change("far.example", 6)], key);
    for (let round = 0; round < 3; round++) {
      now += 10_000;
      await siblings.round(key);
    }
    expect(told.filter((line) => line === "pod-2 far.example 6")).to.have.length(4);
    expect(siblings.lags.map(({ pod }) => pod)).to.deep.equal([2]);
    deaf.clear();
    now += 10_000;
    await siblings.round(key);
    now += 20_000;
    await siblings.round(key);
    expect(siblings.lags).to.deep.equal([]);
    asked = [];
    now += 1_000_000;
    await siblings.round(key);
    expect(asked).to.deep.equal([]);
  });

  it("never notify the writer of zones that it gets from no other server", async () => {
    serials.set("self own.example", 9);
    const siblings = await create(1, 3);
    await siblings.announce([change("own.example", 10)], key);
    expect(told).to.deep.equal(["pod-2 own.example 10"]);
    expect(asked.filter((line) => line.startsWith("pod-0"))).to.deep.equal([]);
    now += 10_000;
    await siblings.round(key);
    expect(siblings.lags).to.deep.equal([]);
  });

  it("know which changes another pod had first", async () => {
    const siblings = await create(1, 2);
    serials.set("pod-0 far.example", 6);
    const had = await siblings.announce([change("far.example", 6), change("dir", 6)], key);
    expect([...had]).to.deep.equal(["far.example"]);
    expect(told).to.deep.equal(["pod-0 dir 6"]);
  });

  it("are not held up by one that does not answer, and notify it when it is back", async () => {
    const siblings = await create(1, 2);
    away.add("pod-0");
    await siblings.announce([change("far.example", 6)], key);
    expect(asked, "once, and no waiting for it").to.deep.equal(["pod-0 far.example"]);
    for (let round = 0; round < 3; round++) {
      now += 10_000;
      await siblings.round(key);
    }
    away.clear();
    now += 60_000;
    await siblings.round(key);
    expect(told).to.deep.equal(["pod-0 far.example 6"]);
  });

  it("look at all zones of one that is new, and forget one that is gone", async () => {
    const siblings = await create(0, 2);
    serials.delete("pod-2 far.example");
    serials.set("pod-2 dir", 4);
    siblings.aim({ packet, view, runtime: runtimeAt(0, 3) });
    await siblings.round(key);
    expect(told).to.have.members(["pod-2 far.example 5", "pod-2 dir 5"]);
    expect(asked.filter((line) => line.startsWith("pod-1"))).to.deep.equal([]);
    deaf.add("pod-2");
    await siblings.announce([change("cat", 6)], key);
    now += 1100;
    await siblings.round(key);
    expect(siblings.lags).to.have.length(1);
    siblings.aim({ packet, view, runtime: runtimeAt(0, 1) });
    expect(siblings.lags).to.deep.equal([]);
    expect(siblings.exist).to.equal(false);
    await siblings.announce([change("cat", 7)], key);
    expect(told.filter((line) => line.includes("cat 7"))).to.deep.equal([]);
  });
});
