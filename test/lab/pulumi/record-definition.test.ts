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
    const provider = new k8s.Provider(`${site}-cluster`, {
      kubeconfig: plane.kubeconfig,
      clusterIdentifier: site,
      enableServerSideApply: true,
    });
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
