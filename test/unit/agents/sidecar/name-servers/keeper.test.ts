import { expect } from "chai";

import { NameServerKeeper } from "../../../../../src/agents/sidecar/name-servers/keeper";
import type { Inputs } from "../../../../../src/agents/sidecar/inputs/inputs";
import type { AgentState } from "../../../../../src/agents/sidecar/state-store";
import { createLogger } from "../../../../../src/base/log";
import { DnsError } from "../../../../../src/dns/errors";
import type { Message } from "../../../../../src/dns/message";
import { dnskeyText, dsText } from "../../../../../src/dns/rdata/trust-types";
import type { ResourceRecord, SoaData } from "../../../../../src/dns/record";
import { KnotControlError, type StoredRecord } from "../../../../../src/knot/control/knot-control";
import type { MeshView, SiteView, ZoneView } from "../../../../../src/mesh/view";

const zone = "a.example";

/** A Knot with zones as records, and the sites that it can ask. */
class FakeMesh {
  serial = 10;
  records = new Map<string, StoredRecord[]>();
  /** Serial of every zone by address; none answers nothing. */
  servers = new Map<string, number | DnsError>();
  edits: string[] = [];
  state: AgentState = { wasReady: true, seeded: [zone] };
  now = 0;
  problems: readonly string[] = [];
  announced = 0;
  /** Zones whose transactions were dropped, by call. */
  dropped: string[][] = [];
  asked: string[] = [];
  failure: Error | undefined;
  /** Names for which the own Knot answers SERVFAIL. */
  readonly failing = new Set<string>();

  readonly keeper: NameServerKeeper;

  constructor(own: readonly string[] = [zone]) {
    this.keeper = new NameServerKeeper({
      control: {
        zoneStatus: (zones = []) =>
          Promise.resolve(zones.map((name) => ({ zone: name, role: "master", serial: this.serial }))),
        dropTransactions: (zones) => {
          this.dropped.push([...zones]);
          return Promise.resolve([]);
        },
        zoneRead: (of, { owner, type }) => {
          if (this.failure !== undefined) return Promise.reject(this.failure);
          const found = this.at(of).filter((each) => each.owner === owner && each.type === type);
          const text = (data: string): string => {
            if (!/^[\da-f]+$/i.test(data)) return data;
            if (type === "CDNSKEY") return dnskeyText(Buffer.from(data, "hex"));
            return type === "CDS" ? dsText(Buffer.from(data, "hex")) : data;
          };
          return Promise.resolve(found.map((each) => ({ ...each, data: text(each.data) })));
        },
        zoneEdit: (of, { add, remove }) => {
          const left = this.at(of).filter(
            (each) =>
              !remove.some((one) => one.owner === each.owner && one.type === each.type && one.data === each.data),
          );
          this.records.set(of, [...left, ...add]);
          this.edits.push(
            ...[...add.map((each) => `+${each.owner} ${each.type} ${each.data}`)],
            ...remove.map((each) => `-${each.owner} ${each.type} ${each.data}`),
          );
          this.serial += 1;
          return Promise.resolve();
        },
      },
      dns: {
        querySoa: ({ address }) => {
          this.asked.push(address);
          const serial = this.servers.get(address) ?? new DnsError({ kind: "timeout" } as DnsError["failure"]);
          return typeof serial === "number" ? Promise.resolve({ serial } as SoaData) : Promise.reject(serial);
        },
      },
      ownDns: {
        query: (_, name, type) => {
          const holder = [...this.records.keys()]
            .filter((each) => name === each || name.endsWith(`.${each}`))
            .sort((a, b) => b.length - a.length)[0];
          const found = this.at(holder ?? "").filter((each) => each.owner === name && each.type === type);
          const answers = found.map(({ data }) => recordOf(name, type, data));
          const rcode = this.failing.has(name) ? 2 : 0;
          return Promise.resolve({ rcode, flags: { aa: true }, answers } as unknown as Message);
        },
      },
      knot: { address: "own", port: 53 },
      inputs: () =>
        ({
          packet: { directoryZone: "dns.internal", site: { name: "a" } },
          runtime: { remotePort: 53 },
        }) as unknown as Inputs,
      own: () => own,
      store: stateOf(this),
      problems: { set: (_, messages) => (this.problems = messages) },
      changed: () => (this.announced += 1),
      now: () => this.now,
      log: createLogger({ write: () => undefined, now: () => 0 }),
    });
  }

