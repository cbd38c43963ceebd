import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import type { RecordObjects } from "../../../harness/records/record-objects";
import { RecordMesh } from "../../../harness/records/record-mesh";

type Program = () => Promise<Record<string, unknown>>;

/** The stacks of a mesh whose sites are not in the cluster: the operator beside a lab's site serves its DnsRecords. */
describe("a zone that leaves while DnsRecords are in it", function () {
  this.timeout(180_000);
  const today = new Date().toISOString().slice(0, 10);
  const started = new AsyncDisposableStack();
  let mesh: RecordMesh;
  let objects: RecordObjects;
  let workDir: string;
  let driver: MeshDriver;
  let zone: string;

  before(async () => {
    mesh = started.use(await RecordMesh.start());
    ({ zone } = mesh);
    objects = mesh.objects();
    for (const name of ["mail", "www"]) await objects.make(name, { name, value: "192.0.2.1" });
    await objects.programmed("mail", "www");
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-leaving-"));
    started.defer(() => {
      rmSync(workDir, { recursive: true, force: true });
    });
    driver = createDriver({ workDir, program: program as Program, writes: "at the end" });
    await configure(mesh.plane.kubeconfig);
  });
  after(() => started.disposeAsync());

  const configure = (path: string): Promise<void> =>
    driver.setConfig(mesh.owner, {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      "dns-mesh:kubeconfig": path,
      "dns-mesh:context": "plane",
    });

  /** The control plane's kubeconfig with another user. */
  function kubeconfig(name: string, user: object): string {
    const own = JSON.parse(readFileSync(mesh.plane.kubeconfig, "utf8")) as object;
    const path = join(workDir, name);
    writeFileSync(path, JSON.stringify({ ...own, users: [{ name: "admin", user }] }), { mode: 0o600 });
    return path;
  }

  const list = async (zones: unknown[]): Promise<void> => {
    const site = { name: mesh.owner, role: "primary-catalog", addresses: ["192.0.2.1"], zones };
    const central = { directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" };
    await driver.setConfig("shared", { "dns-mesh:mesh": { ...central, sites: [site] } });
  };
  /** What the owner's stack said when it was brought up last. There are no nodes that its pods could run on. */
  const formerly = (outputs: Record<string, unknown>) =>
    createDriver({ workDir, program: () => Promise.resolve(outputs) }).up(mesh.owner);
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "",
      (error: unknown) => String(error),
    );

  it("is listed with them by the owner's stack once it is retired", async () => {
    await list([{ name: zone, retired: today }, "other.example"]);
    await driver.up("shared");
    const { stdout, events } = await driver.preview(mesh.owner);
    expect(stdout + JSON.stringify(events)).to.match(
      new RegExp(`retiring[^]*${zone}[^]*dns-system/mail[^]*dns-system/www`),
    );
  });

  it("is refused by the owner's up, with their names, and nothing changes", async () => {
    await formerly({ zones: [zone, "other.example"], retiring: { [zone]: [] } });
    await list(["other.example"]);
    await driver.up("shared");
    for (const operation of ["preview", "up"] as const) {
      const said = await failure(driver[operation](mesh.owner));
      expect(said).to.contain(`the zone "${zone}" has left the mesh's list`);
      expect(said).to.contain("are still in it: dns-system/mail,");
      expect(said).to.contain("dns-system/www");
    }
    const { resources } = (await driver.exportState(mesh.owner)).deployment as { resources: { type: string }[] };
    expect(resources.filter(({ type }) => type.startsWith("kubernetes:"))).to.deep.equal([]);
  });

  it("is refused to somebody who may not look, with the reason", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    const { status } = await mesh.plane.api.send({ method: "POST", path, body: { spec: { expirationSeconds: 3600 } } });
    await configure(kubeconfig("nobody", status as { token: string }));
    const said = await failure(driver.preview(mesh.owner));
    expect(said).to.contain('the DnsRecords of context "plane" cannot be listed').and.to.contain("forbidden");
  });

  it("is looked at as whom the kubeconfig's program says", async () => {
    const credential = { kind: "ExecCredential", status: { token: "an-administrator-of-a-test" } };
    writeFileSync(join(workDir, "who"), `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`, { mode: 0o700 });
    await configure(
      kubeconfig("program", { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./who" } }),
    );
    expect(await failure(driver.preview(mesh.owner))).to.contain("are still in it: dns-system/mail");
  });

  it("goes once they are deleted", async () => {
    await configure(mesh.plane.kubeconfig);
    for (const name of ["mail", "www"]) await objects.remove(name);
    for (const name of ["mail", "www"]) await objects.gone(name);
    expect(await failure(driver.preview(mesh.owner))).to.equal("");
  });
});
