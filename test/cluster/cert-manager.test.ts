import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../src/settings/site-settings";
import { SharedStack } from "../../components/shared/shared-stack";
import { ClusterCertificate } from "../../components/site/cluster-certificate";
import { SiteNamespace } from "../../components/site/namespace";
import { fetchWelcome } from "../../components/site/welcome";
import type { WelcomePacket } from "../../src/mesh/model";
import { startCertManager, type CertManager } from "../../harness/cert-manager";
import { eventually } from "../../harness/eventually";
import { startControlPlane, type ControlPlane } from "../../harness/plugins/control-plane";
import type { Properties } from "../../harness/plugins/wire";
import { createDriver, type MeshDriver } from "../../harness/pulumi/driver";
import { ensureTools } from "../../harness/tools";

/** The shared stack as it is, and of a site's stack what has to do with cert-manager. */
async function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind === "shared") return { ...new SharedStack("mesh", config.shared).outputs };
  const { packet, issued } = await fetchWelcome(config.site);
  if (issued === undefined) throw new Error("no issuer");
  const { kubeconfig = "", context, namespace } = config.site;
  const provider = new k8s.Provider("cluster", { kubeconfig, context, clusterIdentifier: "site-a" });
  const within = { providers: [provider] };
  const { name } = new SiteNamespace("namespace", { namespace, protect: false }, within);
  new ClusterCertificate("certificate", { namespace: name, packet, issuer: issued }, within);
  return {};
}

/** What the pods would mount. */
interface Issued {
  readonly chain: string;
  readonly leaf: X509Certificate;
  readonly key: string;
}