  at(of: string): StoredRecord[] {
    return this.records.get(of) ?? [];
  }

  put(of: string, [owner, type]: readonly [string, string], ...data: string[]): void {
    this.records.set(of, [...this.at(of), ...data.map((each) => ({ owner, type, ttl: 60, data: each }))]);
    this.serial += 1;
  }

  values(of: string, owner: string, type: string): string[] {
    return this.at(of)
      .filter((each) => each.owner === owner && each.type === type)
      .map(({ data }) => data)
      .sort();
  }

  /** Rounds for so long. */
  async settle(seconds = 60): Promise<void> {
    for (let i = 0; i < seconds; i += 2) {
      this.now += 2000;
      await this.keeper.round();
    }
  }
}

function stateOf(mesh: { state: AgentState }) {
  return {
    get state() {
      return mesh.state;
    },
    update: (change: (state: AgentState) => AgentState) => {
      mesh.state = change(mesh.state);
      return Promise.resolve();
    },
  };
}

function recordOf(name: string, type: string, data: string): ResourceRecord {
  const base = { name, class: "IN" as const, ttl: 60 };
  if (type === "NS") return { ...base, type: "NS", target: data.replace(/\.$/, "") };
  if (type === "A" || type === "AAAA") return { ...base, type, address: data };
  return { ...base, type: "OTHER", typeName: type, rdata: Uint8Array.from(Buffer.from(data, "hex")) };
}

const site = (name: string, fields: Partial<SiteView> = {}): SiteView => ({
  ...{ name, role: name === "a" ? "primary-catalog" : "standard", addresses: [`10.0.0.${name.charCodeAt(0) - 96}`] },
  ...{ sources: [], ...fields },
});
const zoneOf = (name: string, owner = "a", fields: Partial<ZoneView> = {}): ZoneView => ({
  ...{ name, owner, id: name },
  ...fields,
});
const view = (sites: readonly SiteView[], fields: Partial<MeshView> = {}): MeshView => ({
  ...{ directorySerial: 1, catalogSerial: 1, sites, zones: [zoneOf(zone)], nameServers: "all" },
  ...fields,
});
const unsaid = ({ nameServers: _, ...rest }: MeshView): MeshView => rest;
const [nsA, nsB, nsC] = ["a", "b", "c"].map((name) => `${name}.dns.internal.`) as [string, string, string];

