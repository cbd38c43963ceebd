import { expect } from "chai";

import { Announcer } from "../../../../../src/agents/sidecar/notify/announcer";
import { Relay } from "../../../../../src/agents/sidecar/notify/relay";
import { ServedSerials } from "../../../../../src/agents/sidecar/notify/served-serials";
import { DnsError } from "../../../../../src/dns/errors";
import type { SoaData } from "../../../../../src/dns/record";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";
import type { ZoneStatus } from "../../../../../src/knot/control/knot-control";
import type { FixedRuntime, SiteRuntime } from "../../../../../src/knot/config/site-runtime";
import type { TsigKey } from "../../../../../src/dns/tsig-key";
import type { WelcomePacket } from "../../../../../src/mesh/model";
import { homeOf } from "../../../../../src/mesh/topology";
import type { MeshView, SiteView } from "../../../../../src/mesh/view";

const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: "AAAA" };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const hubs = ["hub-a", "hub-b"];
const standard = ["s1", "s2", "s3", "s4", "s5", "s6"];
const siteOf = (name: string, i: number): SiteView => ({
  name,
  role: name === "hub-a" ? "primary-catalog" : name === "hub-b" ? "secondary-catalog" : "standard",
  addresses: [`192.0.2.${i + 1}`],
  sources: [],
});
const sites = [...hubs, ...standard].map(siteOf);
const nameAt = (server: DnsServer) => sites.find(({ addresses }) => addresses[0] === server.address)?.name ?? "self";
const runtime: SiteRuntime & FixedRuntime = {
  ...{ storage: "/s", rundir: "/r", listen: [], remotePort: 53 },
  secure: { listen: [], remotePort: 853 },
  replicas: { self: 0, addresses: [] },
};
const view: MeshView = {
  directorySerial: 1,
  catalogSerial: 1,
  topology: "hub",
  sites,
  zones: [{ name: "z.example", owner: "s1", id: "1" }],
};
const packet = { site: { name: "hub-a", zones: [] }, catalogs: [] } as unknown as WelcomePacket;
const homes = (hub: string) => standard.filter((name) => homeOf(name, hubs) === hub && name !== "s1");

const knot: DnsServer = { address: "127.0.0.1", port: 53 };

describe("a site that becomes a hub", () => {
  it("passes on the first change of another's zone that comes after that", async () => {
    const told: string[] = [];
    let serial = 5;
    const notify = (server: DnsServer, zone: string, to: number | undefined): Promise<void> =>
      Promise.resolve(void told.push(`${nameAt(server)} ${zone} ${to ?? 0}`));
    const dns = {
      notify,
      notifier: (zone: string, to: number | undefined) => (server: DnsServer) => notify(server, zone, to),
      querySoa: () => Promise.reject(new DnsError({ kind: "absent" })),
    };
    const announcer = new Announcer({
      ...{ dns, ownDns: dns, near: dns, knot, log, now: () => 0, random: () => 0.5 },
      control: {
        zoneStatus: (zones?: readonly string[]) =>
          Promise.resolve(zones === undefined ? [{ zone: "z.example", role: "slave", serial }] : []),
      },
      runtime,
      facts: () => ({ key, own: [], hasUpdaters: false, readers: [] }),
    });
    const { directorySerial, catalogSerial, zones } = view;
    const full: MeshView = { directorySerial, catalogSerial, sites, zones };
    announcer.aim({ packet, view: full, runtime }, []);
    await announcer.round();
    announcer.aim({ packet, view, runtime }, []);
    await new Promise(setImmediate);
    serial = 6;
    await announcer.announce();
    await new Promise(setImmediate);
    expect(told).to.include.members(homes("hub-a").map((name) => `${name} z.example 6`));
  });
});

