import { expect } from "chai";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

import { Reader, type Replacement } from "../../../harness/docs/reader";
import { settingsSet, siteConfigOf } from "../../../harness/docs/site-settings";
import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { type OtherServer, startOutsidePrimary, startPowerDnsPrimary } from "../../../harness/other-servers/server";
import { Lab } from "../../../lab";
import type { LabSite } from "../../../lab/site";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { ResourceRecord } from "../../../src/dns/record";
import { isNewerSerial } from "../../../src/dns/serial";
import { rcodes } from "../../../src/dns/types";
import type { Change } from "../../../src/dns/update";
import { randomKey } from "../../../src/keyring/fresh-key";
import { defaultZoneLimits } from "../../../src/mesh/limits";
import { requirePrimaries } from "../../../src/settings/updaters";

/** Steps in order: each starts from what the one before left. */
describe("a zone whose primary is outside the mesh", function () {
  this.timeout(90_000);
  const [zone, otherZone] = ["legacy.example", "other.example"];
  const names = Array.from({ length: 30 }, (_, i) => `n${i}.${zone}`);
  const [key, recordsKey] = [randomKey("legacy"), randomKey("records")];
  const text = (serial: number): string =>
    [
      `$ORIGIN ${zone}.`,
      `@ 60 SOA ns.legacy.example. hostmaster ${serial} 3600 2 86400 60`,
      "@ 60 NS ns",
      "ns 60 A 192.0.2.53",
      ...names.map((name) => `${name}. 60 A 192.0.2.1`),
      "",
    ].join("\n");
  const patient = new DnsClient({ timeoutMs: 10_000 });
  let lab: Lab;
  let reader: Reader;
  let writer: LabSite;
  let started: OtherServer | undefined;
  let bind: OtherServer;

  before(async () => {
    lab = await Lab.create({
      sites: 2,
      guard: defaultZoneLimits,
      recordsKey,
      readers: [{ ...key, zones: [zone, otherZone] }],
    });
    lab.replicas.set("site-a", [lab.address(0), lab.address(20)]);
    await lab.upAll();
    await (await lab.upReplica("site-a", 1)).ready();
    await lab.converged(30);
    writer = lab.site("site-a");
    reader = new Reader({ folder: lab.folder });
    started = bind = await startOutsidePrimary({
      zones: { [zone]: text(2_026_113_001) },
      key,
      notify: [writer.server],
    });
  });
  after(async () => {
    await started?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(started?.log().slice(-4000), lab.logs().slice(-14_000));
  });

  const sites = () => [...lab.sites.values()];
  const address = (name: string): ResourceRecord => ({ name, class: "IN", ttl: 60, type: "A", address: "192.0.2.1" });
  const add = (name: string): Change => ({ kind: "add", record: address(name) });
  const remove = (name: string): Change => ({ kind: "deleteRrset", name, type: "A" });
  const change = (changes: readonly Change[]) => patient.update(bind.server, { zone, changes }, key);
  const changeHere = (changes: readonly Change[]) => patient.update(writer.server, { zone, changes }, recordsKey);
  const outsideSerial = async (): Promise<number> => (await patient.querySoa(bind.server, zone)).serial;
  const everywhere = (check: (site: LabSite) => Promise<void>) =>
    Promise.all(sites().map((site) => eventually(40, () => check(site))));
  const hasSerial = (serial: number) =>
    everywhere(async (site) => {
      expect((await site.soa(zone)).serial, site.podName).to.equal(serial);
    });
  const has = async (site: LabSite, name: string): Promise<boolean> =>
    (await site.dns.query(site.server, name, "A")).rcode === rcodes.NOERROR;
  const problems = async (kind: string): Promise<readonly string[]> =>
    (await writer.status()).problems.filter((each) => each.kind === kind).map(({ message }) => message);
  const calm = () =>
    eventually(40, async () => {
      expect((await writer.status()).problems).to.deep.equal([]);
    });
  const outside = "192.0.2.53";
  const primaryAt = (): Replacement => [`${outside}, key`, `127.0.0.1@${bind.server.port}, key`];
  /** The next block of the guide in the list, and the `up`s that follow, which mount this in the lab. */
  const list = async (replace: readonly Replacement[]): Promise<void> => {
    const [entry] = parse(reader.next("yaml", replace)) as [(typeof lab.list)[number]];
    const { zones } = lab.list.find(({ name }) => name === entry.name)!;
    const others = zones.filter((each) => typeof each === "string" || each.name !== zone);
    zones.splice(0, zones.length, ...others, ...entry.zones);
    expect(reader.next("sh")).to.equal("pulumi up -s shared\npulumi up -s site-a\n");
    await lab.up();
    for (const site of sites()) await site.mount(lab.mesh);
  };
  /** The next block of the guide, with Knot's tool for `dig`. Returns serials. */
  const dig = async (...servers: (readonly [from: string, to: { address: string; port: number }])[]) => {
    const replace = servers.map(([from, { address: at, port }]): Replacement => [
      `dig @${from} `,
      `${knotBinaries().kdig} @${at} -p ${port} `,
    ]);
    const printed = await reader.run(replace);
    return printed
      .trim()
      .split("\n")
      .map((line) => Number(line.split(" ")[2]));
  };
  it("is taken in by its owner and carried to every site as it is", async () => {
    reader.open("docs/guides/zones-from-outside.md#taking-a-zone-in");
    const config = siteConfigOf(settingsSet(reader.next("sh"), { "the-secret": key.secret }), "site-a");
    expect(config.readers).to.deep.equal([{ ...key, zones: [zone] }]);
    await list([primaryAt()]);
    requirePrimaries(config, lab.mesh.sites[0]!);
    await hasSerial(2_026_113_001);
    expect(await dig(["192.0.2.1", writer.server])).to.deep.equal([2_026_113_001]);
    reader.close();
    await everywhere(async (site) => {
      expect(await has(site, names[29]!), site.podName).to.equal(true);
    });
    await calm();
  });

  it("follows what changes there", async () => {
    await change([add(`new.${zone}`)]);
    await everywhere(async (site) => {
      expect(await has(site, `new.${zone}`), site.podName).to.equal(true);
    });
    await hasSerial(await outsideSerial());
  });

  it("may be a PowerDNS's, beside another server's", async () => {
    const records = text(1).replaceAll(zone, otherZone);
    await using other = await startPowerDnsPrimary({ zones: { [otherZone]: records }, key, notify: [writer.server] });
    const { zones } = lab.list[0]!;
    const listed = { name: otherZone, primaries: [{ address: `127.0.0.1@${other.server.port}`, key: key.name }] };
    zones.push(listed);
    const mount = async (): Promise<void> => {
      await lab.up();
      for (const site of sites()) await site.mount(lab.mesh);
    };
    await mount();
    const same = () =>
      everywhere(async (site) => {
        const { serial } = await patient.querySoa(other.server, otherZone);
        expect((await site.soa(otherZone)).serial, site.podName).to.equal(serial);
      });
    await same();
    const added = add(`new.${otherZone}`);
    await patient.update(other.server, { zone: otherZone, changes: [added] }, key);
    await everywhere(async (site) => {
      expect(await has(site, `new.${otherZone}`), site.podName).to.equal(true);
    });
    await same();
    expect(writer.log()).to.match(new RegExp(`\\[${otherZone}\\.\\] ACL, allowed, action notify, .* key ${key.name}`));
    zones.pop();
    await mount();
  });

  it("takes no change of ours", async () => {
    const failure: unknown = await changeHere([add(`ours.${zone}`)]).catch((error: unknown) => error);
    expect(String(failure)).to.match(/NOTAUTH|REFUSED/);
  });

  it("holds a version that lost much, and takes it once that is let through", async () => {
    const before = await outsideSerial();
    await change(names.slice(0, 20).map(remove));
    await eventually(40, async () => {
      expect((await problems("guard")).join()).to.contain("20 of 3");
    });
    await hasSerial(before);
    const until = new Date(Date.now() + 600_000).toISOString().replace(/\.\d+Z$/, "Z");
    await writer.letThrough(`${zone}=${until}`);
    await hasSerial(await outsideSerial());
    await writer.letThrough("");
    await change(names.slice(0, 20).map(add));
    await hasSerial(await outsideSerial());
    await calm();
  });

  it("does not go back to an older version, and says so", async () => {
    const before = await outsideSerial();
    await bind.stop();
    await rm(join(bind.folder, `${zone}.zone.jnl`), { force: true });
    await writeFile(join(bind.folder, `${zone}.zone`), text(5));
    await bind.start();
    await eventually(40, async () => {
      expect((await problems("primary")).join()).to.contain(`older than serial ${before}`);
    });
    await hasSerial(before);
    await bind.stop();
    await writeFile(join(bind.folder, `${zone}.zone`), text(before + 1));
    await bind.start();
    await hasSerial(before + 1);
    await calm();
  });

  it("is served while its primary is away, also after a restart, which is reported", async () => {
    const serial = await outsideSerial();
    await bind.stop();
    await eventually(40, async () => {
      expect((await problems("primary")).join()).to.contain(`served as it was taken last, with serial ${serial}`);
    });
    await writer.stop();
    await writer.start();
    await writer.ready();
    await hasSerial(serial);
    await bind.start();
    await calm();
  });

  /** Asks every site for a name without pause until `work` is done; returns how many answers there were and what was wrong. */
  async function asking(work: () => Promise<void>): Promise<{ readonly asked: number; readonly wrong: string[] }> {
    const end = new AbortController();
    const wrong: string[] = [];
    let asked = 0;
    const rounds = sites().map(async (site) => {
      const dns = new DnsClient({ timeoutMs: 2000 });
      while (!end.signal.aborted) {
        asked += 1;
        const answer = await dns.query(site.server, names[7]!, "A").catch(String);
        if (typeof answer === "string" || answer.answers.length !== 1 || !answer.flags.aa)
          wrong.push(`${site.podName}: ${typeof answer === "string" ? answer : `rcode ${answer.rcode}`}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await work().finally(() => {
      end.abort();
    });
    await Promise.all(rounds);
    return { asked, wrong };
  }

  /** Serials that every server answered, in order, until `work` is done; each lost answer as such. */
  async function serialsDuring(work: () => Promise<void>): Promise<ReadonlyMap<string, readonly (number | string)[]>> {
    const end = new AbortController();
    const seen = new Map<string, (number | string)[]>();
    const rounds = sites().map(async (site) => {
      const dns = new DnsClient({ timeoutMs: 2000 });
      const heard: (number | string)[] = [];
      seen.set(site.podName, heard);
      while (!end.signal.aborted) {
        heard.push(await dns.querySoa(site.server, zone).then(({ serial }) => serial, String));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await work().finally(() => {
      end.abort();
    });
    await Promise.all(rounds);
    return seen;
  }

  /** Makes another site of the mesh the zone's owner, as the list says it. */
  async function moveTo(name: string, entry: (typeof lab.list)[number]["zones"][number]): Promise<void> {
    for (const { zones } of lab.list) {
      const others = zones.filter((each) => typeof each === "string" || each.name !== zone);
      zones.splice(0, zones.length, ...others);
    }
    lab.list.find((each) => each.name === name)!.zones.push(entry);
    await lab.up();
    // The new owner first, as the guide says.
    const inOrder = sites().sort((a, b) => Number(b.name === name) - Number(a.name === name));
    for (const site of inOrder) await site.mount(lab.mesh);
  }

  /** The zone's entry as the guide has it for its new owner. */
  function entryOfGuide(): (typeof lab.list)[number]["zones"][number] {
    reader.open("docs/guides/zones-from-outside.md#another-owner-in-the-mesh");
    const config = siteConfigOf(settingsSet(reader.next("sh"), { "the-secret": key.secret }), "site-b");
    expect(config.readers).to.deep.equal([{ ...key, zones: [zone] }]);
    expect(reader.next("sh")).to.equal("pulumi config rm --path 'dns-mesh:readers[0]' -s site-a\n");
    const [{ name, zones }] = parse(reader.next("yaml", [primaryAt()])) as [(typeof lab.list)[number]];
    expect([name, zones.length]).to.deep.equal(["site-b", 1]);
    expect(reader.next("sh")).to.equal("pulumi up -s shared\npulumi up -s site-b\npulumi up -s site-a\n");
    reader.close();
    return zones[0]!;
  }

  for (const [to, what, isAway] of [
    ["site-b", "its primary there", false],
    ["site-a", "its primary away", true],
  ] as const)
    it(`is taken in by ${to} instead, with ${what}, without an older answer or a lost one`, async () => {
      const entry = entryOfGuide();
      const before = await outsideSerial();
      let after = before;
      const seen = await serialsDuring(async () => {
        const { wrong } = await asking(async () => {
          if (isAway) await bind.stop();
          await moveTo(to, entry);
          const owner = lab.site(to);
          await eventually(40, async () => {
            const own = await readFile(owner.path("storage", "conf/zones.d/own.conf"), "utf8");
            expect(own).to.contain(zone);
            const said = (await owner.status()).problems.map(({ message }) => message).join();
            if (isAway) expect(said).to.contain(`served as it was taken last, with serial ${before}`);
            else expect(said).to.equal("");
          });
          if (isAway) await bind.start();
          await change([add(`moved-to-${to}.${zone}`)]);
          after = await outsideSerial();
          await hasSerial(after);
        });
        expect(wrong).to.deep.equal([]);
      });
      for (const [server, heard] of seen) {
        const serials = heard.filter((each) => typeof each === "number");
        expect(serials.length, server).to.be.greaterThan(20);
        expect(
          heard.filter((each) => typeof each !== "number"),
          server,
        ).to.deep.equal([]);
        for (const [i, serial] of serials.entries()) {
          const former = serials[i - 1] ?? before;
          expect(isNewerSerial(former, serial), `${server}: ${former}, then ${serial}`).to.equal(false);
        }
      }
      expect(isNewerSerial(after, before)).to.equal(true);
      await everywhere(async (site) => {
        expect(await has(site, `moved-to-${to}.${zone}`), site.podName).to.equal(true);
        expect((await site.status()).problems, site.podName).to.deep.equal([]);
      });
    });

  it("becomes the mesh's own without a lost answer, with a newer serial, and takes changes then", async () => {
    const before = await outsideSerial();
    reader.open("docs/guides/zones-from-outside.md#cutting-over");
    expect(await dig([outside, bind.server], ["192.0.2.1", writer.server])).to.deep.equal([before, before]);
    const { asked, wrong } = await asking(async () => {
      await list([]);
      await everywhere(async (site) => {
        const { serial, mname } = await site.soa(zone);
        expect(isNewerSerial(serial, before), `${site.podName} ${serial}`).to.equal(true);
        expect(mname).to.equal("site-a.dns.internal");
      });
      await eventually(20, () => changeHere([add(`ours.${zone}`)]));
      await everywhere(async (site) => {
        expect(await has(site, `ours.${zone}`), site.podName).to.equal(true);
      });
    });
    expect(wrong).to.deep.equal([]);
    expect(asked).to.be.greaterThan(20);
    const [after = 0] = await dig(["192.0.2.1", writer.server]);
    expect(isNewerSerial(after, before)).to.equal(true);
    reader.close();
    await change([add(`late.${zone}`)]);
    expect(await has(writer, `late.${zone}`)).to.equal(false);
    await calm();
  });

  it("goes back to its primary without a lost answer, once that has a newer serial", async () => {
    const ours = (await writer.soa(zone)).serial;
    const { wrong } = await asking(async () => {
      reader.open("docs/guides/zones-from-outside.md#and-back");
      await list([primaryAt()]);
      reader.close();
      await eventually(40, async () => {
        expect((await problems("primary")).join()).to.contain(`raise the serial there above ${ours}`);
      });
      await bind.stop();
      await rm(join(bind.folder, `${zone}.zone.jnl`), { force: true });
      await writeFile(join(bind.folder, `${zone}.zone`), text(ours + 10));
      await bind.start();
      await hasSerial(ours + 10);
    });
    expect(wrong).to.deep.equal([]);
    await everywhere(async (site) => {
      expect(await has(site, `ours.${zone}`), site.podName).to.equal(false);
    });
    await calm();
  });
});