describe("the keeper of name servers", () => {
  let mesh: FakeMesh;
  beforeEach(() => {
    mesh = new FakeMesh();
    mesh.put(zone, [zone, "NS"], nsA);
    mesh.servers.set("10.0.0.2", 1000).set("10.0.0.3", 1000);
  });
  const see = async (next: MeshView, seconds?: number): Promise<void> => {
    mesh.state = { ...mesh.state, view: next };
    await mesh.settle(seconds);
  };
  const servers = (): string[] => mesh.values(zone, zone, "NS");

  it("names a site once it answers the zone in our version", async () => {
    mesh.servers.delete("10.0.0.2");
    await see(view([site("a"), site("b")]), 10);
    expect(servers()).to.deep.equal([nsA]);
    expect(mesh.keeper.zones[0]?.waiting.join()).to.contain("b.dns.internal (b) is no name server yet");
    mesh.servers.set("10.0.0.2", 1);
    await mesh.settle();
    expect(servers()).to.deep.equal([nsA]);
    expect(mesh.keeper.zones[0]?.waiting.join()).to.contain("10.0.0.2 has the older serial 1");
    mesh.servers.set("10.0.0.2", mesh.serial);
    await mesh.settle();
    expect(servers()).to.deep.equal([nsA, nsB]);
    expect(mesh.keeper.zones[0]?.waiting).to.deep.equal([]);
    expect(mesh.announced).to.equal(1);
  });

  it("changes nothing in a zone that has just begun before it is known that others have nothing newer of it", async () => {
    mesh.serial = 1;
    mesh.servers.clear();
    const sites = [site("a", { nameServer: `ns1.${zone}` }), site("b"), site("c")];
    await see(view(sites));
    expect(mesh.edits, "all others are away").to.deep.equal([]);
    expect(mesh.keeper.zones[0]?.waiting.join()).to.contain("the zone begins");
    mesh.servers.set("10.0.0.2", 1000);
    await mesh.settle();
    expect(mesh.edits, "b has what was lost here").to.deep.equal([]);
    mesh.servers.set("10.0.0.2", 1);
    await mesh.settle();
    expect(mesh.edits.join()).to.contain(`+ns1.${zone} A 10.0.0.1`);
  });

  it("changes a zone that has just begun where there is no other site", async () => {
    mesh.serial = 1;
    await see(view([site("a", { nameServer: `ns1.${zone}` })]));
    expect(mesh.edits.join()).to.contain(`+ns1.${zone} A 10.0.0.1`);
  });

  it("does not name one of which an address answers something else", async () => {
    mesh.servers.set("10.0.0.9", new DnsError({ kind: "refused" }));
    await see(view([site("a"), site("b", { addresses: ["10.0.0.2", "10.0.0.9"] })]));
    expect(servers()).to.deep.equal([nsA]);
    mesh.servers.delete("10.0.0.9");
    await mesh.settle();
    expect(servers()).to.deep.equal([nsA, nsB]);
  });

  it("says after a while that somebody is waited for, as a problem", async () => {
    mesh.servers.delete("10.0.0.2");
    await see(view([site("a"), site("b")]), 240);
    expect(mesh.problems).to.deep.equal([]);
    await mesh.settle(120);
    expect(mesh.problems.join()).to.contain(`zone ${zone}: b.dns.internal (b) is no name server yet`);
    mesh.servers.set("10.0.0.2", 1000);
    await mesh.settle();
    expect(mesh.problems).to.deep.equal([]);
  });

  it("takes a site out that is marked to leave, or is gone, and keeps what somebody wrote", async () => {
    mesh.put(zone, [zone, "NS"], "ns.elsewhere.example.");
    await see(view([site("a"), site("b"), site("c")]));
    expect(servers()).to.deep.equal([nsA, nsB, nsC, "ns.elsewhere.example."]);
    await see(view([site("a"), site("b", { retired: "2099-01-01" }), site("c")]));
    expect(servers()).to.deep.equal([nsA, nsC, "ns.elsewhere.example."]);
    await see(view([site("a")]));
    expect(servers()).to.deep.equal([nsA, "ns.elsewhere.example."]);
    expect(mesh.keeper.zones[0]?.kept).to.deep.equal(["ns.elsewhere.example"]);
  });

  describe("with servers outside the mesh", () => {
    const provider = "ns1.provider.test.";
    const listed = (...names: string[]) => ({ nameServers: ["all", ...names] });

    it("names them beside the sites, without asking, and takes them out when the list does", async () => {
      mesh.put(zone, [zone, "NS"], "ns.elsewhere.example.");
      mesh.asked = [];
      await see(view([site("a"), site("b")], listed("ns1.provider.test")));
      expect(servers()).to.deep.equal([nsA, nsB, "ns.elsewhere.example.", provider]);
      expect(new Set(mesh.asked)).to.deep.equal(new Set(["10.0.0.2"]));
      expect(mesh.keeper.zones[0]?.kept).to.deep.equal(["ns.elsewhere.example"]);
      await see(view([site("a"), site("b"), site("c")], listed("ns1.provider.test")));
      await see(view([site("a"), site("c")], listed("ns1.provider.test")));
      expect(servers()).to.deep.equal([nsA, nsC, "ns.elsewhere.example.", provider]);
      await see(view([site("a"), site("c")]));
      expect(servers()).to.deep.equal([nsA, nsC, "ns.elsewhere.example."]);
      expect(mesh.state.serverNames).to.equal(undefined);
    });

    it("takes out one that stood there before it was listed, once it is listed no more", async () => {
      mesh.put(zone, [zone, "NS"], provider);
      await see(view([site("a")], listed("ns1.provider.test")));
      expect(mesh.keeper.zones[0]?.kept).to.deep.equal([]);
      await see(view([site("a")]));
      expect(servers()).to.deep.equal([nsA]);
    });

    it("leaves the sites out where the list has none, and puts them back", async () => {
      await see(view([site("a"), site("b")]));
      await see(view([site("a"), site("b")], { nameServers: ["ns1.provider.test"] }));
      expect(servers()).to.deep.equal([provider]);
      await see(view([site("a"), site("b")]));
      expect(servers()).to.deep.equal([nsA, nsB]);
    });

    it("waits for an address of a name in a zone of the mesh, and leaves that to whoever wrote it", async () => {
      const name = `ns9.${zone}`;
      await see(view([site("a")], listed(name)));
      expect(servers()).to.deep.equal([nsA]);
      expect(mesh.keeper.zones[0]?.waiting.join()).to.contain(`${name} (outside the mesh) is no name server yet`);
      mesh.put(zone, [name, "A"], "198.51.100.9");
      await mesh.settle();
      expect(servers()).to.deep.equal([nsA, `${name}.`]);
      await see(view([site("a")]));
      expect(servers()).to.deep.equal([nsA]);
      expect(mesh.values(zone, name, "A")).to.deep.equal(["198.51.100.9"]);
    });
  });

  it("puts back what somebody takes away", async () => {
    await see(view([site("a"), site("b")]));
    mesh.records.set(zone, []);
    mesh.put(zone, [zone, "NS"], nsA);
    await mesh.settle();
    expect(servers()).to.deep.equal([nsA, nsB]);
  });

  it("puts the same back five times in an hour, and then says that somebody undoes it", async () => {
    const seen = view([site("a"), site("b")]);
    const undo = async (seconds: number): Promise<void> => {
      mesh.records.set(zone, []);
      mesh.put(zone, [zone, "NS"], nsA);
      await mesh.settle(seconds);
    };
    await see(seen);
    for (let i = 0; i < 4; i++) {
      await undo(10);
      expect(servers()).to.deep.equal([nsA, nsB]);
    }
    await undo(600);
    expect(servers()).to.deep.equal([nsA]);
    expect(mesh.problems.join()).to.contain(
      `zone ${zone}: somebody else undoes what the list says (+${zone} NS ${nsB})`,
    );
    await see({ ...seen, directorySerial: 2 });
    expect(servers()).to.deep.equal([nsA, nsB]);
    expect(mesh.problems).to.deep.equal([]);
    for (let i = 0; i < 4; i++) await undo(10);
    await undo(4000);
    expect(servers()).to.deep.equal([nsA, nsB]);
  });

  it("drops, once, what a predecessor that was killed left open", async () => {
    await see(view([site("a"), site("b")]));
    expect(mesh.dropped).to.deep.equal([[zone]]);
  });

  it("forgets what it noted of a zone that is another site's by now", async () => {
    mesh.state = { ...mesh.state, serverNames: { [zone]: ["ns9.a.example"], "gone.example": ["ns9.gone.example"] } };
    await see(view([site("a"), site("b")], { zones: [zoneOf(zone), zoneOf("gone.example", "b")] }));
    expect(mesh.state.serverNames).to.equal(undefined);
    expect(mesh.edits.filter((edit) => edit.includes("ns9"))).to.deep.equal([]);
  });

  it("changes nothing by a view that is not the directory's, nor where nothing is said", async () => {
    mesh.put(zone, [zone, "NS"], nsC);
    await see(view([site("a"), site("b")], { directorySerial: 0, catalogSerial: 0 }));
    await see(unsaid(view([site("a"), site("b")])));
    await see(view([], {}));
    expect(mesh.edits).to.deep.equal([]);
  });

  it("asks and reads nothing more once all is as it should be", async () => {
    await see(view([site("a"), site("b")]));
    mesh.asked = [];
    mesh.failure = new Error("read");
    await mesh.settle(120);
    expect(mesh.asked).to.deep.equal([]);
  });

  it("changes nothing when the zone cannot be read, and goes on when it can", async () => {
    mesh.failure = new KnotControlError("no");
    mesh.state = { ...mesh.state, view: view([site("a"), site("b")]) };
    mesh.now += 2000;
    const failed: unknown = await mesh.keeper.round().catch((error: unknown) => error);
    expect(failed).to.equal(mesh.failure);
    expect(mesh.edits).to.deep.equal([]);
    mesh.failure = undefined;
    await mesh.settle();
    expect(servers()).to.deep.equal([nsA, nsB]);
  });

  describe("of a signed zone", () => {
    const csync = (): string[] => mesh.values(zone, zone, "CSYNC");
    beforeEach(() => {
      mesh.put(zone, [zone, "CDS"], `00070d02${"ab".repeat(32)}`);
    });

    it("asks a parent outside the mesh to follow, as long as the zone is signed", async () => {
      await see(view([site("a")]));
      expect(csync()).to.deep.equal(["0 1 A NS AAAA"]);
      mesh.records.set(
        zone,
        mesh.at(zone).filter(({ type }) => type !== "CDS"),
      );
      mesh.put(zone, [zone, "CDS"], "0000000000");
      await mesh.settle();
      expect(csync()).to.deep.equal([]);
    });

    it("leaves alone what somebody wrote, a parent of the mesh, and zones of which the list says nothing", async () => {
      await see(unsaid(view([site("a")])));
      await see(view([site("a")], { zones: [zoneOf(zone), zoneOf("example", "b")] }));
      expect(csync()).to.deep.equal([]);
      mesh.put(zone, [zone, "CSYNC"], "66 3 NS");
      await see(view([site("a")]));
      expect(csync()).to.deep.equal(["66 3 NS"]);
    });
  });

  describe("of servers whose names lie in the zone", () => {
    const host = (name: string) => `ns-${name}.${zone}`;
    const named = (name: string, fields: Partial<SiteView> = {}) => site(name, { nameServer: host(name), ...fields });

    it("gives them their addresses, and takes both away", async () => {
      await see(view([named("a"), named("b")]));
      expect(servers()).to.deep.equal([`${host("a")}.`, `${host("b")}.`]);
      expect(mesh.values(zone, host("b"), "A")).to.deep.equal(["10.0.0.2"]);
      expect(mesh.state.serverNames).to.deep.equal({ [zone]: [host("a"), host("b")] });
      await see(view([named("a"), named("b", { retired: "2099-01-01" })]));
      expect(servers()).to.deep.equal([`${host("a")}.`]);
      expect(mesh.values(zone, host("b"), "A")).to.deep.equal(["10.0.0.2"]);
      await see(view([named("a")]));
      expect(mesh.values(zone, host("b"), "A")).to.deep.equal([]);
      expect(mesh.state.serverNames).to.deep.equal({ [zone]: [host("a")] });
    });

    it("follows another address once that answers", async () => {
      await see(view([named("a"), named("b")]));
      await see(view([named("a"), named("b", { addresses: ["10.0.0.20", "fd00::2"] })]));
      expect(mesh.values(zone, host("b"), "A")).to.deep.equal(["10.0.0.2"]);
      mesh.servers.set("10.0.0.20", 1000);
      await mesh.settle();
      expect(mesh.values(zone, host("b"), "A")).to.deep.equal(["10.0.0.20"]);
      expect(mesh.values(zone, host("b"), "AAAA")).to.deep.equal([]);
      mesh.servers.set("fd00::2", 1000);
      await mesh.settle();
      expect(mesh.values(zone, host("b"), "AAAA")).to.deep.equal(["fd00::2"]);
      expect(mesh.keeper.zones[0]?.parent).to.deep.equal({
        servers: [host("a"), host("b")],
        glue: [`${host("a")} 10.0.0.1`, `${host("b")} 10.0.0.20`, `${host("b")} fd00::2`],
      });
    });

    it("names none whose name is an alias", async () => {
      mesh.put(zone, [host("b"), "CNAME"], "elsewhere.example.");
      await see(view([named("a"), named("b")]));
      expect(servers()).to.deep.equal([`${host("a")}.`]);
      expect(mesh.keeper.zones[0]?.waiting.join()).to.contain("is an alias in the zone");
    });

    it("names one in another zone of the mesh once it has an address there", async () => {
      const other = "z.example";
      const zones = [zoneOf(zone), zoneOf(other, "b")];
      await see(view([site("a"), site("b", { nameServer: `ns.${other}` })], { zones }));
      expect(servers()).to.deep.equal([nsA]);
      mesh.put(other, [`ns.${other}`, "A"], "10.0.0.2");
      await mesh.settle();
      expect(servers()).to.deep.equal([nsA, `ns.${other}.`]);
    });
  });

  describe("of a zone in which servers of zones elsewhere have their names", () => {
    const other = "z.example";
    const named = (name: string) => site(name, { nameServer: `ns-${name}.${zone}` });
    const signal = (name: string) => `_dsboot.${other}._signal.ns-${name}.${zone}`;
    const said = (name: string) => ["CDS", "CDNSKEY"].map((type) => mesh.values(zone, signal(name), type));
    const whole = [[`7 13 2 ${"AB".repeat(32)}`], ["257 3 13 AAEC"]];
    const none = [[], []];
    const two = (fields: Partial<MeshView> = {}) =>
      view([named("a"), named("b")], { zones: [zoneOf(zone), zoneOf(other, "b")], ...fields });

    beforeEach(async () => {
      mesh.put(zone, [zone, "CDS"], `00070d02${"cd".repeat(32)}`);
      mesh.put(other, [other, "CDS"], `00070d02${"ab".repeat(32)}`);
      mesh.put(other, [other, "CDNSKEY"], "0101030d000102");
      await see(two());
    });

    it("says which keys those have, at each server's name, and not of the zone itself", () => {
      expect([said("a"), said("b")]).to.deep.equal([whole, whole]);
      expect(mesh.at(zone).filter(({ owner }) => owner.startsWith(`_dsboot.${zone}.`))).to.deep.equal([]);
      expect(mesh.state.serverNames?.[zone]).to.include.members([signal("a"), signal("b")]);
    });

    it("follows the keys, and ends with them", async () => {
      mesh.records.set(other, []);
      mesh.put(other, [other, "CDS"], `00080d02${"ef".repeat(32)}`);
      await mesh.settle();
      expect(said("a")).to.deep.equal([[`8 13 2 ${"EF".repeat(32)}`], []]);
      mesh.records.set(other, []);
      mesh.put(other, [other, "CDS"], "0000000000");
      await mesh.settle();
      expect(said("a")).to.deep.equal(none);
    });

    it("goes on saying it while the zone cannot be read", async () => {
      mesh.records.set(other, []);
      mesh.failing.add(other);
      await mesh.settle(400);
      expect(said("b")).to.deep.equal(whole);
    });

    it("says nothing once it is unsigned: nothing of it could be proven", async () => {
      mesh.records.set(
        zone,
        mesh.at(zone).filter(({ owner, type }) => owner !== zone || type !== "CDS"),
      );
      await mesh.settle(400);
      expect([said("a"), said("b")]).to.deep.equal([none, none]);
    });

    it("says nothing more of servers and zones that are gone, and of a zone below one of the mesh", async () => {
      await see(two({ sites: [named("a"), { ...named("b"), retired: "2099-01-01" }] }));
      expect([said("a"), said("b")]).to.deep.equal([whole, none]);
      await see(two({ zones: [zoneOf(zone), zoneOf(other, "b"), zoneOf("example", "b")] }));
      expect(said("a")).to.deep.equal(none);
      await see(two());
      expect(said("a")).to.deep.equal(whole);
      await see(two({ zones: [zoneOf(zone)] }));
      expect([said("a"), said("b")]).to.deep.equal([none, none]);
      expect(mesh.state.serverNames?.[zone]).to.deep.equal([`ns-a.${zone}`, `ns-b.${zone}`]);
    });
  });

  describe("of a zone below", () => {
    const child = `sub.${zone}`;
    /** Key tag 7, algorithm 13, SHA-256 of nothing that there is. */
    const cds = `00070d02${"ab".repeat(32)}`;
    const ds = `7 13 2 ${"AB".repeat(32)}`;
    const both = (fields: Partial<MeshView> = {}): MeshView =>
      view([site("a"), site("b")], { zones: [zoneOf(zone), zoneOf(child, "b")], ...fields });

    beforeEach(() => {
      mesh.put(child, [child, "NS"], `ns.${child}.`, nsB);
      mesh.put(child, [`ns.${child}`, "A"], "10.0.0.2");
    });

    it("has what that says of itself: name servers, addresses, and DS records by its CDS records", async () => {
      mesh.put(child, [child, "CDS"], cds);
      await see(both());
      expect(mesh.values(zone, child, "NS")).to.deep.equal([nsB, `ns.${child}.`].sort());
      expect(mesh.values(zone, `ns.${child}`, "A")).to.deep.equal(["10.0.0.2"]);
      expect(mesh.values(zone, child, "DS")).to.deep.equal([ds]);
      expect(new Set(mesh.at(zone).map(({ ttl }) => ttl))).to.deep.equal(new Set([60]));
      mesh.records.set(child, []);
      mesh.put(child, [child, "NS"], nsB);
      mesh.put(child, [child, "CDS"], "0000000000");
      await mesh.settle();
      expect(mesh.values(zone, child, "NS")).to.deep.equal([nsB]);
      expect(mesh.values(zone, `ns.${child}`, "A")).to.deep.equal([]);
      expect(mesh.values(zone, child, "DS")).to.deep.equal([]);
    });

    it("is as it was while a server in it has no address yet", async () => {
      mesh.records.set(child, []);
      mesh.put(child, [child, "NS"], nsB, `ns.${child}.`);
      await see(both());
      expect(mesh.values(zone, child, "NS")).to.deep.equal([]);
      mesh.put(child, [`ns.${child}`, "A"], "10.0.0.2");
      await mesh.settle();
      expect(mesh.values(zone, child, "NS")).to.deep.equal([nsB, `ns.${child}.`].sort());
    });

    it("waits with the first DS records of a delegation that stood without until unsigned answers are gone", async () => {
      mesh.put(zone, [child, "NS"], nsB, `ns.${child}.`);
      await see(both());
      mesh.put(child, [child, "CDS"], cds);
      await mesh.settle(3500);
      expect(mesh.values(zone, child, "DS")).to.deep.equal([]);
      await mesh.settle(300);
      expect(mesh.values(zone, child, "DS")).to.deep.equal([ds]);
    });

    it("keeps DS records where the zone says nothing of them, and everything where it does not answer", async () => {
      mesh.put(zone, [child, "DS"], ds);
      mesh.put(zone, [child, "NS"], nsB);
      await see(both());
      expect(mesh.values(zone, child, "DS")).to.deep.equal([ds]);
      mesh.edits = [];
      mesh.records.set(child, []);
      mesh.serial += 1;
      await mesh.settle();
      expect(mesh.edits).to.deep.equal([]);
    });

    it("is left alone where the list says nothing of its name servers", async () => {
      await see({ ...unsaid(both()), zones: [zoneOf(zone, "a", { nameServers: "all" }), zoneOf(child, "b")] });
      expect(mesh.values(zone, child, "NS")).to.deep.equal([]);
    });
  });
});
