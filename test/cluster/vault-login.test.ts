import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../src/settings/site-settings";
import { SharedStack } from "../../components/shared/shared-stack";
import { AppRoles } from "../../components/site/app-roles";
import { SiteNamespace } from "../../components/site/namespace";
import { fetchWelcome } from "../../components/site/welcome";
import { serviceAccountKeys } from "../../harness/service-account-keys";
import { startControlPlane, type ControlPlane } from "../../harness/plugins/control-plane";
import { startVault, type VaultServer } from "../../harness/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../harness/pulumi/driver";
import { dataOf, login } from "../../harness/vault-user";

/** The shared stack as it is, and of a site's stack what has to do with its login. */
async function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind === "shared") return { ...new SharedStack("mesh", config.shared).outputs };
  const { packet, vault } = await fetchWelcome(config.site);
  const { kubeconfig = "", context, namespace, site } = config.site;
  const provider = new k8s.Provider("cluster", { kubeconfig, context, clusterIdentifier: site });
  const within = { providers: [provider] };
  const { name } = new SiteNamespace("namespace", { namespace, protect: false }, within);
  if (vault === undefined || packet.vault === undefined) throw new Error("no way into Vault");
  const { path } = packet.vault.auth;
  new AppRoles("login", { namespace: name, site, path, clients: ["site", "rotator"], provider: vault }, within);
  return {};
}

describe("pods of a real API server at a real Vault", function () {
  this.timeout(180_000);
  let plane: ControlPlane;
  let vault: VaultServer;
  let workDir: string;
  let driver: MeshDriver;

  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-login-"));
    [plane, vault] = await Promise.all([startControlPlane(), startVault()]);
    const keys = await serviceAccountKeys({ kubeconfig: plane.kubeconfig, context: "plane" });
    driver = createDriver({ workDir, program, env: { VAULT_TOKEN: vault.token }, writes: "at the end" });
    await driver.setConfig("shared", {
      "dns-mesh:vault": { address: vault.address },
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: [
          {
            ...{ name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"] },
            vault: { serviceAccountKeys: keys, namespace: "kube-system" },
          },
          { name: "site-b", role: "secondary-catalog", addresses: ["192.0.2.2"] },
        ],
      },
    });
    await driver.setConfig("site-b", {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      ...{ "dns-mesh:context": "plane", "dns-mesh:kubeconfig": plane.kubeconfig },
    });
    await driver.up("shared");
  });
  after(async () => {
    await Promise.all([plane[Symbol.asyncDispose](), vault[Symbol.asyncDispose]()]);
    rmSync(workDir, { recursive: true, force: true });
  });

  /** A token as the kubelet projects it into a pod. */
  async function projected(account: string, audience: string): Promise<string> {
    const accounts = "/api/v1/namespaces/kube-system/serviceaccounts";
    const body = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account } };
    await plane.api.send({ method: "POST", path: accounts, body }).catch(() => undefined);
    const made = await plane.api.send({
      method: "POST",
      path: `${accounts}/${account}/token`,
      body: {
        ...{ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" },
        spec: { audiences: [audience], expirationSeconds: 600 },
      },
    });
    return (made["status"] as { token: string }).token;
  }

  async function refusal(path: string, body: object): Promise<string> {
    const tried: unknown = await login(vault, path, body).catch((error: unknown) => error);
    return tried instanceof Error ? tried.message : "let in";
  }

  it("log in with a projected token, by keys that were taken from the cluster as the guide says", async () => {
    const jwt = await projected("knot", "vault");
    const pods = await login(vault, "dns-mesh-site-a", { role: "site", jwt });
    expect((await pods("GET", "dns-mesh/data/ring")).status).to.equal(200);
    const rotator = { role: "rotator", jwt: await projected("key-rotator", "vault") };
    const { data, metadata } = dataOf(
      await (
        await login(vault, "dns-mesh-site-a", rotator)
      )("GET", "dns-mesh/data/ring"),
    );
    expect([data, metadata]).to.not.include(undefined);
  });

  it("do not with a token for the API server, or one of another account", async () => {
    const api = { role: "site", jwt: await projected("knot", "https://kubernetes.default.svc") };
    expect(await refusal("dns-mesh-site-a", api)).to.match(/^400: .*aud/);
    const other = { role: "site", jwt: await projected("reconciler", "vault") };
    expect(await refusal("dns-mesh-site-a", other)).to.match(/^400: .*sub/);
  });

  describe("where its keys are not in the list", () => {
    async function loginOf(secret: string): Promise<{ role_id: string; secret_id: string }> {
      const found = await plane.api.send({ method: "GET", path: `/api/v1/namespaces/dns-system/secrets/${secret}` });
      const data = found["data"] as Record<string, string>;
      const text = (file: string): string => Buffer.from(data[file] ?? "", "base64").toString();
      return { role_id: text("role-id"), secret_id: text("secret-id") };
    }

    before(() => driver.up("site-b"));

    it("log in with what the site's stack put into Secrets, each program as itself", async () => {
      const site = await login(vault, "dns-mesh-approle", await loginOf("vault-approle"));
      const rotator = await login(vault, "dns-mesh-approle", await loginOf("vault-approle-rotator"));
      const write = { data: { version: 1 }, options: { cas: 0 } };
      expect((await site("GET", "dns-mesh/data/ring")).status).to.equal(200);
      expect((await site("POST", "dns-mesh/data/ring", write)).status).to.equal(403);
      expect((await rotator("POST", "dns-mesh/data/ring", write)).status).to.equal(400);
    });

    it("keep their login when the stack is run once more, and lose it with the stack", async () => {
      for (const refresh of [false, true])
        expect(Object.keys((await driver.up("site-b", { refresh })).changes)).to.deep.equal(["same"]);
      const before = await loginOf("vault-approle");
      await driver.destroy("site-b");
      expect(await refusal("dns-mesh-approle", before)).to.match(/^400: .*invalid role or secret ID/);
    });
  });
});
