import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";

import { FullLoad } from "../../../harness/load/full-load";
import { revokeSite } from "../../../src/cli/key-commands";
import { DnsError } from "../../../src/dns/errors";
import { bundle } from "../../../components/bundle";
import { freshKey } from "../../../src/keyring/fresh-key";
import { VaultClient, type VaultError } from "../../../src/vault/client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { effectiveRing, parseRingDocument, type RingDocument } from "../../../src/keyring/ring-document";
import { rotatorEnvironment } from "../../../src/contract/environments";
import { ringSecret } from "../../../src/vault/access";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { loadedLab } from "../../../harness/mesh/loaded-lab";
import { MeshVault, vaultMount } from "../../../lab/mesh-vault";
import { LabRotator, rotateOnce } from "../../../lab/rotator";
import { run } from "../../../harness/tools/run";

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("the key ring in a real Vault", function () {
  this.timeout(90_000);
  const settings = { every: 3600, patience: 6, overlap: 1, margin: 2.5 };
  let vault: MeshVault;
  let lab: Lab;
  let rotator: LabRotator;

  before(async () => {
    vault = await MeshVault.start();
    lab = await Lab.create({ sites: 3, vault });
    await lab.upAll();
    await lab.converged(30);
    rotator = new LabRotator({ lab, vault, site: "site-a", settings });
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(rotator.log, lab.logs());
  });

  const standing = async (site: string): Promise<RingDocument> =>
    parseRingDocument(JSON.parse(await readFile(lab.site(site).path("storage", "mesh", "ring.json"), "utf8")));
  const haveRing = (seconds: number, names = lab.list.map(({ name }) => name)) =>
    eventually(seconds, async () => {
      const { document } = await vault.ring();
      for (const name of names) {
        expect(await standing(name), name).to.deep.equal(document);
        const files = await lab.site(name).files();
        const { signing, accepted } = effectiveRing(document, Date.now());
        expect(files, name).to.include(`key: ${signing}\n`);
        for (const { secret } of accepted) expect(files.includes(secret), name).to.equal(true);
      }
    });
  const kinds = async (site: string) => (await lab.site(site).status()).problems.map(({ kind }) => kind);
  const changeAt = async (site: string, text: string, sites?: readonly string[]) => {
    const record = { name: `w.${site}.example`, type: "TXT", value: `"${text}"` };
    const { missing } = await lab.change(`${site}.example`, record, sites === undefined ? 15 : 5);
    expect(
      missing.filter((name) => sites?.includes(name) ?? true),
      text,
    ).to.deep.equal([]);
  };

  it("rotates three times at full load: no failed transfer, no refused NOTIFY, no lost answer", async () => {
    const first = (await vault.ring()).document.current.name;
    await using load = FullLoad.start(loadedLab(lab));
    const patient = new LabRotator({ lab, vault, site: "site-b", settings: { ...settings, patience: 60 } });
    for (let i = 0; i < 3; i++) await rotateOnce(patient);
    const { transfers, notifies, answers, failures } = await load.stop();
    expect(failures).to.deep.equal([]);
    expect({ failed: transfers.failed, refused: notifies.refused, lost: answers.lost }).to.deep.equal({
      ...{ failed: 0, refused: 0, lost: 0 },
    });
    // How many there are depends on the machine; a count that is stuck must not pass for none that failed.
    for (const [what, { tried }] of Object.entries({ transfers, notifies, answers })) {
      expect(tried, what).to.be.greaterThan(30);
    }
    await eventually(10, async () => {
      await rotator.run();
      expect((await vault.ring()).document).to.have.keys("version", "current");
    });
    await haveRing(10);
    for (const name of lab.list.map((site) => site.name)) expect(await lab.site(name).files()).not.to.include(first);
  });

  it("waits for an absent site until patience is over, and then goes on; it comes back by itself", async () => {
    const absent = lab.site("site-c");
    await absent.stop();
    await rotator.run(true);
    await haveRing(10, ["site-a", "site-b"]);
    await eventually(3, async () => {
      const waits = await rotator.run();
      expect(waits.steps).to.deep.equal([]);
      expect(waits.reason).to.match(/waits for site-c, and no longer than until/);
    });
    const { reason } = await eventually(15, async () => {
      const found = await rotator.run();
      expect(found.steps).to.include("schedule");
      return found;
    });
    expect(reason).to.match(/patience is over; it goes on without site-c$/);
    await eventually(10, async () => {
      expect((await rotator.run()).steps).to.include("promote");
    });
    await changeAt("site-b", "while site-c is away", ["site-a"]);
    await absent.start();
    await absent.ready();
    await haveRing(10);
    await changeAt("site-c", "back again");
    await lab.converged(20);
  });

  it("brings a site back by itself that slept through two rotations, from a ring that nobody accepts", async () => {
    const asleep = lab.site("site-c");
    await asleep.stopAgent();
    const before = await standing("site-c");
    for (let i = 0; i < 2; i++)
      await rotateOnce(new LabRotator({ lab, vault, site: "site-b", settings: { ...settings, patience: 0 } }));
    await haveRing(10, ["site-a", "site-b"]);
    expect(await lab.site("site-a").files()).not.to.include(before.current.secret);
    await lab.site("site-b").control.zoneReplace("site-b.example", {
      ...{ owner: "w.site-b.example", ttl: 1, type: "TXT", data: '"slept"' },
    });
    asleep.startAgent();
    await haveRing(15);
    await lab.converged(20);
    await changeAt("site-c", "awake");
  });

  it("keeps the last ring while Vault is away, reports it, and does so over a restart", async () => {
    vault.cut();
    try {
      const before = await standing("site-b");
      await eventually(10, async () => {
        for (const { name } of lab.list) expect(await kinds(name), name).to.include("vault");
      });
      expect((await lab.site("site-b").http("GET", "/metrics")).text).to.match(/^dns_mesh_agent_vault_up 0$/m);
      await lab.site("site-b").stop();
      await lab.site("site-b").start();
      await lab.site("site-b").ready();
      expect(await standing("site-b")).to.deep.equal(before);
      for (const { name } of lab.list) await changeAt(name, "without Vault");
    } finally {
      vault.heal();
    }
    await eventually(10, async () => {
      for (const { name } of lab.list) expect(await kinds(name), name).not.to.include("vault");
    });
  });

  it("lets one of two rotators win that read the same ring, and the other call it a day", async () => {
    await eventually(10, async () => {
      await rotator.run();
      expect((await vault.ring()).document).to.have.keys("version", "current");
    });
    const { version } = await vault.ring();
    let arrived = 0;
    const beforeWrite = () => {
      arrived += 1;
      return eventually(10, () => {
        expect(arrived).to.equal(2);
      });
    };
    const race = ["site-a", "site-b"].map((site) =>
      new LabRotator({ lab, vault, site, settings, beforeWrite }).run(true),
    );
    const results = await Promise.all(race);
    expect(results.map(({ steps }) => steps.length).sort()).to.deep.equal([0, 1]);
    expect(results.map(({ reason }) => reason).join("\n")).to.include("somebody else did it meanwhile: start");
    expect((await vault.ring()).version).to.equal(version + 1);
  });

  it("is advanced by the program that the cluster runs, which reports what it did", async () => {
    const site = lab.site("site-b");
    const [program, vaultFile] = [site.path("rotator.js"), site.path("etc", "vault-rotator.json")];
    await writeFile(program, bundle("rotator"));
    await writeFile(vaultFile, JSON.stringify(await vault.access("site-b", "rotator")));
    const env = rotatorEnvironment.toEnvironment({
      packetFile: site.path("etc", "welcome.json"),
      ...{ vaultFile, localKeyFile: site.path("etc", "local.json") },
    });
    const output = await eventually(10, async () => {
      const text = await run(process.execPath, [program, "run"], { env });
      expect(text).to.include('"step":"schedule"');
      return text;
    });
    const { document } = await vault.ring();
    expect(output).to.match(/"answered":\["site-a","site-b","site-c"\].*signs from .*all sites have it/s);
    expect(output).not.to.include(document.next!.secret).and.not.to.include(document.current.secret);
    await writeFile(site.path("etc", "settings.json"), "{}");
    const failed: unknown = await run(process.execPath, [program, "run"], { env }).catch((error: unknown) => error);
    await site.mount(lab.mesh);
    expect(String(failed)).to.match(/settings\.json: pods must be a JSON object/);
  });

  it("shuts a lost site out: no way into Vault, and its keys are worth nothing anywhere", async () => {
    await haveRing(10);
    const lost = await standing("site-c");
    const keysOf = ({ previous, current, next }: RingDocument) =>
      [previous, current, next].filter((key) => key !== undefined);
    const ask = (name: string, key: TsigKey) =>
      lab.site(name).dns.query(lab.site(name).server, "dns.internal", "SOA", key);
    for (const name of ["site-a", "site-b"]) for (const key of keysOf(lost)) await ask(name, key);
    const printed: string[] = [];
    const { address, token } = vault.operator;
    const root = new VaultClient({ address, auth: { method: "token", token } });
    const parts = {
      vault: root,
      mount: vaultMount,
      now: Date.now,
      freshKey,
      print: (line: string) => printed.push(line),
    };
    await revokeSite({ ...parts, site: "site-c", isClosed: false });
    await haveRing(10, ["site-a", "site-b"]);
    await changeAt("site-a", "without site-c", ["site-b"]);
    for (const name of ["site-a", "site-b"]) {
      for (const key of keysOf(lost)) {
        const refused: unknown = await ask(name, key).catch((error: unknown) => error);
        expect(refused, name).to.be.instanceOf(DnsError);
      }
    }
    await eventually(10, async () => {
      expect(await kinds("site-c")).to.include("vault");
    });
    expect(await standing("site-c")).to.deep.equal(lost);
    const closed = new VaultClient(await vault.access("site-c", "site"));
    const denied: unknown = await closed.readSecret(vaultMount, ringSecret).catch((error: unknown) => error);
    expect((denied as VaultError).failure.kind).to.equal("denied");
    expect(printed.join("\n")).to.match(/deleted auth\/dns-mesh-site-c\/role\/site.*fail until both have/s);
    for (const { secret } of [lost.current, (await vault.ring()).document.current])
      expect(printed.join()).not.to.include(secret);
  });
});
