import * as pulumi from "@pulumi/pulumi";
import type { OutputMap } from "@pulumi/pulumi/automation";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../../src/settings/site-settings";
import { SharedStack } from "../../../components/shared/shared-stack";
import { fetchWelcome } from "../../../components/site/welcome";
import type { WelcomePacket } from "../../../src/mesh/model";
import { startVault, type VaultServer } from "../../../harness/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { dataOf, login, tokenSigner, vaultUser } from "../../../harness/vault-user";

/** The shared stack as it is, and of a site's stack what it takes from there. */
async function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind === "shared") return { ...new SharedStack("mesh", config.shared).outputs };
  const { packet, ring, issued } = await fetchWelcome(config.site);
  return { packet, ...(ring && { ring }), ...(issued && { issued }) };
}

describe("what a site's stack takes when there is a real Vault", function () {
  this.timeout(120_000);
  const cluster = tokenSigner();
  let vault: VaultServer;
  let workDir: string;
  let driver: MeshDriver;

  /** A driver that has no way into Vault. */
  const withoutToken = (): MeshDriver =>
    createDriver({ workDir, program, env: { VAULT_TOKEN: "nobody's", VAULT_ADDR: "" } });

  async function bringUp(certificates: string): Promise<OutputMap> {
    await driver.setConfig("shared", {
      "dns-mesh:vault": { address: vault.address },
      "dns-mesh:certificates": certificates,
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: [
          { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
          {
            ...{ name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
            vault: { serviceAccountKeys: [cluster.publicKey] },
          },
        ],
      },
    });
    await driver.up("shared");
    return driver.outputs("shared");
  }

  before(async () => {
    vault = await startVault();
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-vault-"));
    driver = createDriver({ workDir, program, env: { VAULT_TOKEN: vault.token }, writes: "at the end" });
    await driver.setConfig("site-b", { "dns-mesh:shared": "organization/dns-mesh/shared", "dns-mesh:context": "b" });
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  it("is public as a whole where Vault issues: no token is needed to bring the site up", async () => {
    const shared = await bringUp("vault");
    expect(shared).to.have.keys("directory", "catalog", "epoch", "sites", "vaultMounts");
    expect(Object.values(shared).map(({ secret }) => secret)).to.deep.equal([false, false, false, false, false]);
    const stack = withoutToken();
    await stack.up("site-b");
    const outputs = await stack.outputs("site-b");
    expect(outputs).to.have.keys("packet");
    expect((outputs["packet"]?.value as WelcomePacket).vault).to.deep.equal({
      address: vault.address,
      mount: "dns-mesh",
      audience: "vault",
      auth: { method: "jwt", path: "dns-mesh-site-b", namespace: "dns-system" },
      pki: { mount: "dns-mesh-pki", ttlHours: 720 },
    });
    expect(JSON.stringify(await stack.exportState("site-b"))).to.not.match(/PRIVATE KEY|"secret":/);
  });

  for (const [certificates, folder] of [
    ["pulumi", "sites"],
    ["cert-manager", "issuers"],
  ] as const) {
    it(`is a certificate that lies in Vault, a secret, with ${certificates}`, async () => {
      await bringUp(certificates);
      await driver.up("site-b");
      const outputs = await driver.outputs("site-b");
      expect(outputs).to.have.keys("packet", "issued");
      expect(outputs["issued"]?.secret).to.equal(true);
      const kept = dataOf(await vaultUser(vault, vault.token)("GET", `dns-mesh/data/${folder}/site-b`));
      expect(outputs["issued"]?.value).to.deep.equal(kept["data"]);
      for (const stack of ["shared", "site-b"])
        expect(Object.keys((await driver.up(stack)).changes), stack).to.deep.equal(["same"]);
    });

    it(`is not to be had without a token of Vault, with ${certificates}`, async () => {
      const failure = await withoutToken()
        .up("site-b")
        .catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error).with.property("message").that.contains("permission denied");
    });

    it(`is what the site's pods may read themselves only where it is their own certificate, with ${certificates}`, async () => {
      const jwt = cluster.token({ account: "dns-system:knot" });
      const pods = await login(vault, "dns-mesh-site-b", { role: "site", jwt });
      const status = async (path: string): Promise<number> => (await pods("GET", `dns-mesh/data/${path}`)).status;
      expect(await status("sites/site-b")).to.equal(certificates === "pulumi" ? 200 : 403);
      for (const path of ["sites/site-a", "issuers/site-a", "issuers/site-b"])
        expect(await status(path), path).to.equal(403);
    });
  }

  it("is refused in a namespace that Vault does not expect", async () => {
    await driver.setConfig("site-b", {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      ...{ "dns-mesh:context": "b", "dns-mesh:namespace": "elsewhere" },
    });
    const failure = await driver.up("site-b").catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(Error)
      .with.property("message")
      .that.matches(/from the namespace "dns-system", but dns-mesh:namespace is "elsewhere"/);
  });
});
