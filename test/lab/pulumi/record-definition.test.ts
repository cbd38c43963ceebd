import * as k8s from "@pulumi/kubernetes";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { RecordDefinition } from "../../../components/site/record-definition";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import type { Properties } from "../../../harness/plugins/wire";
import { recordRoles } from "../../../src/records/crd";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";

/** A DnsRecord that must outlive whatever stacks do. */
const record = {
  apiVersion: "dns.mesh.io/v1alpha1",
  kind: "DnsRecord",
  metadata: { name: "kept" },
  spec: { zone: "standard-1.internal.dns", name: "kept", type: "A", value: "192.0.2.1" },
};

const records = "/apis/dns.mesh.io/v1alpha1/namespaces/default/dnsrecords";
const definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/dnsrecords.dns.mesh.io";
const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

describe("what a cluster's sites share of DnsRecords, with the real provider", function () {
  this.timeout(120_000);
  let plane: ControlPlane;
  let workDir: string;
  let driver: MeshDriver;
  const serving = new Map<string, boolean>();
  /** Which made the definition by the site's own provider. */
  let isOfFormerRelease = true;

  before(async () => {
    plane = await startControlPlane();
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-definition-"));
    driver = createDriver({ workDir, program: () => Promise.resolve(declare()) });
  });
  after(async () => {
    await plane[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  function declare(): Record<string, unknown> {
    const site = pulumi.getStack();
    const args = { kubeconfig: plane.kubeconfig, clusterIdentifier: site, enableServerSideApply: true };
    const own = new k8s.Provider(`${site}-cluster`, args);
    const shared = new k8s.Provider(`${site}-shared-objects`, { ...args, upsertExistingObjects: true });
    const provider = isOfFormerRelease ? own : shared;
    if (serving.get(site) === true) new RecordDefinition(`${site}-records`, { providers: [provider] });
    return {};
  }

  async function up(site: string, serves: boolean): Promise<void> {
    serving.set(site, serves);
    await driver.up(site);
    const again = await driver.up(site);
    expect(Object.keys(again.changes), "of a second up").to.deep.equal(["same"]);
  }

  const live = (path: string): Promise<Properties> => plane.api.send({ method: "GET", path });

  async function allThere(): Promise<void> {
    expect((await live(definition))["metadata"]).to.not.have.property("deletionTimestamp");
    expect((await live(`${records}/kept`))["spec"]).to.include({ value: "192.0.2.1" });
    for (const { metadata } of recordRoles()) await live(`${roles}/${metadata.name}`);
  }

  it("is made by the first site", async () => {
    await up("site-a", true);
    await plane.api.send({ method: "POST", path: records, body: record });
    await allThere();
  });

  it("goes over to the provider of what is shared without being made anew", async () => {
    const uid = ((await live(definition))["metadata"] as Properties)["uid"];
    isOfFormerRelease = false;
    expect((await driver.up("site-a")).changes).to.not.have.any.keys("replace", "create-replacement", "delete");
    expect((await live(definition))["metadata"]).to.include({ uid });
    await up("site-a", true);
    await allThere();
  });

  it("stays when the site serves no DnsRecords any more, and is taken over when it does again", async () => {
    await up("site-a", false);
    await allThere();
    await up("site-a", true);
    await allThere();
  });

  it("is shared with a second site of the cluster, and stays when that goes", async () => {
    await up("site-b", true);
    expect(Object.keys((await driver.up("site-a", { refresh: true })).changes)).to.deep.equal(["same"]);
    await driver.destroy("site-b");
    await allThere();
    expect(Object.keys((await driver.up("site-a", { refresh: true })).changes)).to.deep.equal(["same"]);
  });

  it("is taken over by a site that was destroyed and is made again", async () => {
    await driver.destroy("site-a");
    await allThere();
    await up("site-a", true);
    await up("site-b", true);
    await allThere();
  });
});
