import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import {
  bringFormer,
  bringRestoredKeys,
  contentFrom,
  readRestored,
} from "../../../../../src/agents/sidecar/backups/restored";
import { serialAfter } from "../../../../../src/dns/serial";
import { findSerial } from "../../../../../src/dns/master-file";
import { KnotVolume } from "../../../../../src/knot/config/volume";

const now = 1_800_000_000_000;
const zoneText = (serial: number): string =>
  `a.example.\t5\tSOA\ta. b. ${serial} 60 10 3600 5\nwww.a.example.\t5\tA\t192.0.2.1\n`;

describe("a zone's content from a backup", () => {
  it("counts where others have an older one or none, and where it is forced", () => {
    const serialOf = (served: number | undefined, isForced = false): number | undefined => {
      const text = contentFrom(zoneText(7), { served, isForced, now });
      return text === undefined ? undefined : findSerial(text)?.serial;
    };
    expect(serialOf(undefined)).to.equal(now / 1000);
    expect(serialOf(6)).to.equal(now / 1000);
    expect(serialOf(7)).to.equal(undefined);
    expect(serialOf(8)).to.equal(undefined);
    expect(serialOf(now / 1000 + 5, true)).to.equal(now / 1000 + 6);
  });

  it("has a serial after all that were seen, and far beyond one of its own that is ahead of the time", () => {
    const text = contentFrom(zoneText(2_026_112_905), { served: undefined, isForced: false, now }) ?? "";
    expect(findSerial(text)?.serial).to.equal(2_026_112_905 + 10_001);
    expect(serialAfter(now, undefined)).to.equal(now / 1000);
    expect(serialAfter(now, 2_026_112_905, 5)).to.equal(2_026_112_906);
    expect(serialAfter(now, 2 ** 32 - 1)).to.equal(now / 1000);
    expect(serialAfter(now, now / 1000)).to.equal(now / 1000 + 1);
  });
});

describe("a backup on the volume", () => {
  let volume: KnotVolume;
  beforeEach(async () => {
    volume = new KnotVolume(await mkdtemp(join(tmpdir(), "restored-")));
  });
  afterEach(() => rm(volume.root, { recursive: true }));

  const place = async (site: string): Promise<string> => {
    const folder = join(volume.backup, "restored");
    await mkdir(join(folder, "knot", "zonefiles"), { recursive: true });
    await mkdir(join(folder, "knot", "keys", "keys"), { recursive: true });
    const at = "2026-11-29T09:00:00.000Z";
    await writeFile(join(folder, "restore.json"), JSON.stringify({ snapshot: "s", at, forced: false }));
    await writeFile(join(folder, "manifest.json"), JSON.stringify({ site, at, zones: [], keys: [] }));
    return folder;
  };

  it("is nothing until its order is there, and refused when it is another site's", async () => {
    expect(await readRestored(volume, "site-a")).to.equal(undefined);
    await place("site-b");
    const refusal = await readRestored(volume, "site-a").then(() => "", String);
    expect(refusal).to.contain("holds a backup of site-b, and this is site-a");
    expect((await readRestored(volume, "site-b"))?.order.snapshot).to.equal("s");
  });

  it("gives zones without what a signer makes", async () => {
    const folder = await place("site-a");
    const signatures = "a.example.\t5\tRRSIG\tSOA 13 2 5 …\na.example. 5 DNSKEY 256 3 13 …\n;; Written 4 records\n";
    await writeFile(join(folder, "knot", "zonefiles", "a.example.zone"), `;; Zone dump\n${zoneText(7)}${signatures}`);
    const restored = await readRestored(volume, "site-a");
    expect(await restored?.textOf("a.example")).to.equal(zoneText(7));
    expect(await restored?.textOf("b.example")).to.equal(undefined);
  });

  it("gives its keys to a volume that has none, and to no other", async () => {
    const folder = await place("site-a");
    const pem = `${"ab".repeat(20)}.pem`;
    await writeFile(join(folder, "knot", "keys", "data.mdb"), "states");
    await writeFile(join(folder, "knot", "keys", "lock.mdb"), "lock");
    await writeFile(join(folder, "knot", "keys", "keys", pem), "private");
    expect(await bringRestoredKeys(volume)).to.equal(1);
    expect(await readFile(join(volume.keys, "keys", pem), "utf8")).to.equal("private");
    await writeFile(join(folder, "knot", "keys", "keys", pem), "other");
    expect(await bringRestoredKeys(volume)).to.equal(0);
    expect(await readFile(join(volume.keys, "keys", pem), "utf8")).to.equal("private");
  });

  it("gives what zones held last that left the site, where the volume has none of its own", async () => {
    for (const zone of ["gone.example", "late.example"]) {
      const file = join(volume.backup, "restored", "former", `${zone}.zone`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, "backed up");
    }
    await mkdir(volume.formerContents, { recursive: true });
    await writeFile(volume.formerContent("late.example"), "own");
    await bringFormer(volume);
    const texts = ["gone.example", "late.example"].map((zone) => readFile(volume.formerContent(zone), "utf8"));
    expect(await Promise.all(texts)).to.deep.equal(["backed up", "own"]);
  });
});
