import { rm } from "node:fs/promises";
import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { KeyDatabase, type KeyFiles } from "../../../src/agents/sidecar/keys/key-database";
import { isNewerSerial } from "../../../src/dns/serial";
import { KnotVolume } from "../../../src/knot/config/volume";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { SigningTimes } from "../../../src/knot/config/site-runtime";
import { apexTexts, delv, validate } from "../../../harness/dnssec/validators";
import { eventually } from "../../../harness/eventually";
import { freePort } from "../../../harness/free-port";
import { startKnot, type KnotServer } from "../../../harness/knot";
import { freePorts, seedMesh, startSite, viewOf, type LabSite } from "./lab-mesh";

/** Seconds in which all of a key's life passes, and in which a change is at every site for sure. */
const times: SigningTimes = {
  signature: 60,
  refresh: 20,
  zoneKey: 14,
  keyTtl: 1,
  propagation: 4,
  parentCheck: 1,
  parentDelay: 5,
};
const zoneFile = "$TTL 1\n@ SOA a. b. 1 60 10 3600 1\n@ NS a.\nwww A 192.0.2.1\n";
/** One whose parent is asked, and one whose roll-over is confirmed by hand. */
const [asked, byHand] = ["asked.parent.test", "by-hand.parent.test"];

const tagOf = (ds: string): number => Number(ds.split(" ")[0]);

