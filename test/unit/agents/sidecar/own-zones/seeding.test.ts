import { expect } from "chai";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CopySearch } from "../../../../../src/agents/sidecar/own-zones/copy-search";
import { SaidBefore } from "../../../../../src/agents/sidecar/own-zones/said-before";
import { type SeedInput, Seeder, withoutUnseeded } from "../../../../../src/agents/sidecar/own-zones/seeding";
import { writeNote } from "../../../../../src/agents/sidecar/keys/note";
import { DnsError } from "../../../../../src/dns/errors";
import { messageOf } from "../../../../../src/base/errors";
import { KnotControlError } from "../../../../../src/knot/control/knot-control";
import type { ResourceRecord, SoaData } from "../../../../../src/dns/record";
import type { ZoneSource } from "../../../../../src/agents/sidecar/own-zones/zone-source";
import { parseMesh } from "../../../../../src/settings/parse";
import { welcomePacket } from "../../../../../src/mesh/welcome";
import type { MeshView } from "../../../../../src/mesh/view";
import { searched } from "../../../base/searched";

describe("own zones", () => {
  const mesh = parseMesh({
    directoryZone: "dir",
    catalogZone: "cat",
    sites: [
      { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [] },
      { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["own.example"] },
    ],
  });
  const packet = welcomePacket(mesh, "c", "PEM");
  const source: ZoneSource = {
    server: { address: "192.0.2.9", port: 53 },
    key: { name: "k", algorithm: "hmac-sha256", secret: "" },
  };
  const served: ResourceRecord[] = [
    {
      ...{ name: "own.example", class: "IN", ttl: 60, type: "SOA", mname: "m", rname: "r", serial: 7 },
      ...{ refresh: 1, retry: 1, expire: 1, minimum: 1 },
    },
    { name: "own.example", class: "IN", ttl: 60, type: "TXT", strings: ["kept"] },
  ];
  let folder: string;
  let answer: () => Promise<ResourceRecord[]>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "seed-"));
    answer = () => Promise.reject(new DnsError({ kind: "refused" }));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const seeder = (self = 0) =>
    new Seeder({
      runtime: {
        ...{ storage: folder, rundir: "/r", listen: [] },
        ...{ secure: { listen: [] }, replicas: { self } },
      },
      dns: { transfer: () => answer() },
      now: () => 1_000_000,
    });
  /** Other servers, which answer as `answer` says, and the directory when they are part of a mesh. */
  const others = (options: { sources?: ZoneSource[]; isFirst?: boolean; haveDirectory?: boolean } = {}) => {
    const { sources = [source], isFirst = false, haveDirectory = true } = options;
    const querySoa = async (_server: unknown, zone: string): Promise<SoaData> => {
      const records = zone === "own.example" || !haveDirectory ? await answer() : served;
      const soa = records.find((record) => record.type === "SOA");
      if (soa?.type !== "SOA") throw new Error("no SOA");
      return soa;
    };
    const said = new SaidBefore(() => 0);
    return new CopySearch({
      dns: { querySoa, transfer: () => answer() },
      directoryZone: "dir",
      sources,
      isFirst,
      said,
      areAllKnown: true,
    });
  };
  const seed = (input: Partial<SeedInput>) => {
    const { moment = "fresh" } = input;
    const way = moment === "fresh" ? { search: others() } : moment === "running" ? { own: source } : {};
    return seeder().seed({ packet, seeded: [], sought: [], moment, ...way, ...input });
  };
  const viewOf = (owner: string): MeshView => ({
    ...{ directorySerial: 1, catalogSerial: 1, sites: [] },
    zones: [{ name: "own.example", owner, id: "" }],
  });
  const file = () => readFile(join(folder, "zones/own.example.zone"), "utf8");
  const exists = (path: string) =>
    access(join(folder, path)).then(
      () => true,
      () => false,
    );

  it("start from the model on a fresh volume, with a serial older than any copy's", async () => {
    expect(await seed({})).to.deep.equal({ seeded: ["own.example"], sought: [], waiting: [] });
    expect(await file()).to.match(/SOA c\.dir\. \S+ 1 /);
  });

  it("are taken back from a peer's newer copy as long as they are as the model has them", async () => {
    await seed({});
    answer = () => Promise.resolve(served);
    const reloaded: string[] = [];
    const regain = (serial: number) =>
      seeder().regain({
        ...{ zone: "own.example", packet, source, serial: 7 },
        control: {
          zoneStatus: () => Promise.resolve([{ zone: "own.example", role: "master", serial }]),
          zoneReload: (zone: string) => Promise.resolve(void reloaded.push(zone)),
        },
      });
    expect(await regain(2)).to.equal(false);
    expect(await file()).not.to.include('"kept"');
    expect(await regain(1)).to.equal(true);
    expect(await file()).to.include('"kept"');
    expect(reloaded).to.deep.equal(["own.example"]);
  });

  it("are taken back in the version that was seen, though another pod of the peer gives an older one", async () => {
    await seed({});
    const older = served.map((one) => (one.type === "SOA" ? { ...one, serial: 6 } : { ...one, ttl: 1 }));
    let transfers = 0;
    answer = () => Promise.resolve(++transfers % 3 === 0 ? served : older);
    const regain = (serial: number) =>
      seeder().regain({
        ...{ zone: "own.example", packet, source, serial },
        control: {
          zoneStatus: () => Promise.resolve([{ zone: "own.example", role: "master", serial: 1 }]),
          zoneReload: () => Promise.resolve(),
        },
      });
    expect(await regain(7)).to.equal(true);
    expect(await file()).to.include('60 IN TXT "kept"');
    const before = await file();
    transfers = 0;
    const failure = await regain(8).then(() => undefined, messageOf);
    expect(failure).to.contain("older copies of zone own.example").and.to.contain("8");
    expect(transfers).to.be.at.most(8);
    expect(await file()).to.equal(before);
  });

  it("do not keep the others back when Knot cannot load one", async () => {
    await seed({});
    const control = {
      zoneStatus: () => Promise.resolve([{ zone: "own.example", role: "master", serial: undefined }]),
      zoneReload: () => Promise.reject(new KnotControlError("failed to load")),
    };
    expect(await seeder().finish(packet, control)).to.have.length(1);
  });

  it("come back from other sites when the volume was lost, not as skeletons", async () => {
    answer = () => Promise.resolve(served);
    await seed({});
    expect(await file())
      .to.include('"kept"')
      .and.to.include(" 1000 ");
  });

  it("wait on a fresh volume while nobody answers, also after a restart, and are taken when somebody has them", async () => {
    answer = () => Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
    const { seeded, sought, waiting } = await seed({});
    expect([seeded, sought]).to.deep.equal([[], ["own.example"]]);
    expect(waiting[0]).to.match(/own\.example is to be taken over: this volume is new.*no answer within/);
    const again = await seed({ moment: "restart", sought });
    expect([again.seeded, again.sought]).to.deep.equal([[], ["own.example"]]);
    const running = { moment: "running", sought, search: others() } as const;
    for (const view of [{}, { view: viewOf("c") }])
      expect(await seed({ ...running, ...view })).to.deep.include({ seeded: [], sought });
    expect(await exists("zones/own.example.zone")).to.equal(false);
    answer = () => Promise.resolve(served);
    expect(await seed({ ...running, search: others() })).to.deep.equal({
      ...{ seeded: ["own.example"], sought: [], waiting: [] },
    });
    expect(await file()).to.include('"kept"');
  });

  describe("that a restore has brought", () => {
    const backup = "own.example. 60 SOA m. r. 5 1 1 1 1\nwww.own.example. 60 A 192.0.2.5\n";
    const restored = (forced = false) => ({
      order: { snapshot: "s", at: "2026-11-29T09:00:00.000Z", forced },
      textOf: () => Promise.resolve(backup),
    });
    const silent = () => Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));

    it("wait while nobody answers who may have newer ones, and are taken from there when they do", async () => {
      answer = silent;
      const { sought, waiting } = await seed({ restored: restored() });
      expect(sought).to.deep.equal(["own.example"]);
      expect(waiting.join()).to.match(/a backup is on the volume, and waits for others.*no answer within/);
      expect(await exists("zones/own.example.zone")).to.equal(false);
      const running = { moment: "running", sought, restored: restored() } as const;
      expect((await seed({ ...running, search: others() })).sought).to.deep.equal(sought);
      answer = () => Promise.resolve(served);
      expect((await seed({ ...running, search: others() })).seeded).to.deep.equal(["own.example"]);
      expect(await file()).to.include('"kept"');
    });

    it("wait at the primary, too, which begins without a backup while all others are silent", async () => {
      answer = silent;
      const search = others({ isFirst: true });
      const { sought, waiting } = await seed({ restored: restored(), search });
      expect(sought).to.deep.equal(["own.example"]);
      expect(waiting.join()).to.match(/a backup is on the volume, and waits for others.*no answer within/);
      expect((await seed({ search })).seeded).to.deep.equal(["own.example"]);
    });

    it("begin with the backup when others have no newer one, also after a wait", async () => {
      answer = silent;
      const { sought } = await seed({ restored: restored() });
      answer = () => Promise.reject(new DnsError({ kind: "refused" }));
      await seed({ moment: "running", sought, restored: restored(), search: others() });
      expect(await file()).to.include("192.0.2.5");
    });

    it("begin with the backup at once when it counts in any case", async () => {
      answer = silent;
      expect((await seed({ restored: restored(true) })).seeded).to.deep.equal(["own.example"]);
      expect(await file()).to.include("192.0.2.5");
    });
  });

  it("begin anew after a wait when somebody who knows the mesh's zones denies them", async () => {
    const running = { moment: "running", sought: ["own.example"], view: viewOf("c") } as const;
    expect((await seed({ ...running, search: others({ haveDirectory: false }) })).sought).to.have.length(1);
    expect((await seed({ ...running, search: others() })).seeded).to.deep.equal(["own.example"]);
    expect(await file()).to.match(/SOA c\.dir\. \S+ 1 /);
  });

  it("are those of the owner by the directory when they moved while they were looked for", async () => {
    const running = { moment: "running", sought: ["own.example"], view: viewOf("a"), search: others() } as const;
    answer = () => Promise.reject(new DnsError({ kind: "refused" }));
    expect(await seed(running)).to.deep.include({ seeded: [], sought: [] });
  });

  it("are never given a first content twice", async () => {
    expect(await seed({ seeded: ["own.example"] })).to.deep.equal({
      ...{ seeded: ["own.example"], sought: [], waiting: [] },
    });
    expect(await exists("zones/own.example.zone")).to.equal(false);
  });

  it("wait for Knot at a restart when the mesh knows them already", async () => {
    const { seeded, waiting } = await seed({ moment: "restart", view: viewOf("c") });
    expect(seeded).to.deep.equal([]);
    expect(waiting[0]).to.match(/own\.example is to be taken over/);
    expect(withoutUnseeded(packet, seeded).site.zones).to.deep.equal([]);
  });

  it("wait while another site's zone cannot be taken over, and take it when it can", async () => {
    const input = { moment: "running", view: viewOf("a") } as const;
    expect((await seed(input)).waiting).to.have.length(1);
    expect(await exists("zones/own.example.zone")).to.equal(false);
    answer = () => Promise.resolve(served);
    expect((await seed(input)).waiting).to.deep.equal([]);
    expect(await file()).to.include('"kept"');
  });

  it("start from the model when Knot says that nobody has them, unsigned as it says so", async () => {
    answer = () => Promise.reject(new DnsError({ kind: "unsigned", rcode: "NOTAUTH" }));
    expect((await seed({ moment: "running", view: viewOf("c") })).waiting).to.deep.equal([]);
  });

  it("wait while Knot does not answer at all", async () => {
    answer = () => Promise.reject(new DnsError({ kind: "unreachable", code: "ECONNREFUSED" }));
    expect((await seed({ moment: "running", view: viewOf("c") })).waiting).to.have.length(1);
  });

  it("are taken as they are by then when they were away and come back", async () => {
    await seed({});
    const without = { ...packet, site: { ...packet.site, zones: [] } };
    expect(await seed({ packet: without, seeded: ["own.example"], moment: "running" })).to.deep.equal({
      ...{ seeded: [], sought: [], waiting: [] },
    });
    expect(await exists("zones/own.example.zone")).to.equal(false);
    answer = () => Promise.resolve(served);
    await seed({ moment: "running", view: viewOf("a") });
    expect(await file()).to.include('"kept"');
  });

  it("stay where they are when they went to another owner, with a copy, until the mesh has them no longer", async () => {
    await seed({});
    const begun = await file();
    const without = { ...packet, site: { ...packet.site, zones: [] } };
    const left = { packet: without, moment: "running" as const };
    const copy = () => readFile(join(folder, "mesh/former/own.example.zone"), "utf8");
    answer = () => Promise.resolve(served);
    for (const moment of ["running", "restart"] as const) {
      await seed({ ...left, moment, seeded: ["own.example"], view: viewOf("a") });
      expect(await file()).to.equal(begun);
      expect(await copy()).to.equal(moment === "restart" ? begun : await copy());
      if (moment === "running") expect(await copy()).to.include('"kept"');
    }
    await seed({ ...left, former: ["own.example"], view: viewOf("a") });
    expect(await file()).to.equal(begun);
    await seed({ ...left, former: ["own.example"], view: { ...viewOf("a"), zones: [] } });
    expect(await exists("zones/own.example.zone")).to.equal(false);
    expect(await copy()).to.include('"kept"');
  });

  it("are put back when Knot purged them on the way from member to own zone", async () => {
    await seed({});
    await rm(join(folder, "zones/own.example.zone"));
    const reloaded: string[] = [];
    const control = {
      zoneStatus: () =>
        Promise.resolve([{ zone: "own.example", role: "master", serial: reloaded.length > 0 ? 1 : undefined }]),
      zoneReload: (zone: string) => Promise.resolve(void reloaded.push(zone)),
    };
    await seeder().finish(packet, control);
    expect(reloaded).to.deep.equal(["own.example"]);
    expect(await file()).to.match(/SOA c\.dir\./);
    expect(await exists("mesh/first/own.example.zone")).to.equal(false);
  });

  it("are no longer damaged once Knot has loaded what was found elsewhere, and not before", async () => {
    await seed({});
    await seeder().putDamagedAside("own.example");
    const search = { find: () => Promise.resolve({ kind: "copy" as const, records: served }) };
    await seed({ moment: "running", sought: ["own.example"], search });
    const control = (serial?: number) => ({
      zoneStatus: () => Promise.resolve([{ zone: "own.example", role: "master", serial }]),
      zoneReload: () => Promise.resolve(),
    });
    await seeder().finish(packet, control());
    expect(await exists("mesh/damaged/own.example.zone")).to.equal(true);
    await seeder().finish(packet, control(8));
    expect(await exists("mesh/damaged/own.example.zone")).to.equal(false);
  });

  it("wait when they were signed with keys that are here, unless every other site denies them", async () => {
    const search = (unclear?: string) => ({
      find: () => Promise.resolve({ kind: "none" as const, ...(unclear !== undefined && { unclear }) }),
    });
    const running = { moment: "running", sought: ["own.example"] } as const;
    const note = { generation: 1, digest: "", madeAt: "", zones: ["own.example"] };
    await writeNote(join(folder, "mesh/kept-keys.json"), note);
    const { sought, waiting } = await seed({ ...running, search: search("no answer from b") });
    expect(sought).to.deep.equal(["own.example"]);
    expect(waiting[0]).to.match(/signed with keys that are here.*no answer from b/);
    expect((await seed({ ...running, search: search() })).seeded).to.deep.equal(["own.example"]);
    await rm(join(folder, "zones/own.example.zone"));
    await writeNote(join(folder, "mesh/kept-keys.json"), { ...note, zones: [] });
    expect((await seed({ ...running, search: search("no answer from b") })).seeded).to.deep.equal(["own.example"]);
  });

  it("are looked for, many at once, without a search in all of them for each", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `z${i}.example`);
    const many = {
      ...packet,
      site: { ...packet.site, zones: names.map((name) => ({ name, dnssec: false as const })) },
    };
    const input = {
      packet: many,
      sought: names,
      outside: names.slice(0, 100),
      moment: "running" as const,
    };
    let found: Awaited<ReturnType<typeof seed>> | undefined;
    const items = await searched(async () => (found = await seed(input)));
    expect(found?.sought).to.have.length(200);
    expect(items).to.be.below(20 * names.length);
  });

  it("are the writer's business only", async () => {
    const result = await seeder(1).seed({ packet, seeded: [], sought: [], moment: "fresh" });
    expect(result).to.deep.equal({ seeded: ["own.example"], sought: [], waiting: [] });
    expect(await exists("zones/own.example.zone")).to.equal(false);
  });
});
