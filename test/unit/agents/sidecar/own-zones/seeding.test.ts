import { expect } from "chai";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type SeedInput, Seeder, withoutUnseeded } from "../../../../../src/agents/sidecar/own-zones/seeding";
import { DnsError } from "../../../../../src/dns/errors";
import { messageOf } from "../../../../../src/base/errors";
import { KnotControlError } from "../../../../../src/knot/control/knot-control";
import type { ResourceRecord } from "../../../../../src/dns/record";
import type { ZoneSource } from "../../../../../src/agents/sidecar/own-zones/zone-source";
import { parseMesh } from "../../../../../src/settings/parse";
import { welcomePacket } from "../../../../../src/mesh/welcome";
import type { MeshView } from "../../../../../src/mesh/view";

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
  const seed = (input: Partial<SeedInput>) =>
    seeder().seed({ packet, seeded: [], moment: "fresh", sources: [source], ...input });
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
    expect(await seed({})).to.deep.equal({ seeded: ["own.example"], waiting: [] });
    expect(await file()).to.match(/SOA c\.dir\. \S+ 1 /);
  });

  it("come back as the newest copy that any site holds", async () => {
    const copies = [8, 9, 7].map((serial) => served.map((one) => (one.type === "SOA" ? { ...one, serial } : one)));
    const texts = ["older", "newest", "oldest"];
    let asked = 0;
    answer = () => {
      const copy = copies[asked] ?? [];
      const text = texts[asked] ?? "";
      asked += 1;
      return Promise.resolve(copy.map((one) => (one.type === "TXT" ? { ...one, strings: [text] } : one)));
    };
    await seed({ sources: [source, source, source] });
    expect(await file()).to.include('"newest"');
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

  it("start from the model when nobody answers on a fresh volume", async () => {
    answer = () => Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
    expect((await seed({})).waiting).to.deep.equal([]);
  });

  it("are never given a first content twice", async () => {
    expect(await seed({ seeded: ["own.example"] })).to.deep.equal({ seeded: ["own.example"], waiting: [] });
    expect(await exists("zones/own.example.zone")).to.equal(false);
  });

  it("wait for Knot at a restart when the mesh knows them already", async () => {
    const { seeded, waiting } = await seed({ moment: "restart", sources: [], view: viewOf("c") });
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
      ...{ seeded: [], waiting: [] },
    });
    expect(await exists("zones/own.example.zone")).to.equal(false);
    answer = () => Promise.resolve(served);
    await seed({ moment: "running", view: viewOf("a") });
    expect(await file()).to.include('"kept"');
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

  it("are the writer's business only", async () => {
    const result = await seeder(1).seed({ packet, seeded: [], moment: "fresh", sources: [] });
    expect(result).to.deep.equal({ seeded: ["own.example"], waiting: [] });
    expect(await exists("zones/own.example.zone")).to.equal(false);
  });
});
