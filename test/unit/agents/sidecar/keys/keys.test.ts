import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";

import { KeyDatabase, keyIds } from "../../../../../src/agents/sidecar/keys/key-database";
import { KeyKeeper } from "../../../../../src/agents/sidecar/keys/keeper";
import { restoreKeys } from "../../../../../src/agents/sidecar/keys/restoring";
import { makeCopy, openCopy, Seal } from "../../../../../src/agents/sidecar/keys/sealing";
import { createLogger } from "../../../../../src/base/log";
import { FakeStore, FakeVolume, keyId } from "./kept-database";

const facts = { site: "site-a", generation: 3, madeAt: "2026-11-29T00:00:00.000Z", zones: ["a.example"] };
const seal = new Seal("s".repeat(64));

describe("DNSSEC keys of a site", () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  const volume = async (): Promise<FakeVolume> => stack.use(await FakeVolume.make());
  const filesOf = async ({ layout }: FakeVolume) => {
    const files = await new KeyDatabase(layout).read(Date.now() + 5000);
    if (files === undefined) throw new Error("not settled");
    return files;
  };

  describe("as a sealed copy", () => {
    it("come out as they went in, and show nothing but their ids", async () => {
      const at = await volume();
      await at.write("states", 1, 2);
      const files = await filesOf(at);
      const copy = makeCopy(files, facts, seal);
      expect(copy.keys).to.deep.equal([keyId(1), keyId(2)]);
      expect(Buffer.from(copy.content, "base64").toString("latin1")).to.not.contain("private");
      expect([...openCopy(copy, "site-a", seal)]).to.deep.equal([...files]);
      expect(makeCopy(files, facts, seal).content).to.not.equal(copy.content);
    });

    it("cannot be opened with another key, by another site, or once a bit of content or header is another", async () => {
      const at = await volume();
      await at.write("states", 1);
      const copy = makeCopy(await filesOf(at), facts, seal);
      const flipped = Buffer.from(copy.content, "base64");
      flipped[40] = (flipped[40] ?? 0) ^ 1;
      expect(() => openCopy(copy, "site-b", seal)).to.throw("the copy is of site site-a");
      expect(() => openCopy({ ...copy, site: "site-b" }, "site-b", seal)).to.throw("cannot be opened");
      expect(() => openCopy({ ...copy, generation: 4 }, "site-a", seal)).to.throw("cannot be opened");
      expect(() => openCopy({ ...copy, content: flipped.toString("base64") }, "site-a", seal)).to.throw(
        "cannot be opened",
      );
      expect(() => openCopy({ ...copy, content: "" }, "site-a", seal)).to.throw("cannot be opened");
      expect(() => openCopy(copy, "site-a", new Seal("t".repeat(64)))).to.throw("sealed with another key");
      expect(() => openCopy(copy, "site-a", undefined)).to.throw("sealed with another key");
      expect(() => new Seal("short")).to.throw("too short");
    });

    it("hold no file that a key database does not have", async () => {
      const at = await volume();
      await at.write("states", 1);
      const files = new Map([...(await filesOf(at)), ["../conf/knot.conf", Buffer.from("x")] as const]);
      expect(() => openCopy(makeCopy(files, facts, undefined), "site-a", undefined)).to.throw("foreign files");
    });
  });

  describe("on the volume", () => {
    it("are not read while they are written", async () => {
      const at = await volume();
      await at.write("states", 1);
      await writeFile(join(at.layout.keys, "data.mdb"), "newer");
      expect(await new KeyDatabase(at.layout).read(Date.now())).to.equal(undefined);
      expect(await new KeyDatabase(at.layout).read(Date.now() + 5000)).to.not.equal(undefined);
    });

    it("give way to others and are put aside, also after an attempt that was cut off", async () => {
      const at = await volume();
      await at.write("states", 1);
      const files = await filesOf(at);
      await at.write("other states", 2);
      await mkdir(`${at.layout.keys}.next/keys`, { recursive: true });
      await writeFile(`${at.layout.keys}.next/keys/half.pem`, "ha");
      const database = new KeyDatabase(at.layout);
      await database.replace(files);
      expect(await readdir(join(at.layout.keys, "keys"))).to.deep.equal([`${keyId(1)}.pem`]);
      expect(await readFile(join(at.layout.keys, "data.mdb"), "utf8")).to.equal("states");
      expect(await readdir(join(at.layout.formerKeys, "keys"))).to.deep.equal([`${keyId(2)}.pem`]);
      expect(keyIds(await filesOf(at))).to.deep.equal([keyId(1)]);
    });
  });

  describe("kept by the agent", () => {
    const keeper = async () => {
      const [at, store, told] = [await volume(), new FakeStore(), new Map<string, readonly string[]>()];
      const clock = { now: Date.now(), inUse: true };
      const parts = {
        storage: at.folder,
        store,
        site: () => "site-a",
        zones: () => ["a.example"],
        areInUse: () => clock.inUse,
        problems: { set: (kind: string, messages: readonly string[]) => void told.set(kind, messages) },
        now: () => clock.now,
        random: () => 0,
        log: createLogger({ write: () => undefined, now: () => clock.now }),
      };
      return { at, store, told, clock, keys: new KeyKeeper(parts), again: () => new KeyKeeper(parts) };
    };

    it("go into the store once for each change, also over a restart of the agent", async () => {
      const { at, store, keys, again } = await keeper();
      await keys.round();
      expect([store.asked, keys.facts]).to.deep.equal([0, undefined]);
      await at.write("states", 1);
      await keys.round();
      await keys.round();
      expect([store.asked, store.copy?.generation, store.copy?.zones]).to.deep.equal([1, 1, ["a.example"]]);
      const successor = again();
      await successor.round();
      expect(store.copy?.generation).to.equal(1);
      await at.write("next states", 1, 2);
      await successor.round();
      expect([store.copy?.generation, store.copy?.keys]).to.deep.equal([2, [keyId(1), keyId(2)]]);
    });

    it("are offered again and again, ever more rarely, while the store is away", async () => {
      const { at, store, told, clock, keys } = await keeper();
      await at.write("states", 1);
      await keys.round();
      const keptAt = clock.now;
      store.up = false;
      await at.write("next states", 1, 2);
      for (let second = 0; second < 60; second++, clock.now += 1000) await keys.round();
      expect(store.asked).to.equal(1 + 4);
      expect(told.get("keys")).to.deep.equal(["keys of signed zones are not kept in a store: the store is away"]);
      expect(keys.facts).to.deep.equal({ generation: 2, keptAt });
      store.up = true;
      for (let second = 0; second < 60; second++, clock.now += 1000) await keys.round();
      expect(told.get("keys")).to.deep.equal([]);
      expect(keys.facts?.keptAt).to.be.a("number");
    });

    it("wait with their first copy until the store says whether it has one", async () => {
      const { at, store, told, clock, keys } = await keeper();
      store.up = false;
      await at.write("states", 1);
      for (let second = 0; second < 60; second++, clock.now += 1000) await keys.round();
      expect([store.reads, keys.facts]).to.deep.equal([4, undefined]);
      expect(told.get("keys")).to.deep.equal(["keys of signed zones are not kept in a store: the store is away"]);
      store.up = true;
      await keys.round();
      expect([store.copy?.generation, told.get("keys")]).to.deep.equal([1, []]);
    });

    it("go on from the copy's generation when the volume's note is lost, so that no older volume passes for newer", async () => {
      const { at, store, keys, again, clock } = await keeper();
      const log = createLogger({ write: () => undefined, now: () => clock.now });
      await at.write("states", 1);
      await keys.round();
      const snapshot = await readFile(at.layout.keptKeys, "utf8");
      await at.write("next states", 1, 2);
      await keys.round();
      await rm(at.layout.keptKeys);
      await again().round();
      expect(store.copy?.generation).to.equal(2);
      await writeFile(at.layout.keptKeys, snapshot);
      await at.write("states", 1);
      await restoreKeys({ store, site: "site-a", signs: true, now: () => clock.now, storage: at.folder, log });
      expect(await readFile(join(at.layout.keys, "data.mdb"), "utf8")).to.equal("next states");

      await rm(at.layout.keptKeys);
      await at.write("newest states", 2, 3);
      await again().round();
      expect([store.copy?.generation, store.copy?.keys]).to.deep.equal([3, [keyId(2), keyId(3)]]);
    });

    it("do not replace a copy as long as Knot does not sign with what is there: it may be damaged", async () => {
      const { at, store, clock, keys } = await keeper();
      await at.write("states", 1);
      await keys.round();
      clock.inUse = false;
      await at.write("damaged", 1);
      await keys.round();
      expect(store.copy?.generation).to.equal(1);
      clock.inUse = true;
      await keys.round();
      expect(store.copy?.generation).to.equal(2);
    });

    it("are a problem while they wait to be copied for more than moments, also where others are kept", async () => {
      const { at, told, clock, keys, again } = await keeper();
      const shown = async (later: number, by = keys) => {
        clock.now += later;
        await by.round();
        return told.get("keys")?.join();
      };
      const waiting = "keys of signed zones are there and not copied: not every zone is signed with its keys";
      clock.inUse = false;
      await at.write("states", 1);
      expect([await shown(0), await shown(100_000)]).to.deep.equal(["", ""]);
      expect(await shown(20_000)).to.contain(waiting);
      clock.inUse = true;
      expect(await shown(1000)).to.equal("");
      clock.inUse = false;
      await at.write("next states", 1, 2);
      expect([await shown(1000), await shown(60_000)]).to.deep.equal(["", ""]);
      expect(await shown(60_000)).to.contain(waiting);
      expect(await shown(60_000)).to.contain(waiting);
      const successor = again();
      expect(await shown(0, successor)).to.equal("");
      expect(await shown(120_000, successor)).to.contain(waiting);
    });

    it("do not replace a full copy when there are none, or others", async () => {
      const { at, store, told, keys } = await keeper();
      await at.write("states", 1);
      await keys.round();
      await at.write("", ...[]);
      await keys.round();
      expect(store.copy?.keys).to.deep.equal([keyId(1)]);
      await at.write("new states", 7);
      await keys.round();
      expect(told.get("keys")?.join()).to.match(/not replaced: the volume has none of the 1 keys/);
      expect(store.copy?.keys).to.deep.equal([keyId(1)]);
    });

    it("come back to a new volume, and to one that is older than the copy, but never over newer ones", async () => {
      const { at, store, keys, clock } = await keeper();
      const parts = { store, site: "site-a", signs: true, now: () => clock.now };
      const log = createLogger({ write: () => undefined, now: () => clock.now });
      const restore = () => restoreKeys({ ...parts, storage: at.folder, log });
      const standing = () => readFile(join(at.layout.keys, "data.mdb"), "utf8");
      await restore();
      await at.write("states", 1);
      await keys.round();
      await at.write("next states", 1, 2);
      await keys.round();
      await at.write("newest states", 1, 2);
      store.up = false;
      clock.now += 10_000;
      await keys.round();
      store.up = true;
      await restore();
      expect(await standing()).to.equal("newest states");
      await rm(at.layout.keys, { recursive: true });
      await restore();
      expect(await standing()).to.equal("next states");
      await at.write("states of a snapshot", 1);
      await rm(at.layout.keptKeys);
      await restore();
      expect(await standing()).to.equal("next states");
    });

    it("keep a volume without keys from starting while the store does not say whether it has a copy", async () => {
      const { at, store, clock } = await keeper();
      const log = createLogger({ write: () => undefined, now: () => clock.now });
      const restore = (signs: boolean) =>
        restoreKeys({ store, site: "site-a", signs, now: () => clock.now, storage: at.folder, log });
      store.up = false;
      const failure: unknown = await restore(true).catch((error: unknown) => error);
      expect(String(failure)).to.match(/no DNSSEC keys, and a store may hold[^]*the store is away[^]*volume-lost\.md/);
      await restore(false);
      await at.write("states", 1);
      await restore(true);
    });

    it("keep a volume whose keys come from a backup from starting until the store has said whether it has newer ones", async () => {
      const { at, store, clock, keys } = await keeper();
      const log = createLogger({ write: () => undefined, now: () => clock.now });
      const parts = { store, site: "site-a", signs: true, areFromBackup: true, now: () => clock.now };
      const restore = () => restoreKeys({ ...parts, storage: at.folder, log });
      await at.write("newest states", 1, 2);
      await keys.round();
      await at.write("states of a backup", 1);
      await rm(at.layout.keptKeys);
      store.up = false;
      const failure: unknown = await restore().catch((error: unknown) => error);
      expect(String(failure)).to.match(/keys of a backup alone, and a store may hold newer ones[^]*site-lost\.md/);
      store.up = true;
      await restore();
      expect(await readFile(join(at.layout.keys, "data.mdb"), "utf8")).to.equal("newest states");
    });
  });
});
