import { expect } from "chai";
import { SharedStack } from "../../../../components/shared/shared-stack";
import { parseStackConfig } from "../../../../src/settings/site-settings";
import { isSigned } from "../../../../src/mesh/epoch";
import type { WelcomePacket, WelcomeSecrets } from "../../../../src/mesh/model";
import { exampleList } from "../example-mesh";
import { runStack, type Run } from "../recorded-stack";

const secretMark = "1b47061264138c4ac30d75fd1eb44270";

function up(settings: Record<string, unknown> = {}, former?: Record<string, unknown>): Promise<Run> {
  const values: Record<string, unknown> = { mesh: exampleList, ...settings };
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const get = (key: string): string | undefined => (values[key] === undefined ? undefined : text(values[key]));
  const config = parseStackConfig({ get }, "shared");
  if (config.kind !== "shared") throw new Error("not the shared stack");
  const program = (): Promise<Record<string, unknown>> =>
    Promise.resolve({ ...new SharedStack("mesh", { ...config.shared, former }).outputs });
  return runStack({ stack: "shared", program });
}

const names = (run: Run, type: string): string[] => run.all(type).map(({ name }) => name);

describe("SharedStack", () => {
  it("shows central zones and welcome packets, and keeps keys secret", async () => {
    const { outputs } = await up();
    expect(Object.fromEntries(Object.entries(outputs).map(([name, { secret }]) => [name, secret]))).to.deep.equal({
      directory: false,
      catalog: false,
      epoch: false,
      sites: false,
      siteSecrets: true,
    });
    expect(outputs["directory"]?.value).to.contain("SOA").and.to.contain("203.0.113.3");
    expect(outputs["sites"]?.value).to.have.keys("site-a", "site-b", "site-c");
    expect(outputs["sites"]?.value).to.have.nested.property("site-c.catalogs").with.lengthOf(2);
  });

  it("signs who has the primary catalog, and counts on when another site has it", async () => {
    const { outputs } = await up();
    expect(outputs["epoch"]?.value).to.deep.equal({ number: 1, primary: "site-a" });
    const packets = outputs["sites"]?.value as Record<string, WelcomePacket>;
    const { epoch, signers = [] } = packets["site-c"]!;
    expect(epoch && isSigned("dns.internal", epoch, signers)).to.equal(true);
    expect(outputs["directory"]?.value).to.contain(epoch?.signature);

    const [a, b, c] = exampleList.sites;
    const sites = [{ ...a, role: "secondary-catalog" }, { ...b, role: "primary-catalog" }, c];
    const promoted = await up({ mesh: { ...exampleList, sites } }, { epoch: outputs["epoch"]?.value });
    expect(promoted.outputs["epoch"]?.value).to.deep.equal({ number: 2, primary: "site-b" });
    expect(promoted.outputs["catalog"]?.value).to.contain('"epoch=2" "primary=site-b"');
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

  it("lets sites know that it issues itself, and nothing of a Vault or of times", async () => {
    const sites = (await up()).outputs["sites"]?.value as Record<string, WelcomePacket>;
    expect(sites["site-a"]).to.include({ certificates: "pulumi" }).and.not.have.any.keys("vault", "rotation");
  });

  describe("a new root", () => {
    it("is trusted first, and signs when told to", async () => {
      const first = await up({ ca: { generation: 2 } });
      expect(names(first, "SelfSignedCert")).to.have.members(["mesh-authority-root", "mesh-authority-root-2"]);
      const signer = (run: Run): unknown =>
        (run.one("LocallySignedCert", "mesh-authority-site-a-certificate").inputs as { caCertPem: string }).caCertPem;
      expect(signer(first)).to.equal("root mesh-authority-root");
      expect(signer(await up({ ca: { generation: 2, signing: 2 } }))).to.equal("root mesh-authority-root-2");
      const ca = (first.outputs["sites"]?.value as Record<string, WelcomePacket>)["site-a"]?.ca;
      expect(ca).to.equal("root mesh-authority-root\nroot mesh-authority-root-2\n");
    });

    it("stays alone in the end", async () => {
      const run = await up({ ca: { generation: 2, signing: 2, oldest: 2 } });
      expect(names(run, "SelfSignedCert")).to.deep.equal(["mesh-authority-root-2"]);
    });
  });

  describe("with cert-manager", () => {
    it("gives each site an authority of its own that can sign no other", async () => {
      const run = await up({ certificates: "cert-manager" });
      expect(run.one("LocallySignedCert", "mesh-authority-site-b-issuer-certificate").inputs).to.deep.include({
        isCaCertificate: true,
        maxPathLength: 0,
        allowedUses: ["cert_signing", "crl_signing"],
      });
      const secrets = run.outputs["siteSecrets"]?.value as Record<string, WelcomeSecrets>;
      expect(secrets["site-b"]?.certificate).to.equal(
        "certificate mesh-authority-site-b-issuer-certificate\nroot mesh-authority-root\n",
      );
    });
  });

  describe("with Vault", () => {
    const vault = { address: "https://vault.example:8200" };
    const publicKey = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----";
    const [siteA, siteB, siteC] = exampleList.sites;
    const known = { serviceAccountKeys: [publicKey], namespace: "dns" };
    const mesh = { ...exampleList, sites: [{ ...siteA, vault: known }, siteB, siteC] };

    it("writes the ring once, and neither compares nor reads it afterwards", async () => {
      const ring = (await up({ vault })).one("SecretV2");
      expect(ring.inputs).to.deep.include({ mount: "dns-mesh", name: "ring", disableRead: true });
      expect(JSON.parse((ring.inputs as { dataJson: string }).dataJson)).to.have.keys("version", "current");
      expect(ring.ignoreChanges).to.deep.equal(["dataJson"]);
      expect(ring.wire).to.contain(secretMark);
    });

    it("has no secret output at all, and no key but in Vault and the one that signs epochs", async () => {
      const run = await up({ vault });
      expect(run.outputs).to.have.keys("directory", "catalog", "epoch", "sites", "vaultMounts");
      expect(Object.values(run.outputs).map(({ secret }) => secret)).to.deep.equal([false, false, false, false, false]);
      expect(names(run, "PrivateKey")).to.deep.equal(["mesh-epochs-key"]);
    });

    it("gives each site its way to log in, by its cluster's keys where they are in the list", async () => {
      const { outputs } = await up({ mesh, vault: { ...vault, caCert: "-----BEGIN CERTIFICATE-----" } });
      const sites = outputs["sites"]?.value as Record<string, WelcomePacket>;
      expect(sites["site-a"]?.vault?.auth).to.deep.equal({ method: "jwt", path: "dns-mesh-site-a", namespace: "dns" });
      expect(sites["site-b"]?.vault).to.deep.equal({
        ...vault,
        mount: "dns-mesh",
        audience: "vault",
        caCert: "-----BEGIN CERTIFICATE-----",
        auth: { method: "approle", path: "dns-mesh-approle" },
        pki: { mount: "dns-mesh-pki", ttlHours: 720 },
      });
      expect(sites["site-a"]?.rotation).to.deep.equal({ every: 2_592_000, patience: 86_400, overlap: 86_400 });
      // Those that check epochs are no secret of a cluster.
      const withoutSigners = Object.values(sites).map((packet) => ({ ...packet, signers: [] }));
      expect(JSON.stringify(withoutSigners)).not.to.contain("PUBLIC KEY");
    });

    it("makes a role for each site, and one for the rotator at catalog sites", async () => {
      const run = await up({ mesh, vault });
      const roles = [...run.all("jwt/authBackendRole:AuthBackendRole"), ...run.all("AuthBackendRole")];
      const role = (name: string): unknown => roles.find((one) => one.name === `mesh-vault-access-${name}`)?.inputs;
      const lifetime = { tokenTtl: 600, tokenMaxTtl: 600, tokenNoDefaultPolicy: true };
      expect(role("site-a-jwt-site")).to.deep.include({
        ...{ roleName: "site", boundAudiences: ["vault"], boundSubject: "system:serviceaccount:dns:knot" },
        ...{ tokenPolicies: ["dns-mesh-site-site-a"], ...lifetime },
      });
      expect(role("site-a-jwt-rotator")).to.deep.include({
        ...{ roleName: "rotator", boundSubject: "system:serviceaccount:dns:key-rotator" },
        ...{ tokenPolicies: ["dns-mesh-rotator"], ...lifetime },
      });
      expect(role("site-b-approle-site")).to.deep.include({ roleName: "site-site-b", ...lifetime });
      expect(role("site-b-approle-rotator")).to.deep.include({ roleName: "rotator-site-b" });
      expect(role("site-c-approle-rotator")).to.equal(undefined);
    });

    it("lets a site read the ring and be issued its own certificate, and nothing else", async () => {
      const run = await up({ vault });
      expect(run.one("Policy", "mesh-vault-access-site-b-policy").inputs).to.deep.equal({
        name: "dns-mesh-site-site-b",
        policy: [
          'path "dns-mesh/data/ring" {\n  capabilities = ["read"]\n}\n',
          'path "dns-mesh-pki/issue/site-site-b" {\n  capabilities = ["update"]\n  allowed_parameters = {\n',
          '    "common_name" = ["site-b.dns.internal"]\n    "ip_sans" = ["198.51.100.2"]\n    "*" = []\n  }\n}\n',
        ].join(""),
      });
    });

    it("uses mounts that are there already", async () => {
      const run = await up({ vault: { ...vault, mount: "team/dns", createMount: false } });
      expect(run.all("Mount")).to.be.empty;
      expect(run.one("SecretV2").inputs).to.include({ mount: "team/dns" });
      expect(run.one("SecretBackendRootCert").inputs).to.include({ backend: "team/dns-pki", type: "internal" });
    });

    it("keeps certificates that others issue where their own site's stack alone looks", async () => {
      const paths = async (certificates: string): Promise<unknown[]> => {
        const run = await up({ vault, certificates });
        for (const { wire } of run.all("SecretV2")) expect(wire).to.contain(secretMark);
        return run.all("SecretV2").map(({ inputs }) => (inputs as { name: string }).name);
      };
      expect(await paths("pulumi")).to.deep.equal(["ring", "sites/site-a", "sites/site-b", "sites/site-c"]);
      expect(await paths("cert-manager")).to.deep.equal(["ring", "issuers/site-a", "issuers/site-b", "issuers/site-c"]);
    });
  });
});