describe("a hub's relay", () => {
  let told: string[];
  let away: Set<string>;
  let now: number;
  const soa = (serial: number): SoaData => ({
    ...{ type: "SOA", mname: "m", rname: "r", serial, refresh: 1, retry: 1, expire: 1, minimum: 1 },
  });
  const answer = <T>(server: DnsServer, value: T): Promise<T> =>
    away.has(nameAt(server)) ? Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 })) : Promise.resolve(value);
  const dns = {
    notifier:
      (zone: string, serial: number | undefined) =>
      (server: DnsServer): Promise<undefined> =>
        dns.notify(server, zone, serial),
    querySoa: (server: DnsServer) => answer(server, soa(nameAt(server) === "self" ? 5 : 4)),
    notify: (server: DnsServer, zone: string, serial: number | undefined) => {
      if (!away.has(nameAt(server))) told.push(`${nameAt(server)} ${zone} ${serial ?? 0}`);
      return answer(server, undefined);
    },
  };
  const create = (at: MeshView = view) => {
    const relay = new Relay({ dns, knot, now: () => now, random: () => 0.5, log });
    relay.aim({ packet, runtime, view: at });
    return relay;
  };
  const change = { zone: "z.example", serial: 5, isNew: false };
  const tellings = (names: readonly string[]) => names.map((name) => `${name} z.example 5`);

  beforeEach(() => {
    told = [];
    away = new Set();
    now = 1000;
  });

  it("notifies the other hubs and the sites at home here, but not the owner", async () => {
    await create().announce([change], key);
    expect(told).to.have.members(tellings(["hub-b", ...homes("hub-a")]));
  });

  it("notifies no site in a full mesh, and none of zones that are new", async () => {
    const { directorySerial, catalogSerial, zones } = view;
    await create({ directorySerial, catalogSerial, sites, zones }).announce([change], key);
    await create().announce([{ ...change, isNew: true }], key);
    expect(told).to.deep.equal([]);
  });

  it("takes the place of a hub that is away, for what is open and for what comes", async () => {
    away.add("hub-b");
    const relay = create();
    await relay.announce([change], key);
    expect(told).to.have.members(tellings(homes("hub-a")));
    await relay.round(key);
    expect(told).to.have.members(tellings([...homes("hub-a"), ...homes("hub-b")]));
    told = [];
    await relay.announce([{ ...change, serial: 6 }], key);
    expect(told).to.have.length(homes("hub-a").length + homes("hub-b").length);
  });

  it("repeats itself to those that lag, and forgets sites that left", async () => {
    const relay = create();
    await relay.announce([change], key);
    now += 1100;
    told = [];
    await relay.round(key);
    expect(told).to.have.members(tellings(["hub-b", ...homes("hub-a")]));
    relay.aim({ packet, runtime, view: { ...view, sites: sites.slice(0, 2) } });
    expect(relay.lags.map(({ site }) => site)).to.deep.equal(["hub-b"]);
  });

  it("leaves changes beyond its bound to the looks that Knot takes by itself", async () => {
    const many = Array.from({ length: 30_000 }, (_, i) => ({ zone: `${i}.example`, serial: 5, isNew: false }));
    const relay = create();
    await relay.announce(many, key);
    expect(relay.lags.reduce((sum, lag) => sum + lag.zones, 0)).to.be.within(19_000, 20_000);
  });
});

describe("serials that are served", () => {
  it("report what changed and what is new, after a first look", async () => {
    let statuses: ZoneStatus[] = [
      { zone: "a", role: "master", serial: 1 },
      { zone: "b", role: "slave", serial: undefined },
    ];
    const serials = new ServedSerials({
      control: { zoneStatus: () => Promise.resolve(statuses) },
      dns: { querySoa: () => Promise.reject(new Error()) },
      knot,
    });
    expect(await serials.changed()).to.deep.equal([]);
    expect(await serials.changed()).to.deep.equal([]);
    statuses = [
      { zone: "a", role: "master", serial: 2 },
      { zone: "b", role: "slave", serial: 7 },
    ];
    expect(await serials.changed()).to.deep.equal([
      { zone: "a", serial: 2, isNew: false },
      { zone: "b", serial: 7, isNew: true },
    ]);
  });

  it("are asked for by queries where the zones are few, and a zone that Knot does not have is none", async () => {
    const held = new Map([["a", 1]]);
    const querySoa = (_: DnsServer, zone: string) => {
      const serial = held.get(zone);
      return serial === undefined
        ? Promise.reject(new DnsError({ kind: "refused" }))
        : Promise.resolve({ serial } as SoaData);
    };
    const control = { zoneStatus: () => Promise.reject(new Error("not asked")) };
    const serials = new ServedSerials({ control, dns: { querySoa }, knot });
    await serials.changed(["a", "b"], "queries");
    held.set("a", 2).set("b", 1);
    expect(await serials.changed(["a", "b"], "queries")).to.deep.equal([
      { zone: "a", serial: 2, isNew: false },
      { zone: "b", serial: 1, isNew: true },
    ]);
  });
});
