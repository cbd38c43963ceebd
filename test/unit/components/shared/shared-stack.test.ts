import { expect } from "chai";
import { SharedStack } from "../../../../components/shared/shared-stack";
import type { VaultConfig } from "../../../../components/config";
import type { WelcomeSecrets } from "../../../../src/mesh/model";
import { exampleMesh } from "../example-mesh";
import { runStack, type Run } from "../recorded-stack";

const secretMark = "1b47061264138c4ac30d75fd1eb44270";

function up(vault?: VaultConfig): Promise<Run> {
  const args = vault === undefined ? { mesh: exampleMesh } : { mesh: exampleMesh, vault };
  return runStack({ stack: "shared", program: () => Promise.resolve({ ...new SharedStack("mesh", args).outputs }) });
}

describe("SharedStack", () => {
  it("shows central zones and welcome packets, and keeps keys secret", async () => {
    const { outputs } = await up();
    expect(Object.fromEntries(Object.entries(outputs).map(([name, { secret }]) => [name, secret]))).to.deep.equal({
      directory: false,
      catalog: false,
      sites: false,
      siteSecrets: true,
    });
    expect(outputs["directory"]?.value).to.contain("SOA").and.to.contain("203.0.113.3");
    expect(outputs["sites"]?.value).to.have.keys("site-a", "site-b", "site-c");
    expect(outputs["sites"]?.value).to.have.nested.property("site-c.catalogs").with.lengthOf(2);
  });

  it("never outputs the CA key, not even as a secret", async () => {
    const { outputs } = await up();
    const everything = JSON.stringify(outputs);
    expect(everything).to.contain("PRIVATE pkcs8 mesh-authority-site-a-key");
    expect(everything).not.to.match(/PRIVATE \w+ mesh-authority-key/);
    const shown = JSON.stringify({ ...outputs, siteSecrets: undefined });
    expect(shown).not.to.contain("PRIVATE");
    expect(shown).not.to.contain(Buffer.from("p".repeat(64)).toString("base64"));
  });

  it("hands its components' outputs to the engine as secrets where they are", async () => {
    const { resources } = await up();
    const withKeys = resources.filter(({ wire }) => wire.includes("PRIVATE"));
    expect(withKeys).not.to.be.empty;
    for (const { wire } of withKeys) expect(wire).to.contain(secretMark);
  });

  it("gives each site the ring and a certificate of its own with PKCS 8 key", async () => {
    const { outputs } = await up();
    const secrets = outputs["siteSecrets"]?.value as Record<string, WelcomeSecrets>;
    expect(secrets["site-b"]?.keyRing.current).to.deep.equal({
      ...{ name: "mesh-1", algorithm: "hmac-sha256" },
      secret: Buffer.from("p".repeat(64)).toString("base64"),
    });
    expect(secrets["site-b"]?.certificate).to.equal("certificate mesh-authority-site-b-certificate");
    expect(secrets["site-b"]?.privateKey).to.equal("PRIVATE pkcs8 mesh-authority-site-b-key");
  });

  it("issues certificates for the server's name and addresses, and renews them early", async () => {
    const run = await up();
    const request = run.one("CertRequest", "mesh-authority-site-a-request");
    expect(request.inputs).to.deep.include({ dnsNames: ["site-a.dns.internal"], ipAddresses: ["192.0.2.1"] });
    const certificate = run.one("LocallySignedCert", "mesh-authority-site-a-certificate").inputs as Record<
      string,
      number
    >;
    expect(certificate["earlyRenewalHours"])
      .to.be.greaterThan(0)
      .and.lessThan(certificate["validityPeriodHours"] ?? 0);
    expect(run.one("SelfSignedCert").inputs).to.deep.include({
      isCaCertificate: true,
      allowedUses: ["cert_signing", "crl_signing"],
    });
    expect(run.one("PrivateKey", "mesh-authority-key").inputs).to.deep.equal({
      algorithm: "ECDSA",
      ecdsaCurve: "P256",
    });
  });

  it("makes the TSIG secret of a password, whose resource id does not show it", async () => {
    const run = await up();
    for (const { inputs } of run.all("RandomPassword")) expect(inputs).to.deep.equal({ length: 64, special: false });
    expect(run.all("RandomBytes")).to.be.empty;
  });

  describe("with Vault", () => {
    const vault: VaultConfig = { address: "https://vault.example:8200", mount: "dns-mesh" };

    it("writes each site's secrets under a path of its own and outputs only the paths", async () => {
      const run = await up(vault);
      expect(run.all("SecretV2").map(({ inputs }) => (inputs as { name: string }).name)).to.deep.equal([
        "sites/site-a",
        "sites/site-b",
        "sites/site-c",
      ]);
      for (const { wire } of run.all("SecretV2")) expect(wire).to.contain(secretMark);
      expect(run.outputs).to.have.keys("directory", "catalog", "sites", "vaultPaths");
      expect(run.outputs["vaultPaths"]).to.deep.equal({
        secret: false,
        value: { ...vault, paths: { "site-a": "sites/site-a", "site-b": "sites/site-b", "site-c": "sites/site-c" } },
      });
    });

    it("lets a site's policy read that site's path and nothing else", async () => {
      const run = await up(vault);
      expect(run.one("Policy", "mesh-vault-site-b-reader").inputs).to.deep.equal({
        name: "dns-mesh-site-b",
        policy: 'path "dns-mesh/data/sites/site-b" {\n  capabilities = ["read"]\n}\n',
      });
    });
  });
});
