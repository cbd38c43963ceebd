import { expect } from "chai";
import promises, { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { PutBack } from "../../../../../src/agents/sidecar/backups/put-back";
import { Problems } from "../../../../../src/agents/sidecar/http/status";
import type { Inputs } from "../../../../../src/agents/sidecar/inputs/inputs";
import { OwnZones } from "../../../../../src/agents/sidecar/own-zones/own-zones";
import { type AgentState, noteSeeded } from "../../../../../src/agents/sidecar/state-store";
import { createLogger } from "../../../../../src/base/log";
import type { DnsClient, DnsServer } from "../../../../../src/dns/client/dns-client";
import { DnsError } from "../../../../../src/dns/errors";
import type { ResourceRecord, SoaData } from "../../../../../src/dns/record";
import { KnotVolume } from "../../../../../src/knot/config/volume";
import type { KnotControl } from "../../../../../src/knot/control/knot-control";
import { welcomePacket } from "../../../../../src/mesh/welcome";
import { parseMesh } from "../../../../../src/settings/parse";
import { searched } from "../../../base/searched";

/** What a site says: serials by zone. One that is not there does not answer. */
type Answers = Readonly<Record<string, number>>;

describe("own zones of a new volume, by the clock", () => {
  const mesh = parseMesh({
    directoryZone: "dir",
    catalogZone: "cat",
    sites: [
      { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [] },
      { name: "b", role: "secondary-catalog", addresses: ["192.0.2.2"], zones: [] },
      { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["one.example", "two.example"] },
    ],
  });
  const zones = ["one.example", "two.example"];
  const [a, b, knot] = ["192.0.2.1", "192.0.2.2", "127.0.0.1"];
  let folder: string;
  let now: number;
  let servers: Record<string, Answers>;
  let state: AgentState;
  let own: OwnZones;
  let problems: Problems;

  const key = { name: "k", algorithm: "hmac-sha256", secret: "" } as const;
  const soa = (serial: number): SoaData => ({
    ...{ type: "SOA", mname: "m", rname: "r", serial, refresh: 1, retry: 1, expire: 1, minimum: 1 },
  });
  const dns = {
    querySoa: ({ address }: DnsServer, zone: string): Promise<SoaData> => {
      const answers = servers[address];
      if (answers === undefined) return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
      const serial = answers[zone];
      return serial === undefined
        ? Promise.reject(new DnsError({ kind: "unsigned", rcode: "SERVFAIL" }))
        : Promise.resolve(soa(serial));
    },
    transfer: ({ address }: DnsServer, zone: string): Promise<ResourceRecord[]> => {
      const serial = servers[address]?.[zone];
      if (serial === undefined) return Promise.reject(new DnsError({ kind: "refused" }));
      return Promise.resolve([{ name: zone, class: "IN", ttl: 1, ...soa(serial) }]);
    },
  } as unknown as DnsClient;
  const inputs = {
    packet: welcomePacket(mesh, "c", "PEM"),
    ring: { signing: key.name, accepted: [key] },
    localKey: key,
    runtime: { remotePort: 53, secure: { remotePort: 853 } },
  } as unknown as Inputs;
  const view = {
    ...{ directorySerial: 5, catalogSerial: 5 },
    sites: mesh.sites.map(({ name, role, addresses, sources }) => ({ name, role, addresses, sources })),
    zones: zones.map((name) => ({ name, owner: "c", id: name })),
  };

  const writeZone = async (name: string): Promise<void> => {
    const path = new KnotVolume(folder).zoneFile(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "; stands\n");
  };
  const start = () => {
    problems = new Problems(
      () => now,
      () => undefined,
    );
    own = new OwnZones({
      options: {
        runtime: {
          ...{ storage: folder, rundir: "/r", listen: [] },
          ...{ secure: { listen: [] }, replicas: { self: 0 } },
        },
        knot: { address: knot, port: 53 },
      },
      control: {} as unknown as KnotControl,
      dns,
      problems,
      now: () => now,
    });
  };
  /** A look, when one is due; the state follows as in a pass. */
  const look = async (): Promise<readonly string[]> => {
    const found = await own.seed(inputs, state);
    state = noteSeeded(state, found);
    return found.seeded;
  };
  /** Looks as they become due until all zones have a content, or it has been so many milliseconds. Returns when that was. */
  const until = async (longestMs: number): Promise<number> => {
    const began = now;
    for (; now - began <= longestMs; now += 100)
      if ((now === began || own.areDue) && (await look()).length === zones.length) return now - began;
    return Infinity;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "own-"));
    now = 1_000_000;
    servers = { [knot]: {} };
    state = { wasReady: false, view, seeded: [], sought: zones };
    start();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("begin at the first look when every other site denies them", async () => {
    servers = { ...servers, [a]: { dir: 5 }, [b]: { dir: 5 } };
    expect(await until(10_000)).to.equal(0);
  });

  it("begin once a denial has stood for six seconds while others are silent, and no second later", async () => {
    servers = { ...servers, [a]: { dir: 5 } };
    expect(await until(10_000)).to.equal(6000);
  });

  it("give who was never asked before those six seconds too: what was denied before all sites were known is no measure", async () => {
    servers = { ...servers, [a]: { dir: 5 } };
    const site = { name: "d", role: "standard", addresses: ["192.0.2.4"], sources: [] } as const;
    const known = { ...view, sites: [...view.sites, site] };
    state = { wasReady: false, seeded: [], sought: zones };
    expect(await until(7000)).to.equal(Infinity);
    state = { ...state, view: known };
    expect(await until(4000)).to.equal(Infinity);
    servers = { ...servers, "192.0.2.4": { dir: 5, "one.example": 7, "two.example": 8 } };
    expect(await until(1500)).to.be.lessThan(1500);
    for (const zone of zones)
      expect(await readFile(join(folder, "zones", `${zone}.zone`), "utf8")).to.match(/SOA m\. \S+ 10\d\d /);
  });

  it("never begin while nobody denies them, however often it looks", async () => {
    expect(await until(120_000)).to.equal(Infinity);
    servers = { ...servers, [a]: {} };
    expect(await until(120_000)).to.equal(Infinity);
  });

  it("start from the copy of a site that comes back within the six seconds", async () => {
    servers = { ...servers, [a]: { dir: 5 } };
    expect(await until(4000)).to.equal(Infinity);
    servers = { ...servers, [b]: { dir: 5, "one.example": 7, "two.example": 8 } };
    expect(await until(1500)).to.be.lessThan(1500);
    for (const zone of zones)
      expect(await readFile(join(folder, "zones", `${zone}.zone`), "utf8")).to.match(/SOA m\. \S+ 100\d /);
  });

  it("are looked for every second at first, and every three later", async () => {
    const looks = async (ms: number): Promise<number> => {
      let count = 0;
      for (const end = now + ms; now < end; now += 100) {
        if (!own.areDue) continue;
        await look();
        count += 1;
      }
      return count;
    };
    await look();
    expect(await looks(30_000)).to.be.within(29, 30);
    await looks(3000);
    expect(await looks(30_000)).to.equal(10);
  });

  it("have those served that are decided while others wait", async () => {
    servers = { ...servers, [a]: { dir: 5, "two.example": 7 } };
    expect(await look()).to.deep.equal(["two.example"]);
    expect(state.sought).to.deep.equal(["one.example"]);
    expect(problems.list().map(({ message }) => message)).to.have.length(1);
  });

  it("are told, many at once, without a search in all of them for each", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `z${i}.example`);
    const many = names.map((name) => ({ name, dnssec: false as const }));
    const { packet } = inputs;
    const all = { ...inputs, packet: { ...packet, site: { ...packet.site, zones: many } } };
    for (const name of names.slice(100)) await writeZone(name);
    let found: Awaited<ReturnType<OwnZones["standing"]>> | undefined;
    expect(await searched(async () => (found = await own.standing(all.packet)))).to.be.below(10 * names.length);
    expect([found?.seeded.length, found?.sought.length]).to.deep.equal([200, 100]);
    const held = { ...state, seeded: names.slice(100), sought: [], outside: names.slice(0, 100) };
    expect(await searched(() => own.seed(all, held))).to.be.below(10 * names.length);
  });

  describe("with a backup that counts in any case, where the agent ends in the middle", () => {
    const [rename, open] = [promises.rename.bind(promises), promises.open.bind(promises)];
    let [renames, last] = [0, Infinity];

    const place = async (): Promise<void> => {
      const restored = join(folder, "backup", "restored");
      await mkdir(join(restored, "knot", "zonefiles"), { recursive: true });
      const at = "2026-11-29T09:00:00.000Z";
      await writeFile(join(restored, "restore.json"), JSON.stringify({ snapshot: "s", at, forced: true }));
      const listed = zones.map((zone) => ({ zone, serial: 7 }));
      await writeFile(join(restored, "manifest.json"), JSON.stringify({ site: "c", at, zones: listed, keys: [] }));
      for (const zone of zones)
        await writeFile(
          join(restored, "knot", "zonefiles", `${zone}.zone`),
          `${zone}. 5 SOA a. b. 7 60 10 3600 5\nbacked-up.${zone}. 5 A 192.0.2.1\n`,
        );
    };
    /** The next agent's rounds, as long as there is something to put back. Returns what it had Knot load anew. */
    const putBack = async (): Promise<readonly string[]> => {
      const reloads: string[] = [];
      const rounds = new PutBack({
        volume: new KnotVolume(folder),
        control: {
          zoneReload: (zone) => Promise.resolve(void reloads.push(zone)),
          zoneStatus: ([zone = ""] = []) => Promise.resolve([{ zone, role: "master", serial: 9 }]),
        },
        own: () => state.seeded,
        sought: () => state.sought ?? [],
        changed: () => undefined,
        onFailures: () => undefined,
        now: () => now,
        log: createLogger({ write: () => undefined, now: () => 0 }),
      });
      for (let round = 0; round < 2; round++) await rounds.round("c");
      return reloads;
    };

    beforeEach(async () => {
      [renames, last] = [0, Infinity];
      Object.assign(promises, {
        rename: (from: string, to: string) =>
          ++renames > last ? Promise.reject(new Error("the agent has ended")) : rename(from, to),
        // The machine goes on, so that nothing has to reach the disk.
        open: async (...parameters: Parameters<typeof open>) =>
          Object.assign(await open(...parameters), { sync: () => Promise.resolve() }),
      });
      await place();
    });
    afterEach(() => Object.assign(promises, { rename, open }));

    it("begin with it once: what was changed since is not put back to it", async function () {
      this.timeout(60_000);
      let step = 0;
      for (; ; step++) {
        [renames, last] = [0, step];
        const before = state;
        await look().catch(() => undefined);
        const isOver = renames <= step;
        // What an agent that ends has not saved is not known to the next one.
        if (!isOver) state = before;
        [renames, last] = [0, Infinity];
        start();
        if (!isOver) await look();
        expect(await putBack(), `ended before file ${step + 1}`).to.deep.equal([]);
        for (const zone of zones)
          expect(await readFile(join(folder, "zones", `${zone}.zone`), "utf8")).to.contain(`backed-up.${zone}`);
        expect(JSON.parse(await readFile(join(folder, "backup", "restore-result.json"), "utf8"))).to.deep.equal({
          snapshot: "s",
        });
        const isGone = access(join(folder, "backup", "restored")).then(
          () => false,
          () => true,
        );
        expect(await isGone).to.equal(true);
        if (isOver) break;
        await rm(folder, { recursive: true });
        state = { wasReady: false, view, seeded: [], sought: zones };
        await place();
      }
      expect(step, "files that are written").to.be.above(4);
    });
  });
});