/** Tells the other sites of zones again and again, as agents do, which do not run here; Knot's own NOTIFYs wait for them. */
function telling(owner: LabSite, zones: readonly string[]): AsyncDisposable {
  const ended = new AbortController();
  const loop = (async () => {
    while (!ended.signal.aborted) {
      for (const zone of zones) await owner.knot.knotc("zone-notify", zone).catch(() => undefined);
      await delay(300, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await loop;
    },
  };
}

describe("keys of a signed zone, with times of seconds", function () {
  this.timeout(60_000);
  const stack = new AsyncDisposableStack();
  let parent: KnotServer;
  let sites: readonly LabSite[];
  let owner: LabSite;
  /** What a resolver would have from the parent, by zone. */
  const trusted = new Map<string, readonly string[]>();

  before(async () => {
    const parentPort = await freePort("127.101.0.9");
    const mesh = seedMesh({
      zonesOfC: [
        { name: asked, zoneFile, dnssec: { nsec3: true, parents: [`127.101.0.9@${parentPort}`] } },
        { name: byHand, zoneFile, dnssec: true },
      ],
    });
    const ports = await freePorts();
    const start = async (site: string) =>
      stack.use(await startSite({ mesh, site, view: viewOf(mesh), ports, signing: times }));
    parent = stack.use(
      await startKnot({
        address: "127.101.0.9",
        port: parentPort,
        zones: { "parent.test": "$TTL 1\n@ SOA a. b. 1 60 10 3600 1\n@ NS a.\nasked NS a.\nby-hand NS a.\n" },
      }),
    );
    owner = await start("site-c");
    sites = [await start("site-a"), await start("site-b"), owner];
    stack.use(telling(owner, [asked, byHand]));
    for (const zone of [asked, byHand]) {
      const ds = await eventually(10, async () => {
        const found = await apexTexts(owner.knot.server, zone, "CDS");
        expect(found).to.have.length(1);
        return found;
      });
      trusted.set(zone, ds);
    }
    await publish(asked);
    await owner.knot.knotc("zone-ksk-submitted", byHand);
    for (const site of sites) for (const zone of [asked, byHand]) await eventually(20, () => verify(site, zone));
  });
  after(() => stack.disposeAsync());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(owner.knot.log());
  });

  /** What a parent does that reads CDS records, or a person who copies them. */
  const publish = async (zone: string): Promise<void> => {
    const name = zone.split(".")[0] ?? "";
    const records = await apexTexts(owner.knot.server, zone, "CDS");
    await parent.knotc("zone-begin", "parent.test");
    await parent.knotc("zone-unset", "parent.test", name, "DS").catch(() => undefined);
    for (const record of records) await parent.knotc("zone-set", "parent.test", name, "1", "DS", ...record.split(" "));
    await parent.knotc("zone-commit", "parent.test");
  };

  const verify = (site: LabSite, zone: string): Promise<readonly number[]> =>
    validate({
      ...{ server: site.knot.server, zone, ds: trusted.get(zone) ?? [] },
      questions: [
        [zone, "SOA"],
        [`www.${zone}`, "A"],
      ],
    });

  /** Looks again and again, and has every site verified in between: not one answer may fail. */
  const whileVerified = async (zone: string, seconds: number, done: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + seconds * 1000; ;) {
      for (const site of sites) await verify(site, zone);
      if (await done()) return;
      if (Date.now() > end) throw new Error(`${zone}: not within ${seconds} s`);
      await delay(50);
    }
  };

  const keys = async (zone: string, flags: "256" | "257"): Promise<readonly string[]> =>
    (await apexTexts(owner.knot.server, zone, "DNSKEY")).filter((key) => key.startsWith(flags));

  /** Knot ignores the command while a zone-signing key is rolled over, as a person would see in its log. */
  const rollOver = async (zone: string): Promise<void> => {
    await whileVerified(zone, 30, async () => {
      await owner.knot.knotc("-b", "zone-key-rollover", zone, "ksk");
      return (await keys(zone, "257")).length === 2;
    });
  };

  it("use NSEC3 without salt and further iterations where that is asked for, and NSEC elsewhere", async () => {
    const of = async (zone: string) =>
      delv({
        ...{ server: sites[0]!.knot.server, zone, ds: trusted.get(zone) ?? [] },
        question: [`no.${zone}`, "A"],
      });
    expect(await of(asked)).to.match(/negative response, fully validated[^]*\bNSEC3\s+1 0 0 - /);
    expect(await of(byHand)).to.match(/negative response, fully validated[^]*\bNSEC\s+/);
  });

  it("sign with the next zone-signing key after its time, without anybody doing anything", async () => {
    const before = await keys(byHand, "256");
    await whileVerified(byHand, 40, async () => {
      const now = await keys(byHand, "256");
      return now.length === 1 && now[0] !== before[0];
    });
    expect(await apexTexts(owner.knot.server, byHand, "CDS")).to.deep.equal(trusted.get(byHand));
  });

  it("roll the key-signing key over once the parent's servers have its DS record", async () => {
    const [before] = trusted.get(asked) ?? [];
    await rollOver(asked);
    await whileVerified(asked, 30, async () => (await apexTexts(owner.knot.server, asked, "CDS"))[0] !== before);
    expect(await keys(asked, "257")).to.have.length(2);
    const old = Date.now() + times.parentDelay * 1000;
    await publish(asked);
    // Resolvers go on with the old DS record for as long as Knot waits, and none beyond.
    for (const site of sites)
      await verify(site, asked).catch((error: unknown) => {
        if (Date.now() < old) throw error;
      });
    trusted.set(asked, await apexTexts(owner.knot.server, asked, "CDS"));
    await whileVerified(asked, 30, async () => (await keys(asked, "257")).length === 1);
    expect(tagOf(trusted.get(asked)?.[0] ?? "")).to.not.equal(tagOf(before ?? ""));
  });

  it("keep both key-signing keys until a person says that the parent has the new DS record", async () => {
    const before = trusted.get(byHand) ?? [];
    await rollOver(byHand);
    await whileVerified(byHand, 30, async () => (await apexTexts(owner.knot.server, byHand, "CDS"))[0] !== before[0]);
    const after = await apexTexts(owner.knot.server, byHand, "CDS");
    expect(await keys(byHand, "257")).to.have.length(2);
    trusted.set(byHand, after);
    for (const site of sites) await eventually(5, () => verify(site, byHand));
    await owner.knot.knotc("zone-ksk-submitted", byHand);
    await whileVerified(byHand, 30, async () => (await keys(byHand, "257")).length === 1);
    trusted.set(byHand, before);
    await eventually(10, async () => {
      const failure: unknown = await verify(owner, byHand).catch((error: unknown) => error);
      expect(String(failure)).to.contain("no DNSKEY fits a DS record");
    });
    trusted.set(byHand, after);
  });

  it("come back from a backup after they were lost, without the zone's old content", async () => {
    const [folder, record] = [`${owner.knot.storage}/backup`, ["www", "1", "A", "192.0.2.2"]];
    await owner.knot.knotc("-b", "zone-backup", "+backupdir", folder, "+kaspdb", byHand);
    await owner.knot.knotc("zone-begin", byHand);
    await owner.knot.knotc("zone-set", byHand, ...record);
    await owner.knot.knotc("zone-commit", byHand);
    await owner.knot.knotc("-b", "-f", "zone-purge", "+kaspdb", byHand);
    await owner.knot.knotc("-b", "zone-sign", byHand);
    await eventually(5, async () => {
      expect(await apexTexts(owner.knot.server, byHand, "CDS")).to.not.deep.equal(trusted.get(byHand));
    });
    const lost = await owner.soa(byHand);
    const filters = ["+kaspdb", "+nozonefile", "+notimers"];
    await owner.knot.knotc("-b", "zone-restore", "+backupdir", folder, ...filters, byHand);
    await owner.knot.knotc("-b", "zone-sign", byHand);
    for (const site of sites) {
      await eventually(20, async () => {
        expect((await site.soa(byHand)).serial).to.be.greaterThan(lost.serial);
        await verify(site, byHand);
      });
      const { answers } = await new DnsClient({ timeoutMs: 500 }).query(site.knot.server, `www.${byHand}`, "A");
      expect(answers).to.have.length(2);
    }
  });

  it("go on with a roll-over of the zone-signing key from a copy of their database, after all databases were lost", async () => {
    const database = new KeyDatabase(new KnotVolume(owner.knot.storage));
    let copy: KeyFiles | undefined;
    let both: readonly string[] = [];
    // The copy is of this moment: a roll-over later the keys are others.
    await whileVerified(byHand, 50, async () => {
      both = await keys(byHand, "256");
      copy = both.length === 2 ? await database.read(Date.now()) : undefined;
      return copy !== undefined;
    });
    const { serial } = await owner.soa(byHand);
    await owner.knot.stop("SIGKILL");
    await rm(`${owner.knot.storage}/db`, { recursive: true });
    await database.replace(copy ?? new Map());
    for (const site of sites.slice(0, 2)) await verify(site, byHand);
    await owner.knot.start();
    // Before anything else is waited for: the roll-over comes to its end in seconds.
    await eventually(10, async () => {
      expect(await keys(byHand, "256")).to.deep.equal(both);
    });
    await eventually(10, async () => {
      for (const site of sites) expect(isNewerSerial((await site.soa(byHand)).serial, serial)).to.equal(true);
    });
    await whileVerified(byHand, 40, async () => (await keys(byHand, "256")).length === 1);
    expect(both).to.include((await keys(byHand, "256"))[0]);
  });

  it("are the same after the signing server was killed and started again", async () => {
    const before = await keys(byHand, "257");
    await owner.knot.stop("SIGKILL");
    for (const site of sites.slice(0, 2)) await verify(site, byHand);
    await owner.knot.start();
    for (const zone of [asked, byHand]) for (const site of sites) await eventually(10, () => verify(site, zone));
    expect(await keys(byHand, "257")).to.deep.equal(before);
  });
});
