import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { BackupMaker } from "../../../../../src/agents/sidecar/backups/maker";
import { readKeys } from "../../../../../src/agents/sidecar/backups/restored";
import { sha256 } from "../../../../../src/base/json";
import { createLogger } from "../../../../../src/base/log";
import type { ResourceRecord } from "../../../../../src/dns/record";
import { KnotVolume } from "../../../../../src/knot/config/volume";
import { welcomePacket } from "../../../../../src/mesh/welcome";
import { parseMesh } from "../../../../../src/settings/parse";

describe("making a backup", () => {
  const mesh = parseMesh({
    directoryZone: "dir",
    catalogZone: "cat",
    sites: [{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["own.example", "next.example"] }],
  });
  const site = {
    packet: welcomePacket(mesh, "a", "PEM"),
    localKey: { name: "k", algorithm: "hmac-sha256", secret: "" } as const,
  };
  let volume: KnotVolume;
  let written: string[];
  let transfer: (zone: string) => Promise<ResourceRecord[]>;

  beforeEach(async () => {
    volume = new KnotVolume(await mkdtemp(join(tmpdir(), "maker-")));
    written = ["own.example", "next.example"];
    transfer = (zone) =>
      Promise.resolve([
        {
          ...{ name: zone, class: "IN", ttl: 5, type: "SOA", mname: "a", rname: "b", serial: 7 },
          ...{ refresh: 60, retry: 10, expire: 3600, minimum: 5 },
        },
      ]);
  });
  afterEach(() => rm(volume.root, { recursive: true }));

  const zoneBackup = async (folder: string): Promise<void> => {
    await mkdir(join(folder, "zonefiles"), { recursive: true });
    for (const zone of written)
      await writeFile(join(folder, "zonefiles", `${zone}.zone`), `${zone}. 5 SOA a. b. 7 60 10 3600 5\n`);
  };
  const make = () =>
    new BackupMaker({
      volume,
      control: {
        zoneBackup,
        zoneStatus: () => Promise.resolve(written.map((zone) => ({ zone, role: "master", serial: 7 }))),
      },
      dns: { transfer: (_server: unknown, zone: string) => transfer(zone) },
      knot: { address: "192.0.2.1", port: 53 },
      now: () => 1_800_000_000_000,
      log: createLogger({ write: () => undefined, now: () => 0 }),
    }).make(site);
  const failure = (): Promise<string> =>
    make().then(
      () => "",
      (error: unknown) => String(error),
    );

  it("notes each zone with what Knot answers", async () => {
    const { zones } = await make();
    expect(zones.map(({ zone, digest }) => [zone, typeof digest])).to.deep.equal([
      ["own.example", "string"],
      ["next.example", "string"],
    ]);
  });

  it("fails without one of the site's zones, also one that waits for its content, and keeps the one before", async () => {
    await make();
    const before = await readFile(join(volume.backup, "current", "manifest.json"), "utf8");
    written = ["own.example"];
    expect(await failure()).to.contain("Knot wrote no backup of zone next.example");
    expect(await readFile(join(volume.backup, "current", "manifest.json"), "utf8")).to.equal(before);
  });

  it("fails when Knot does not give a zone: a drill could compare nothing", async () => {
    transfer = () => Promise.reject(new Error("no answer within 2 s"));
    expect(await failure()).to.contain("zone own.example: no answer within 2 s");
  });

  it("takes along what zones held last that left the site, and not of those that came back", async () => {
    for (const zone of ["gone.example", "own.example"]) {
      await mkdir(volume.formerContents, { recursive: true });
      await writeFile(volume.formerContent(zone), `${zone}. 5 SOA a. b. 7 60 10 3600 5\n`);
    }
    const { former } = await make();
    expect(former).to.deep.equal([
      { file: "gone.example.zone", digest: sha256("gone.example. 5 SOA a. b. 7 60 10 3600 5\n") },
    ]);
    expect(await readdir(join(volume.backup, "current", "former"))).to.deep.equal(["gone.example.zone"]);
  });

  it("takes keys that cannot be read for a failure, and a folder that is not there for none", async () => {
    expect((await readKeys(join(volume.root, "no-keys"))).size).to.equal(0);
    await mkdir(join(volume.root, "looped"));
    const path = join(volume.root, "x".repeat(300));
    expect(await readKeys(path).catch((error: unknown) => String(error))).to.contain("ENAMETOOLONG");
  });
});
