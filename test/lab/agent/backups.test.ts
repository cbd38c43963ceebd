import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { binDir } from "../../../harness/tools/cache";
import { run } from "../../../harness/tools/run";
import { storageKeys, StorageServer } from "../../../harness/backups/storage";
import { makeAuthority } from "../../../harness/certificates";
import { blocksOf } from "../../../harness/docs/blocks";
import { Reader } from "../../../harness/docs/reader";
import { apexTexts, delv } from "../../../harness/dnssec/validators";
import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";
import { type BackupRun, SiteBackups } from "../../../lab/site-backups";
import { isNewerSerial } from "../../../src/dns/serial";

const zone = "signed.example";
const zoneFile = "$TTL 5\n@ SOA a. b. 1 60 10 3600 5\n@ NS a.\nwww A 192.0.2.1\n";

/** Steps of one repository's life, in order: each starts from what the one before left. */
describe("backups of a site, with a real Knot, restic and an S3 server", function () {
  this.timeout(120_000);
  let lab: Lab;
  let storage: StorageServer;
  let backups: SiteBackups;
  let folder: string;
  let state: string;
  let ds: readonly string[];
  const logs: string[] = [];

  before(async () => {
    lab = await Lab.create(2);
    lab.list[1]!.zones.push({ name: zone, zoneFile, dnssec: true });
    await lab.upAll();
    folder = await mkdtemp(join(tmpdir(), "backup-storage-"));
    await run("/bin/mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
    state = await mkdtemp(join(tmpdir(), "backup-server-"));
    storage = await StorageServer.start(folder, { state });
    ds = await eventually(10, async () => {
      const found = await apexTexts(lab.site("site-b").server, zone, "CDS");
      expect(found).to.have.length(1);
      return found;
    });
    backups = await SiteBackups.of(lab.site("site-b"), storage);
  });
  after(async () => {
    await backups[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    await run("/bin/umount", [folder]);
    for (const each of [folder, state]) await rm(each, { recursive: true, force: true });
    await lab[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(logs.slice(-3).join("\n"), lab.logs().slice(-6000));
  });

  const owner = (): LabSite => lab.site("site-b");
  const noted = <R extends BackupRun>(run: R): R => {
    logs.push(run.log);
    return run;
  };
  const job = async (...args: Parameters<SiteBackups["run"]>): Promise<BackupRun> => noted(await backups.run(...args));
  const metric = async (name: string): Promise<number> => {
    const { text } = await owner().http("GET", "/metrics");
    return Number(new RegExp(`^dns_mesh_agent_${name} (\\S+)`, "m").exec(text)?.[1]);
  };
  const problems = async (): Promise<readonly string[]> =>
    (await owner().status()).problems.filter(({ kind }) => kind === "backup").map(({ message }) => message);
  const files = async (part: string): Promise<readonly string[]> => {
    const found = await readdir(storage.bucket("site-b", part), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };
  const succeeds = async (): Promise<void> => {
    const { code, log } = await job("backup");
    expect(code, log).to.equal(0);
    expect((await problems()).join()).to.not.contain("the last backup failed");
  };
  const fails = async (reason: string, changes: Parameters<SiteBackups["run"]>[1] = {}): Promise<void> => {
    const before = await files("snapshots");
    const { code, log } = await job("backup", changes);
    expect(code, log).to.equal(1);
    expect((await problems()).join(), log).to.contain(`the last backup failed (${reason})`);
    expect(await files("snapshots")).to.deep.equal(before);
  };
  const change = (data: string): Promise<void> =>
    owner().control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 5, type: "A", data });

  it("are made for whoever shows the token, and for nobody else", async () => {
    for (const path of ["/backup", "/backup/report"]) expect((await owner().http("POST", path)).status).to.equal(403);
    expect((await lab.site("site-a").http("POST", "/backup")).status).to.equal(404);
    expect(await metric("backup_last_success_timestamp_seconds")).to.equal(0);
    await succeeds();
    expect(await metric("backup_last_success_timestamp_seconds")).to.be.greaterThan(Date.now() / 1000 - 60);
    const made = owner().path("storage", "backup", "current", "knot");
    // Nothing of the site's certificate.
    expect((await readdir(made)).sort()).to.deep.equal([
      "catalog",
      "journal",
      "keys",
      "knot_backup.label",
      "timers",
      "zonefiles",
    ]);
    // The site's own. Others come from their owners.
    expect(await metric("backup_zones")).to.equal(2);
    expect(await metric("backup_size_bytes")).to.be.greaterThan(10_000);
    expect(await metric("backup_drill_last_success_timestamp_seconds")).to.equal(0);
  });

  it("add next to nothing when nothing changed", async () => {
    const first = await metric("backup_added_bytes");
    // What changed while the first was made is in the second.
    await succeeds();
    await succeeds();
    expect(await metric("backup_added_bytes")).to.be.lessThan(first / 2);
  });

  it("are restored into a scratch Knot by a drill, which notices a zone that differs", async () => {
    const good = noted(await backups.drill());
    expect(good.code, `${good.log}${good.knot}`).to.equal(0);
    expect(good.log).to.contain('"withoutDigest":0');
    expect(await metric("backup_drill_last_success_timestamp_seconds")).to.be.greaterThan(Date.now() / 1000 - 60);
    const spoilt = noted(
      await backups.drill(async (backup) => {
        const file = join(backup, "knot", "zonefiles", "site-b.example.zone");
        await appendFile(file, "more.site-b.example. 5 A 192.0.2.9\n");
      }),
    );
    expect(spoilt.code).to.equal(1);
    expect((await problems()).join()).to.contain(
      "the last restore drill failed (different): zone site-b.example has another content",
    );
  });

  it("fail with the reason where the storage refuses, and succeed by themselves afterwards", async () => {
    const keys = backups.path("storage", "secret-key");
    const right = await readFile(keys, "utf8");
    await writeFile(keys, "wrong-secret");
    await fails("credentials");
    await writeFile(keys, right);
    const caFile = backups.path("another-ca.crt");
    await writeFile(caFile, makeAuthority("another CA").cert);
    await fails("untrusted", { caFile });
    expect((await problems()).join()).to.contain("certificate signed by unknown authority");
    expect((await owner().http("GET", "/metrics")).text).to.contain('dns_mesh_agent_problem{kind="backup"} 1');
    const password = await readFile(backups.path("password"), "utf8");
    await writeFile(backups.path("password"), "wrong");
    await fails("password");
    await writeFile(backups.path("password"), password);
    await writeFile(join(folder, "filler"), Buffer.alloc(8_000_000)).catch(() => undefined);
    await fails("full");
    await rm(join(folder, "filler"));
    await succeeds();
  });

  it("leave nothing half-done when the server goes or the program is killed in the middle", async () => {
    const locked = async (): Promise<void> => {
      const left = new Set(await files("locks"));
      await eventually(
        20,
        async () => expect((await files("locks")).some((lock) => !left.has(lock))).to.equal(true),
        2,
      );
    };
    const before = await files("snapshots");
    const killed = backups.begin("backup");
    await locked();
    killed.kill();
    await killed.ended;
    expect(await files("snapshots")).to.deep.equal(before);
    const cut = fails("unreachable");
    await locked();
    await storage.stop();
    await cut;
    await storage.start();
    await succeeds();
    expect(await files("snapshots")).to.have.length(before.length + 1);
    const kept = await job("backup", { retention: ["keep-last=1"] });
    expect(kept.code, kept.log).to.equal(0);
    expect(await files("snapshots")).to.have.length(1);
    expect(await metric("backup_prune_refused")).to.equal(0);
  });

  it("go on after a run that was killed while it removed what is too old, and had the repository for itself", async () => {
    const restic = backups.path("restic");
    const marker = backups.path("forgets");
    // Not the program: what it finds when restic dies with its lock.
    await writeFile(
      restic,
      `#!/bin/sh\ncase " $* " in *" forget "*) touch ${marker};; esac\nexec ${join(binDir(), "restic")} "$@"\n`,
    );
    await chmod(restic, 0o755);
    const killed = backups.begin("backup", { retention: ["keep-last=1"], restic });
    await eventually(20, () => stat(marker), 2);
    await eventually(20, async () => expect(await files("locks")).to.not.deep.equal([]), 2);
    killed.kill();
    await killed.ended;
    expect(await files("locks")).to.have.length(1);
    await eventually(20, () => expect(killed.isGone()).to.equal(true));
    await succeeds();
    expect(await files("locks")).to.deep.equal([]);
  });

  it("notice a repository that was tampered with, and make none anew in the place of one that is gone", async () => {
    // In any of the files may be what nothing refers to, as a backup that was killed leaves it.
    const packs = await Promise.all((await files("data")).map(async (file) => ({ file, whole: await readFile(file) })));
    const rewrite = (content: (whole: Buffer) => Uint8Array): Promise<unknown> =>
      Promise.all(packs.map(({ file, whole }) => writeFile(file, content(whole))));
    await rewrite((whole) => whole.map((octet, i) => (i >= 100 && i < 200 ? octet ^ 0xff : octet)));
    const drilled = noted(await backups.drill());
    expect(drilled.code).to.equal(1);
    expect((await problems()).join()).to.contain("the last restore drill failed (damaged)");
    await rewrite((whole) => whole.subarray(0, -10));
    await change("192.0.2.2");
    const { code } = await job("backup");
    expect(code).to.equal(1);
    expect((await problems()).join()).to.contain("the last backup failed (damaged)");
    await rewrite((whole) => whole);
    const away = `s3:${storage.url}/bucket/elsewhere`;
    await fails("missing", { repository: away });
    expect(await readdir(storage.bucket()))
      .to.include("site-b")
      .and.to.not.include("elsewhere");
    const env = { RESTIC_PASSWORD_FILE: backups.path("password"), HOME: "/tmp" };
    await run(join(binDir(), "restic"), ["init", "--no-cache", "--repo", storage.bucket("elsewhere")], { env });
    await fails("different", { repository: away });
    await succeeds();
    expect(noted(await backups.drill()).code).to.equal(0);
    expect(await problems()).to.deep.equal([]);
  });

  it("go on where the site may delete nothing and cannot take its history away, and somebody else removes what is too old", async () => {
    const id = "docs/guides/backups.md#a-history-that-the-site-cannot-delete";
    const named = (text: string): string => text.replaceAll("site-c", "site-b").replaceAll("dns-backups", "bucket");
    const site = { accessKey: "site-b", secretKey: "secret-of-site-b-41d7" };
    await storage.addUser(site);
    const [policy = ""] = blocksOf(id, "json");
    const versioning = (status: string): string =>
      `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>${status}</Status></VersioningConfiguration>`;
    const [root, intruder] = [storage.client(), storage.client(site)];
    const ask = async (by: typeof root, ...request: Parameters<typeof root.send>): Promise<string> => {
      const { status, body } = await by.send(...request);
      return status < 300 ? body : String(status);
    };
    expect(await ask(root, "PUT", "/bucket?policy=", named(policy))).to.equal("");
    expect(await ask(root, "PUT", "/bucket?versioning=", versioning("Enabled"))).to.equal("");
    await writeFile(backups.path("storage", "access-key"), site.accessKey);
    await writeFile(backups.path("storage", "secret-key"), site.secretKey);
    await succeeds();
    const kept = await job("backup", { retention: ["keep-last=1"] });
    expect(kept.code, kept.log).to.equal(0);
    expect(kept.log).to.contain("what is too old was not removed");
    expect([await metric("backup_prune_refused"), await problems()]).to.deep.equal([1, []]);
    expect((await files("snapshots")).length).to.be.greaterThan(1);

    const [object = ""] = (await files("snapshots")).map((file) => file.slice(folder.length));
    const newest = async (): Promise<string> => {
      const listed = await ask(root, "GET", `/bucket?versions=&prefix=${object.replace("/bucket/", "")}`);
      return `${object}?versionId=${/<VersionId>([^<]+)</.exec(listed)?.[1] ?? ""}`;
    };
    for (const path of [object, await newest(), "/bucket?policy=", "/bucket"])
      expect(await ask(intruder, "DELETE", path), path).to.equal("403");
    expect(await ask(intruder, "PUT", "/bucket?policy=", named(policy))).to.equal("403");
    expect(await ask(intruder, "PUT", "/bucket?versioning=", versioning("Suspended"))).to.equal("403");
    // Written over, and back by the version before.
    expect(await ask(intruder, "PUT", object, "rubbish")).to.equal("");
    await fails("damaged");
    expect(await ask(root, "DELETE", await newest())).to.equal("");

    const roots = [
      "export RESTIC_REPOSITORY=",
      `export RESTIC_CACERT=${backups.path("storage", "ca.crt")}\nexport RESTIC_REPOSITORY=`,
    ] as const;
    const reader = new Reader({
      folder: tmpdir(),
      env: {
        ...{ PATH: `${binDir()}:/usr/bin:/bin`, HOME: state, KEEPER_SECRET_KEY: storageKeys.secretKey },
        REPOSITORY_PASSWORD: await readFile(backups.path("password"), "utf8"),
      },
    });
    reader.open(id);
    await reader.run([
      ...([
        ["backup-keeper", storageKeys.accessKey],
        ["s3:https://s3.example.com", `s3:${storage.url}`],
        roots,
      ] as const),
      ...([
        ["dns-backups/site-c", "bucket/site-b"],
        ["--host site-c", "--host site-b"],
      ] as const),
      ["--keep-within-hourly 2d --keep-within-daily 30d --keep-within-monthly 1y", "--keep-last 1"],
    ]);
    reader.close();
    await succeeds();
    expect(await metric("backup_prune_refused")).to.equal(0);
  });

  it("put zones back as they were at a time, with a newer serial, where the site runs", async () => {
    const at = new Date().toISOString();
    await change("192.0.2.66");
    const refused = await job("restore");
    expect(refused.code).to.equal(1);
    expect(refused.log).to.contain("site-b runs, with all that it has");
    const early = await job("restore", { at: "2020-01-01T00:00:00Z" });
    expect(early.log).to.contain("no backup of 2020-01-01T00:00:00Z or before");
    const { serial } = await owner().soa(zone);
    const { code, log } = await job("restore", { at });
    expect(code, log).to.equal(0);
    await eventually(10, async () => {
      for (const { server } of lab.sites.values())
        expect(await delv({ server, zone, ds, question: [`www.${zone}`, "A"] }))
          .to.contain("192.0.2.2\n")
          .and.contain("fully validated");
    });
    expect(isNewerSerial((await owner().soa(zone)).serial, serial)).to.equal(true);
    // Knot reads no file a second time that it has taken: by that a restore goes on after a restart of the agent.
    await change("192.0.2.67");
    await owner().control.zoneReload(zone);
    expect(await delv({ server: owner().server, zone, ds, question: [`www.${zone}`, "A"] })).to.contain("192.0.2.67\n");
  });

  it("bring a site that was lost back with its zones and keys, and what others hold newer, also when those are silent at first", async () => {
    await succeeds();
    // What other sites hold is newer than the backup, and the last that anybody saw.
    await change("192.0.2.3");
    await lab.converged(10, { zones: [zone] });
    const { serial } = await owner().soa(zone);
    await owner().stop();
    await owner().loseVolume();
    await owner().loseZoneKeys();
    await owner().settle({ awaitsRestore: true });
    await lab.site("site-a").stop();
    const starting = owner().start();
    await eventually(10, () => expect(owner().log().split("\n").slice(-30).join()).to.contain("waits for a restore"));
    const restoring = job("restore");
    await starting;
    await eventually(20, async () => {
      const waiting = (await owner().status()).problems.filter(({ kind }) => kind === "zones");
      expect(waiting.map(({ message }) => message).join()).to.contain(
        "a backup is on the volume, and waits for others",
      );
    });
    await lab.site("site-a").start();
    const { code, log } = await restoring;
    expect(code, log).to.equal(0);
    await owner().ready();
    await lab.converged(20, { zones: [zone] });
    expect(await apexTexts(owner().server, zone, "CDS")).to.deep.equal(ds);
    const { server } = lab.site("site-a");
    expect(await delv({ server, zone, ds, question: [`www.${zone}`, "A"] }))
      .to.contain("192.0.2.3")
      .and.contain("fully validated");
    expect(isNewerSerial((await owner().soa(zone)).serial, serial)).to.equal(true);
    await succeeds();
  });

  it("show no secret in what is logged", async () => {
    for (const secret of await backups.secrets()) expect(logs.concat(lab.logs()).join("\n")).to.not.contain(secret);
  });
});
