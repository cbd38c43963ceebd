import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StorageServer } from "../../../harness/backups/storage";
import { eventually } from "../../../harness/eventually";
import { askedQuery, rows } from "../../../harness/monitoring/panels";
import { WatchedLab } from "../../../harness/monitoring/watched-lab";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { ensureTools } from "../../../harness/tools";
import { SiteBackups } from "../../../lab/site-backups";

/** A mesh that has an operator, backups, a signed zone and probes, under a real Prometheus. Minutes of the rules are seconds. */
describe("monitoring of a mesh with DnsRecords, backups and signatures", function () {
  this.timeout(240_000);
  let mesh: RecordMesh;
  let watched: WatchedLab;
  let storage: StorageServer;
  let backups: SiteBackups;
  let folder: string;

  before(async () => {
    await ensureTools(["prometheus", "restic", "versitygw"]);
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-watched-"));
    mesh = await RecordMesh.start({ zones: [{ name: "signed.example", dnssec: true }] });
    storage = await StorageServer.start(folder);
    backups = await SiteBackups.of(mesh.lab.site(mesh.owner), storage);
    watched = await WatchedLab.start(mesh.lab, {
      timeFactor: 1 / 60,
      probed: [mesh.zone],
      operator: { site: mesh.owner, socket: mesh.operator.socket },
    });
  });
  after(async () => {
    await watched[Symbol.asyncDispose]();
    await backups[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    await mesh[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed")
      console.error(mesh.operator.log().slice(-4000), await watched.prometheus.alerts());
  });

  const fires = (...alerts: readonly string[]) =>
    eventually(90, async () => {
      expect(await watched.prometheus.firing()).to.include.members([...alerts]);
    });
  const silent = () =>
    eventually(90, async () => {
      expect(await watched.unexpected()).to.deep.equal([]);
    });

  it("has an answer to each query of each panel", async () => {
    for (const { code, log } of [await backups.run("backup"), await backups.drill()]) expect(code, log).to.equal(0);
    await mesh.objects().make("www", { name: "www", value: "192.0.2.1" });
    await mesh.objects().programmed("www");
    for (const { title, queries } of rows.flatMap(({ panels }) => panels.filter(({ needs }) => needs === undefined)))
      for (const query of queries)
        await eventually(90, async () => {
          const series = await watched.prometheus.query(askedQuery(query));
          expect(series, `${title}: ${query.expr}`).to.have.length.above(0);
        });
    expect(await watched.prometheus.brokenRules()).to.deep.equal([]);
    await silent();
  });

  it("has an alert when somebody else changes records", async () => {
    const record = { name: `www.${mesh.zone}`, class: "IN", ttl: 60, type: "A", address: "192.0.2.99" } as const;
    await mesh.update(mesh.zone, [{ kind: "add", record }]);
    await fires(`DnsMeshDrift ${mesh.owner}`);
    await silent();
  });

  it("has an alert when the writer is away", async () => {
    const writer = mesh.lab.site(mesh.owner);
    await writer.stop();
    await mesh.objects().make("waits", { name: "waits", value: "192.0.2.2" });
    await fires(`DnsMeshWriterAway ${mesh.owner}`, `DnsMeshSiteDown ${mesh.owner}`);
    await writer.start();
    await writer.ready(60);
    await mesh.objects().programmed("waits");
    await silent();
  });

  it("has an alert when a backup fails", async () => {
    const before = await readFile(backups.path("password"), "utf8");
    await writeFile(backups.path("password"), "another-password-of-nothing");
    expect((await backups.run("backup")).code).to.equal(1);
    await fires(`DnsMeshBackupFails ${mesh.owner}`);
    await writeFile(backups.path("password"), before);
    expect((await backups.run("backup")).code).to.equal(0);
    await silent();
  });

  it("has an alert when no operator leads", async () => {
    await mesh.operator.kill();
    await fires(`DnsMeshNoLeader ${mesh.owner}`);
    mesh.operator.start();
    await silent();
  });
});
