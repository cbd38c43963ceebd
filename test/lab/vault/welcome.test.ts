import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../../components/config";
import { SharedStack } from "../../../components/shared/shared-stack";
import { fetchWelcome } from "../../../components/site/welcome";
import type { WelcomeSecrets } from "../../../src/mesh/model";
import { startVault, type VaultServer } from "../../support/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../support/pulumi/driver";

/** The shared stack as it is, and of a site's stack what it takes from there. */
async function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind === "shared") return { ...new SharedStack("mesh", config.shared).outputs };
  const welcome = await fetchWelcome(config.site);
  return { packet: welcome.packet, secrets: welcome.secrets };
}

describe("secrets in a real Vault", function () {
  this.timeout(60_000);
  let vault: VaultServer;
  let workDir: string;
  let driver: MeshDriver;

  before(async () => {
    vault = await startVault();
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-vault-"));
    driver = createDriver({ workDir, program, env: { VAULT_TOKEN: vault.token } });
    await driver.setConfig("shared", {
      "dns-mesh:vault": { address: vault.address, mount: "secret" },
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: [
          { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
          { name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
        ],
      },
    });
    await driver.setConfig("site-b", { "dns-mesh:shared": "organization/dns-mesh/shared", "dns-mesh:context": "b" });
    await driver.up("shared");
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  /** What Vault answers on a path to a token. */
  async function get(path: string, token: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${vault.address}/v1/${path}`, { headers: { "X-Vault-Token": token } });
    return { status: response.status, body: await response.json() };
  }

  /** A token with a site's policy alone. */
  async function siteToken(site: string): Promise<string> {
    const response = await fetch(`${vault.address}/v1/auth/token/create`, {
      method: "POST",
      headers: { "X-Vault-Token": vault.token },
      body: JSON.stringify({ policies: [`dns-mesh-${site}`], no_parent: true }),
    });
    return ((await response.json()) as { auth: { client_token: string } }).auth.client_token;
  }

  it("are no outputs of the shared stack; the outputs say where they are", async () => {
    const outputs = await driver.outputs("shared");
    expect(outputs).to.have.keys("directory", "catalog", "sites", "vaultPaths");
    expect(outputs["vaultPaths"]?.value).to.deep.include({
      paths: { "site-a": "sites/site-a", "site-b": "sites/site-b" },
    });
  });

  it("hold ring, certificate and key of each site", async () => {
    const { body } = await get("secret/data/sites/site-a", vault.token);
    const { data } = (body as { data: { data: WelcomeSecrets } }).data;
    expect(data.keyRing.current.name).to.equal("mesh-1");
    expect(data.certificate).to.contain("BEGIN CERTIFICATE");
    expect(data.privateKey).to.contain("PRIVATE KEY");
  });

  it("are readable for the site's own policy and for no other's", async () => {
    const token = await siteToken("site-b");
    expect((await get("secret/data/sites/site-b", token)).status).to.equal(200);
    expect((await get("secret/data/sites/site-a", token)).status).to.equal(403);
  });

  it("reach the site's stack, as a secret", async () => {
    const { outputs } = await driver.up("site-b");
    expect(outputs["secrets"]?.secret).to.equal(true);
    expect(outputs["secrets"]?.value).to.have.keys("keyRing", "certificate", "privateKey");
  });

  it("stay the same when both stacks are run once more", async () => {
    for (const stack of ["shared", "site-b"]) {
      expect(Object.keys((await driver.up(stack)).changes), stack).to.deep.equal(["same"]);
    }
  });
});
