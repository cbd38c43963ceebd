import promises, { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { PutBack } from "../../../../../src/agents/sidecar/backups/put-back";
import { clearTaken } from "../../../../../src/agents/sidecar/backups/restored";
import { createLogger } from "../../../../../src/base/log";
import { KnotControlError } from "../../../../../src/knot/control/knot-control";
import { KnotVolume } from "../../../../../src/knot/config/volume";

describe("a restore at a site that runs", () => {
  const zones = ["a.example", "b.example", "c.example"];
  let volume: KnotVolume;
  let reloads: string[];
  let broken: Set<string>;
  let refused: Set<string>;
  let now: number;
  let sought: string[];
  let shown: readonly string[];
  let begin: () => PutBack;
  let putBack: PutBack;

  beforeEach(async () => {
    volume = new KnotVolume(await mkdtemp(join(tmpdir(), "put-back-")));
    await mkdir(join(volume.root, "zones"));
    [reloads, broken, refused, sought, shown] = [[], new Set(), new Set(), [], []];
    now = 1_800_000_000_000;
    const zoneReload = (zone: string): Promise<void> => {
      reloads.push(zone);
      if (refused.has(zone)) return Promise.reject(new KnotControlError("external validation failed"));
      return broken.has(zone) ? Promise.reject(new Error("Knot is busy")) : Promise.resolve();
    };
    begin = () =>
      new PutBack({
        volume,
        control: { zoneReload, zoneStatus: () => Promise.resolve([]) },
        own: () => zones.filter((zone) => !sought.includes(zone)),
        sought: () => sought,
        changed: () => undefined,
        onFailures: (failures) => (shown = failures),
        now: () => now,
        log: createLogger({ write: () => undefined, now: () => 0 }),
      });
    putBack = begin();
  });
  afterEach(() => rm(volume.root, { recursive: true }));

  const folder = (): string => join(volume.backup, "restored");
  const place = async (forced: boolean, has: readonly string[] = zones): Promise<void> => {
    await mkdir(join(folder(), "knot", "zonefiles"), { recursive: true });
    const at = "2026-11-29T09:00:00.000Z";
    await writeFile(join(folder(), "restore.json"), JSON.stringify({ snapshot: "s", at, forced }));
    const listed = has.map((zone) => ({ zone, serial: 7 }));
    await writeFile(join(folder(), "manifest.json"), JSON.stringify({ site: "site-a", at, zones: listed, keys: [] }));
    for (const zone of has)
      await writeFile(join(folder(), "knot", "zonefiles", `${zone}.zone`), `${zone}. 5 SOA a. b. 7 60 10 3600 5\n`);
  };
  const stands = (): Promise<boolean> =>
    access(folder()).then(
      () => true,
      () => false,
    );
  const result = async (): Promise<unknown> =>
    JSON.parse(await readFile(join(volume.backup, "restore-result.json"), "utf8"));

  it("puts each zone back once, also when one fails, and that one again until it is back", async () => {
    await place(true);
    broken.add("b.example");
    for (let round = 0; round < 3; round++) await putBack.round("site-a");
    expect(reloads).to.deep.equal(["a.example", "b.example", "c.example", "b.example", "b.example"]);
    expect(shown).to.deep.equal(["zone b.example could not be put back and is tried again: Knot is busy"]);
    expect(await stands()).to.equal(true);
    broken.clear();
    await putBack.round("site-a");
    expect(await result()).to.deep.equal({ snapshot: "s" });
    expect([await stands(), shown]).to.deep.equal([false, []]);
  });

  it("leaves the file that stood of a zone that Knot does not take, and tries it again only after half a minute", async () => {
    await place(true, ["a.example", "b.example"]);
    const file = volume.zoneFile("b.example");
    await writeFile(file, "former");
    const before = await stat(file, { bigint: true });
    refused.add("b.example");
    for (let round = 0; round < 3; round++, now += 1000) await putBack.round("site-a");
    expect(reloads).to.deep.equal(["a.example", "b.example"]);
    expect(shown).to.deep.equal([
      "zone b.example could not be put back and is tried again: external validation failed",
    ]);
    expect(await readFile(file, "utf8")).to.equal("former");
    const after = await stat(file, { bigint: true });
    expect([after.ino, after.mtimeNs]).to.deep.equal([before.ino, before.mtimeNs]);
    now += 30_000;
    refused.clear();
    await putBack.round("site-a");
    expect(reloads.slice(2)).to.deep.equal(["b.example"]);
    expect(await readFile(file, "utf8")).to.contain("SOA");
    expect((await readdir(join(volume.root, "zones"))).sort()).to.deep.equal(["a.example.zone", "b.example.zone"]);
    expect([await stands(), shown]).to.deep.equal([false, []]);
  });

  it("is refused without a time, and says so to who asked for it", async () => {
    await place(false);
    await putBack.round("site-a");
    expect(reloads).to.deep.equal([]);
    expect(await stands()).to.equal(false);
    expect(await result()).to.deep.include({
      refused: "a restore without a time changes nothing at a site that runs",
    });
  });

  it("says which zones the backup does not have", async () => {
    await place(true, ["a.example"]);
    await putBack.round("site-a");
    expect(reloads).to.deep.equal(["a.example"]);
    expect(((await result()) as { refused: string }).refused).to.contain(
      "does not have zone b.example, c.example, which stays as it is",
    );
  });

  it("stays for zones that wait for others, over restarts, and ends when they have a content", async () => {
    await place(false);
    sought = ["b.example"];
    await putBack.round("site-a");
    await putBack.round("site-a");
    expect(await stands()).to.equal(true);
    sought = [];
    await putBack.round("site-a");
    expect([reloads, await stands(), await result()]).to.deep.equal([[], false, { snapshot: "s" }]);
  });

  it("puts no zone back a second time that has just begun with it", async () => {
    await place(true);
    sought = ["b.example"];
    await putBack.round("site-a");
    expect([reloads, await stands()]).to.deep.equal([["a.example", "c.example"], true]);
    sought = [];
    await putBack.round("site-a");
    expect([reloads, await stands()]).to.deep.equal([["a.example", "c.example"], false]);
  });

  it("puts no zone back that has begun with it, also after a restart of the agent in between", async () => {
    await place(true);
    sought = ["b.example"];
    await putBack.round("site-a");
    sought = [];
    await begin().round("site-a");
    expect([reloads, await stands()]).to.deep.equal([["a.example", "c.example"], false]);
  });

  it("goes on with the file that stands after an agent that ended in the middle, so that Knot reads none a second time", async () => {
    await place(true, ["a.example", "b.example"]);
    broken.add("a.example").add("b.example");
    await putBack.round("site-a");
    const files = ["a.example", "b.example"].map((zone) => volume.zoneFile(zone));
    const before = await Promise.all(files.map((file) => stat(file, { bigint: true })));
    broken.clear();
    now += 60_000;
    await begin().round("site-a");
    const after = await Promise.all(files.map((file) => stat(file, { bigint: true })));
    expect(after.map(({ mtimeNs }) => mtimeNs)).to.deep.equal(before.map(({ mtimeNs }) => mtimeNs));
    expect([await stands(), (await readdir(join(volume.root, "zones"))).sort()]).to.deep.equal([
      false,
      ["a.example.zone", "b.example.zone"],
    ]);
  });

  it("knows by what Knot has written since that it had taken a file", async () => {
    await place(true, ["a.example"]);
    broken.add("a.example");
    await putBack.round("site-a");
    const written = "a.example. 5 SOA a. b. 1800000500 60 10 3600 5\nnew.a.example. 5 A 192.0.2.1\n";
    await writeFile(volume.zoneFile("a.example"), written);
    broken.clear();
    await begin().round("site-a");
    expect(await readFile(volume.zoneFile("a.example"), "utf8")).to.equal(written);
    expect([reloads, await stands()]).to.deep.equal([["a.example"], false]);
  });
});

/** What changes files. The agent's end is one that nothing of it survives: all of them fail from then on. */
const changing = ["link", "open", "rename", "rm"] as const;

describe("a restore whose agent ends in the middle", () => {
  const zone = "a.example";
  const original = Object.fromEntries(changing.map((name) => [name, promises[name]]));
  let volume: KnotVolume;
  let steps: number;
  let last: number;
  let now: number;
  let isLoaded: boolean;
  let lowest: "served" | "refused";
  let knot: { lines: readonly string[]; serial: number; seen: string };
  const file = (): string => volume.zoneFile(zone);

  const step = (): void => {
    steps += 1;
    if (steps > last) throw new Error("the agent has ended");
  };
  const textOf = ({ lines, serial }: { lines: readonly string[]; serial: number }): string =>
    [`${zone}. 5 SOA a. b. ${serial} 60 10 3600 5`, ...lines, ""].join("\n");
  const seen = async (): Promise<string> => {
    const { ino, mtimeNs } = await stat(file(), { bigint: true });
    return `${ino}:${mtimeNs}`;
  };
  /** As Knot does it: only a file that was written since, and at a change a serial by its clock. */
  const zoneReload = async (): Promise<void> => {
    step();
    if ((await seen()) === knot.seen) return;
    const [soa = "", ...lines] = (await readFile(file(), "utf8")).trim().split("\n");
    const serial = Number(soa.split(" ")[5]);
    if (lowest === "refused" && serial <= knot.serial) throw new KnotControlError("the serial is older");
    knot = { lines, serial, seen: await seen() };
    isLoaded = lines.some((line) => line.includes("backed-up"));
  };
  const change = (name: string): void => {
    const serial = Math.max(Math.floor(now / 1000), knot.serial + 1);
    knot = { ...knot, serial, lines: [...knot.lines, `${name}.${zone}. 5 A 192.0.2.9`] };
  };
  const flush = async (): Promise<void> => {
    await writeFile(`${file()}.flushed`, textOf(knot));
    await original["rename"]!(`${file()}.flushed`, file());
    knot = { ...knot, seen: await seen() };
  };

  const prepareVolume = async (): Promise<void> => {
    volume = new KnotVolume(await mkdtemp(join(tmpdir(), "put-back-")));
    const folder = join(volume.backup, "restored", "knot", "zonefiles");
    await mkdir(folder, { recursive: true });
    await mkdir(join(volume.root, "zones"));
    now = 1_800_000_000_000;
    const [at, forced] = ["2026-11-29T09:00:00.000Z", true];
    const manifest = { site: "site-a", at, zones: [{ zone, serial: 7 }], keys: [] };
    await writeFile(join(folder, "../../restore.json"), JSON.stringify({ snapshot: "s", at, forced }));
    await writeFile(join(folder, "../../manifest.json"), JSON.stringify(manifest));
    await writeFile(join(folder, `${zone}.zone`), textOf({ serial: 7, lines: [`backed-up.${zone}. 5 A 192.0.2.1`] }));
    knot = { serial: 1_799_999_000, lines: [`broken.${zone}. 5 A 192.0.2.2`], seen: "" };
    await flush();
    isLoaded = false;
  };
  const leaveVolume = async (): Promise<void> => {
    [steps, last] = [0, Infinity];
    await rm(volume.root, { recursive: true });
  };

  beforeEach(() => {
    [steps, last] = [0, Infinity];
    for (const name of changing)
      Object.assign(promises, {
        [name]: async (...parameters: unknown[]): Promise<unknown> => {
          if (name !== "open" || parameters[1] === "w") step();
          const result = await (original[name] as (...all: unknown[]) => Promise<unknown>)(...parameters);
          // The machine goes on, so that nothing has to reach the disk.
          return name === "open" ? Object.assign(result as object, { sync: () => Promise.resolve() }) : result;
        },
      });
  });
  afterEach(() => {
    Object.assign(promises, original);
  });

  const begin = (): PutBack =>
    new PutBack({
      volume,
      control: {
        zoneReload,
        zoneStatus: () => Promise.resolve([{ zone, role: "master", serial: knot.serial }]),
      },
      own: () => [zone],
      sought: () => [],
      changed: () => undefined,
      onFailures: () => undefined,
      now: () => now,
      log: createLogger({ write: () => undefined, now: () => 0 }),
    });
  const isOver = (): Promise<boolean> =>
    access(join(volume.backup, "restored")).then(
      () => false,
      () => true,
    );

  /** Ends the agent before its n-th step, has the zone changed meanwhile, and lets another agent go on. */
  async function endAt(n: number, meanwhile: "nothing" | "change" | "change and flush"): Promise<boolean> {
    [steps, last] = [0, n];
    await begin()
      .round("site-a")
      .catch(() => undefined);
    if (steps <= n) return false;
    now += 2000;
    const wasLoaded = isLoaded;
    [steps, last] = [0, Infinity];
    if (meanwhile !== "nothing") change("later");
    const serial = knot.serial;
    // Knot writes over whatever stands there [measured].
    if (meanwhile === "change and flush") await flush();
    const next = begin();
    for (let round = 0; round < 4 && !(await isOver()); round++, now += 31_000) await next.round("site-a");
    const where = `before step ${n + 1}, ${meanwhile}`;
    expect(await isOver(), where).to.equal(true);
    const lines = [`backed-up.${zone}. 5 A 192.0.2.1`];
    if (wasLoaded && meanwhile !== "nothing") lines.push(`later.${zone}. 5 A 192.0.2.9`);
    expect(knot.lines, where).to.deep.equal(lines);
    if (wasLoaded) expect(knot.serial, where).to.equal(serial);
    else expect(knot.serial, where).to.be.above(serial);
    expect(await readdir(join(volume.root, "zones")), where).to.deep.equal([`${zone}.zone`]);
    return true;
  }

  for (const how of ["served", "refused"] as const)
    for (const meanwhile of ["nothing", "change", "change and flush"] as const)
      it(`puts the zone back once, with ${meanwhile} meanwhile, where an older serial is ${how}`, async function () {
        this.timeout(60_000);
        let n = 0;
        for (let ended = true; ended; n++) {
          await prepareVolume();
          lowest = how;
          ended = await endAt(n, meanwhile);
          await leaveVolume();
        }
        expect(n, "steps of a restore").to.be.above(10);
      });

  it("never has the zone's serial go back, also where a second agent ends in the middle of what the first has left", async function () {
    this.timeout(60_000);
    /** Runs an agent to its n-th step. */
    const runTo = async (n: number): Promise<void> => {
      [steps, last] = [0, n];
      await begin()
        .round("site-a")
        .catch(() => undefined);
    };
    let first = 0;
    for (; ; first++) {
      await prepareVolume();
      lowest = "served";
      await runTo(first);
      const isWritten = (await readFile(file(), "utf8")).includes("backed-up");
      await leaveVolume();
      if (isWritten) break;
    }
    for (let second = 0, ended = true; ended; second++) {
      await prepareVolume();
      lowest = "served";
      await runTo(first);
      expect(isLoaded).to.equal(false);
      now += 2000;
      change("later");
      const { serial } = knot;
      await runTo(second);
      ended = steps > second;
      expect(knot.serial, `before step ${second + 1} of the second agent`).to.be.at.least(serial);
      await leaveVolume();
    }
  });

  it("takes the backup away by one step, and what is left of it at its next start", async () => {
    await prepareVolume();
    Object.assign(promises, {
      rm: async (path: string, options: { force: boolean; recursive?: boolean }): Promise<void> => {
        const remove = original["rm"] as typeof rm;
        if (options.recursive !== true) return remove(path, options);
        if ((await readdir(path).catch(() => [])).length === 0) return;
        await remove(join(path, "manifest.json"), { force: true });
        throw new Error("the agent has ended");
      },
    });
    await begin()
      .round("site-a")
      .catch(() => undefined);
    Object.assign(promises, original);
    await begin().round("site-a");
    expect(await isOver()).to.equal(true);
    const result: unknown = JSON.parse(await readFile(join(volume.backup, "restore-result.json"), "utf8"));
    expect(result).to.deep.equal({ snapshot: "s" });
    await clearTaken(volume);
    expect(await readdir(volume.backup)).to.deep.equal(["restore-result.json"]);
    await leaveVolume();
  });
});
