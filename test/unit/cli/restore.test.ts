import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { placeOf } from "../../../src/cli/place";
import { restoreSite, timeOf } from "../../../src/cli/restore";
import { KubeError, type KubeObject } from "../../../src/kube/answer";

const now = Date.parse("2026-11-29T09:00:00Z");
const batch = "/apis/batch/v1/namespaces/dns-system";
const packet = { "welcome.json": JSON.stringify({ site: { name: "site-c" } }) };
const container = { name: "backup", env: [{ name: "A", value: "b" }] };
const template = {
  spec: { jobTemplate: { spec: { backoffLimit: 0, template: { spec: { containers: [container] } } } } },
};

/** A cluster that has a site, and whose jobs end as told. */
class FakeCluster {
  readonly created: KubeObject[] = [];
  readonly printed: string[] = [];
  #looks = 0;

  constructor(
    private readonly objects: Readonly<Record<string, KubeObject>>,
    private readonly ends: { readonly type: "Complete" | "Failed" | "Unauthorized"; readonly log?: string },
  ) {}

  restore(at?: string): Promise<void> {
    return restoreSite({
      kube: {
        get: (path) => Promise.resolve().then(() => this.#get(path)),
        create: (path, object) => this.#create(path, object),
      },
      request: { site: "site-c", namespace: "dns-system", ...(at !== undefined && { at }) },
      now: () => now,
      pause: () => Promise.resolve(),
      print: (line) => this.printed.push(line),
    });
  }

  #create(path: string, object: KubeObject): Promise<void> {
    expect(path).to.equal(`${batch}/jobs`);
    this.created.push(object);
    return Promise.resolve();
  }