describe("a site's certificate by the real cert-manager", function () {
  this.timeout(180_000);
  const base = "/api/v1/namespaces/dns-system/secrets";
  let plane: ControlPlane;
  let certManager: CertManager;
  let workDir: string;
  let driver: MeshDriver;

  before(async function () {
    this.timeout(20 * 60_000);
    await ensureTools(["kubernetes", "pulumi", "provider", "cert-manager"], console.log);
  });
  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-cert-manager-"));
    plane = await startControlPlane();
    certManager = await startCertManager(plane.kubeconfig);
    driver = createDriver({ workDir, program });
    await driver.setConfig("site-a", {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      ...{ "dns-mesh:context": "plane", "dns-mesh:kubeconfig": plane.kubeconfig },
    });
  });
  after(async () => {
    await certManager[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  async function bringUp(ca: object, addresses = ["192.0.2.1"]): Promise<void> {
    await driver.setConfig("shared", {
      "dns-mesh:certificates": "cert-manager",
      "dns-mesh:ca": ca,
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: [{ name: "site-a", role: "primary-catalog", addresses }],
      },
    });
    await driver.up("shared");
    await driver.up("site-a");
  }

  async function issued(): Promise<Issued> {
    const secret = await plane.api.send({ method: "GET", path: `${base}/knot-tls` });
    const data = secret["data"] as Record<string, string>;
    const text = (file: string): string => Buffer.from(data[file] ?? "", "base64").toString();
    return { chain: text("tls.crt"), leaf: new X509Certificate(text("tls.crt")), key: text("tls.key") };
  }

  /** The certificate that stands once the Certificate is ready and the given one is no more. */
  const issuedAfter = (before?: Issued): Promise<Issued> =>
    eventually(30, async () => {
      const now = await issued();
      expect(now.leaf.serialNumber, certManager.log().slice(-800)).not.to.equal(before?.leaf.serialNumber);
      return now;
    });

  /** The roots that the site's stack trusts. */
  async function roots(): Promise<string> {
    const { sites } = await driver.outputs("shared");
    return (sites?.value as Record<string, WelcomePacket>)["site-a"]?.ca ?? "";
  }

  function verify(trusted: string, { chain }: Issued, ...more: string[]): string {
    const [ca, certificate] = [join(workDir, "ca.pem"), join(workDir, "certificate.pem")];
    writeFileSync(ca, trusted);
    writeFileSync(certificate, chain);
    const args = ["verify", "-x509_strict", "-CAfile", ca, "-untrusted", certificate, ...more, certificate];
    return execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
  }

  it("is below the mesh's root, for the site's name and addresses, for servers and clients", async () => {
    await bringUp({});
    const found = await issuedAfter();
    expect(verify(await roots(), found, "-purpose", "sslserver", "-verify_hostname", "site-a.dns.internal")).to.contain(
      "OK",
    );
    expect(verify(await roots(), found, "-purpose", "sslclient", "-verify_ip", "192.0.2.1")).to.contain("OK");
    expect(found.leaf.subjectAltName).to.equal("DNS:site-a.dns.internal, IP Address:192.0.2.1");
    expect(found.leaf.ca).to.equal(false);
    expect(found.key).to.match(/^-----BEGIN PRIVATE KEY-----/);
    const days = (Date.parse(found.leaf.validTo) - Date.parse(found.leaf.validFrom)) / 86_400_000;
    expect(days).to.be.closeTo(90, 0.1);
  });

  it("has its issuer in the chain, and not the root, which whoever checks has already", async () => {
    const { chain } = await issued();
    const subjects = (chain.match(/-----BEGIN[^]+?END CERTIFICATE-----/g) ?? []).map(
      (pem) => new X509Certificate(pem).subject,
    );
    expect(subjects).to.deep.equal(["CN=site-a.dns.internal", "CN=dns-mesh issuer of site-a"]);
  });

  it("is nothing that another up would touch, refresh included", async () => {
    for (const refresh of [false, true])
      expect(Object.keys((await driver.up("site-a", { refresh })).changes)).to.deep.equal(["same"]);
  });

  it("has a key that no stack knows", async () => {
    const { key } = await issued();
    const body = key.split("\n")[1] ?? "";
    for (const stack of ["shared", "site-a"])
      expect(JSON.stringify(await driver.exportState(stack))).not.to.contain(body);
    expect(JSON.stringify(await driver.outputs("shared"))).not.to.contain(body);
  });

  it("is renewed without anybody's up, with a key of its own", async () => {
    const before = await issued();
    const condition = {
      type: "Issuing",
      status: "True",
      reason: "Due",
      message: "",
      lastTransitionTime: new Date().toISOString(),
    };
    const path = "/apis/cert-manager.io/v1/namespaces/dns-system/certificates/knot-tls";
    const live = await plane.api.send({ method: "GET", path });
    const status = live["status"] as Properties & { conditions: Properties[] };
    const body = { ...live, status: { ...status, conditions: [...status.conditions, condition] } };
    await plane.api.send({ method: "PUT", path: `${path}/status`, body });
    const after = await issuedAfter(before);
    expect(after.key).not.to.equal(before.key);
    expect(verify(await roots(), after)).to.contain("OK");
  });

  it("follows the site's addresses", async () => {
    const before = await issued();
    await bringUp({}, ["192.0.2.1", "2001:db8::1"]);
    const after = await issuedAfter(before);
    expect(verify(await roots(), after, "-verify_ip", "2001:db8::1")).to.contain("OK");
  });

  it("is made by the new root's issuer at once when that signs, and the old issuer is gone", async () => {
    const [before, old] = [await issued(), await roots()];
    await bringUp({ generation: 2 }, ["192.0.2.1", "2001:db8::1"]);
    expect((await issued()).leaf.serialNumber).to.equal(before.leaf.serialNumber);
    await bringUp({ generation: 2, signing: 2 }, ["192.0.2.1", "2001:db8::1"]);
    const after = await issuedAfter(before);
    expect(verify(await roots(), after)).to.contain("OK");
    expect(verify(await roots(), before)).to.contain("OK");
    expect(() => verify(old, after)).to.throw("unable to get");
    const { items } = await plane.api.send({ method: "GET", path: base });
    const names = (items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.startsWith("mesh-issuer-"))).to.have.lengthOf(1);
  });
});