  #get(path: string): KubeObject | undefined {
    if (path.startsWith(`${batch}/jobs/`) && this.ends.type === "Unauthorized")
      throw new KubeError("GET of a job: Unauthorized", { status: 401 });
    if (path.startsWith(`${batch}/jobs/`))
      return { status: this.#looks++ > 1 ? { conditions: [{ type: this.ends.type, status: "True" }] } : {} };
    if (path.startsWith("/api/v1/namespaces/dns-system/pods")) {
      const containerStatuses = [{ state: { terminated: { message: this.ends.log } } }];
      return { items: this.#looks > 1 ? [{ status: { phase: "Running", containerStatuses } }] : [] };
    }
    return this.objects[path.replace(/\?.*$/, "")];
  }
}

const listing = (...items: KubeObject[]): KubeObject => ({ metadata: { resourceVersion: "7" }, items });
const whole = {
  [`${batch}/jobs`]: listing(),
  "/api/v1/namespaces/dns-system/configmaps/knot-config": { data: packet },
  [`${batch}/cronjobs/backup-restore`]: template,
};
const failure = (work: Promise<unknown>): Promise<string> => work.then(() => "", String);

describe("mesh restore", () => {
  it("makes a job from the stack's suspended one, and waits for its end", async () => {
    const cluster = new FakeCluster(whole, { type: "Complete" });
    await cluster.restore("2026-11-29T08:00:00.000Z");
    const [job] = cluster.created as { spec: { template: { spec: { containers: unknown[] } } } }[];
    const at = { name: "DNS_MESH_RESTORE_AT", value: "2026-11-29T08:00:00.000Z" };
    expect(job?.spec.template.spec.containers).to.deep.equal([{ ...container, env: [...container.env, at] }]);
    expect(cluster.printed.join("\n")).to.match(/no pod yet\n {2}Running\nsite-c has its zones back/);
  });

  it("makes no second job while one of before goes on", async () => {
    const job = (name: string, ...types: string[]): KubeObject => ({
      metadata: { name },
      status: { conditions: types.map((type) => ({ type, status: "True" })) },
    });
    const ended = [job("backup-restore-a", "Complete"), job("backup-restore-b", "Failed"), job("backup-29")];
    const jobs = (...items: KubeObject[]) => ({ ...whole, [`${batch}/jobs`]: listing(...items) });
    const busy = new FakeCluster(jobs(...ended, job("backup-restore-c", "Suspended")), { type: "Complete" });
    expect(await failure(busy.restore())).to.contain("job backup-restore-c restores already. Nothing was changed");
    expect(busy.created).to.deep.equal([]);
    const idle = new FakeCluster(jobs(...ended), { type: "Complete" });
    await idle.restore();
    expect(idle.created).to.have.lengthOf(1);
  });

  it("makes none where what answers is no listing of jobs", async () => {
    for (const answer of [undefined, { metadata: {} }, { metadata: { resourceVersion: "7" } }]) {
      const objects = Object.entries({ ...whole, [`${batch}/jobs`]: answer }).filter(
        ([, object]) => object !== undefined,
      );
      const cluster = new FakeCluster(Object.fromEntries(objects) as typeof whole, { type: "Complete" });
      expect(await failure(cluster.restore())).to.match(/jobs.*(is not there|is no listing)/);
      expect(cluster.created).to.deep.equal([]);
    }
  });

  it("says what the job said when it failed", async () => {
    const log = '{"message":"a"}\n{"level":"error","message":"no backup of site-c in the repository"}\n';
    const cluster = new FakeCluster(whole, { type: "Failed", log });
    expect(await failure(cluster.restore())).to.contain("the restore failed: no backup of site-c in the repository");
  });

  it("says that the job goes on where it cannot be followed any more", async () => {
    const cluster = new FakeCluster(whole, { type: "Unauthorized" });
    const said = await failure(cluster.restore());
    expect(cluster.created).to.have.lengthOf(1);
    expect(said).to.match(
      /job backup-restore-\w+ was made and goes on, and cannot be followed any more: .*Unauthorized/,
    );
  });

  it("changes nothing in another site's cluster, or one without a site or backups", async () => {
    const other = { "welcome.json": JSON.stringify({ site: { name: "site-b" } }) };
    for (const [objects, reason] of [
      [{}, "has no site yet"],
      [{ ...whole, "/api/v1/namespaces/dns-system/configmaps/knot-config": { data: other } }, "cluster of site-b"],
      [{ "/api/v1/namespaces/dns-system/configmaps/knot-config": { data: packet } }, 'set "backups"'],
    ] as const) {
      const cluster = new FakeCluster(objects, { type: "Complete" });
      expect(await failure(cluster.restore())).to.contain(reason);
      expect(cluster.created).to.deep.equal([]);
    }
  });

  it("takes times and days, and nothing that is to come", () => {
    expect(timeOf("2026-11-29T08:00:00+01:00", now)).to.equal("2026-11-29T07:00:00.000Z");
    for (const bad of ["yesterday", "2026-13-01", "12", "2026-11-29T08:00", "2026-06-31", "2026-06-31T08:00:00Z"])
      expect(() => timeOf(bad, now)).to.throw("is not a time");
    expect(() => timeOf("2026-11-30", now)).to.throw("is to come");
  });

  it("takes a day with all that was backed up on it, which today is up to now", () => {
    expect(timeOf("2026-11-28", now)).to.equal("2026-11-28T23:59:59.999Z");
    expect(timeOf("2026-11-29", now)).to.equal(new Date(now).toISOString());
  });

  it("finds the cluster by the stack's file, and by options first", () => {
    const [folder, before] = [mkdtempSync(join(tmpdir(), "restore-")), process.cwd()];
    writeFileSync(
      join(folder, "Pulumi.site-c.yaml"),
      "config:\n  dns-mesh:context: far\n  dns-mesh:namespace: names\n",
    );
    process.chdir(folder);
    try {
      expect(placeOf("site-c", {})).to.deep.equal({ context: "far", namespace: "names" });
      expect(placeOf("site-c", { context: "near" })).to.deep.equal({ context: "near", namespace: "names" });
      expect(() => placeOf("site-d", {})).to.throw(
        "--context NAME, or run it in the folder that has Pulumi.site-d.yaml",
      );
    } finally {
      process.chdir(before);
      rmSync(folder, { recursive: true });
    }
  });
});
