import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import * as vault from "@pulumi/vault";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disagreements, recordings, recordingsIn, type Recording } from "../../../harness/plugins/recordings";
import { startVault, type VaultServer } from "../../../harness/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";

/** What the program varies between runs. */
interface Variation {
  epoch: string;
  secret: string;
  ttl: number;
  earlyRenewalHours: number;
}

const first: Variation = { epoch: "1", secret: "x".repeat(86), ttl: 600, earlyRenewalHours: 720 };

function declareRandom(epoch: string): void {
  new random.RandomPassword("password", { length: 24, special: false });
  new random.RandomId("id", { byteLength: 8 });
  new random.RandomBytes("tsig-bytes", { length: 32, keepers: { epoch } });
}

function declareTls(earlyRenewalHours: number): { outputs: Record<string, unknown>; publicKey: tls.PrivateKey } {
  const caKey = new tls.PrivateKey("ca-key", { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const ca = new tls.SelfSignedCert("ca", {
    allowedUses: ["cert_signing", "crl_signing"],
    isCaCertificate: true,
    privateKeyPem: caKey.privateKeyPem,
    setAuthorityKeyId: true,
    setSubjectKeyId: true,
    subject: { commonName: "dns-mesh root" },
    validityPeriodHours: 87600,
  });
  const publicKey = new tls.PrivateKey("site-key", { algorithm: "ED25519" });
  const request = new tls.CertRequest("site-csr", {
    dnsNames: ["site-a.dns.internal"],
    ipAddresses: ["192.0.2.1"],
    privateKeyPem: publicKey.privateKeyPem,
    subject: { commonName: "site-a.dns.internal" },
  });
  const cert = new tls.LocallySignedCert("site-cert", {
    allowedUses: ["digital_signature", "server_auth", "client_auth"],
    caCertPem: ca.certPem,
    caPrivateKeyPem: caKey.privateKeyPem,
    certRequestPem: request.certRequestPem,
    earlyRenewalHours,
    setSubjectKeyId: true,
    validityPeriodHours: 2160,
  });
  const keys = { site: publicKey.privateKeyOpenssh, ca: caKey.privateKeyOpenssh };
  return { publicKey, outputs: { ca: ca.certPem, cert: cert.certPem, request: request.certRequestPem, keys } };
}

function declareVault(server: VaultServer, publicKey: tls.PrivateKey, of: Variation): void {
  const provider = new vault.Provider("vault", { address: server.address, token: server.token, skipChildToken: true });
  const opts = { provider };
  const policy = 'path "dns-mesh/data/tsig" { capabilities = ["read"] }';
  const kv = new vault.Mount("kv", { path: "dns-mesh", type: "kv", options: { version: "2" } }, opts);
  const readers = new vault.Policy("site-a", { name: "dns-mesh-site-a", policy }, opts);
  const approle = new vault.AuthBackend("approle", { type: "approle" }, opts);
  const pubkey = publicKey.publicKeyPem.apply((text) => text.trim());
  const jwt = new vault.jwt.AuthBackend("jwt", { path: "site-a", type: "jwt", jwtValidationPubkeys: [pubkey] }, opts);
  const dataJson = `{"keys":"${of.secret}","signing":"k"}`;
  new vault.kv.SecretV2("ring", { mount: kv.path, name: "tsig", cas: 0, dataJson }, opts);
  const backend = approle.path;
  const role = new vault.approle.AuthBackendRole(
    "ar",
    { backend, roleName: "site-a", tokenPolicies: [readers.name] },
    opts,
  );
  new vault.approle.AuthBackendRoleSecretId("ar-secret", { backend, roleName: role.roleName }, opts);
  new vault.jwt.AuthBackendRole(
    "jwt-role",
    {
      backend: jwt.path.apply((path) => path ?? ""),
      roleName: "reconciler",
      roleType: "jwt",
      userClaim: "sub",
      boundAudiences: ["vault"],
      boundSubject: "system:serviceaccount:dns-system:reconciler",
      tokenPolicies: [readers.name],
      tokenTtl: of.ttl,
    },
    opts,
  );
}

describe("the stand-ins for random, tls and vault", function () {
  // Says that something hangs, not that the machine is busy.
  this.timeout(300_000);
  let workDir: string;
  let server: VaultServer;
  let driver: MeshDriver;
  let state: Map<string, Recording>;
  let variation = first;

  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-plugins-"));
    server = await startVault();
    driver = createDriver({
      workDir,
      program: () => {
        declareRandom(variation.epoch);
        const { outputs, publicKey } = declareTls(variation.earlyRenewalHours);
        declareVault(server, publicKey, variation);
        return Promise.resolve(outputs);
      },
    });
    expect((await driver.preview("dev")).changes).to.deep.equal({ create: 18 });
    await driver.up("dev");
    state = recordingsIn(await driver.exportState("dev"));
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  for (const plugin of ["random", "tls", "vault"]) {
    for (const recording of recordings(plugin)) {
      it(`leaves ${recording.type} in the state as the real one does`, () => {
        const made = state.get(`${recording.type} ${recording.name}`);
        expect(made, "in the state").to.not.equal(undefined);
        expect(disagreements(recording.inputs, made?.inputs, "inputs")).to.deep.equal([]);
        expect(disagreements(recording.outputs, made?.outputs, "outputs")).to.deep.equal([]);
        if (!recording.id.startsWith("<")) expect(disagreements(recording.id, made?.id, "id")).to.deep.equal([]);
      });
    }
  }

  it("has the secret itself as the id of RandomBytes, as the real one", () => {
    const { id, outputs } = state.get("random:index/randomBytes:RandomBytes tsig-bytes")!;
    expect({ secret: Buffer.from(id, "base64url").toString("base64") }).to.deep.equal(outputs["base64"]);
  });

  it("makes certificates that OpenSSL verifies and keys that OpenSSH reads", async () => {
    const outputs = await driver.outputs("dev");
    const write = (name: string, text: unknown): string => {
      const path = join(workDir, name);
      writeFileSync(path, text as string, { mode: 0o600 });
      return path;
    };
    const ca = write("ca.pem", outputs["ca"]?.value);
    const cert = write("cert.pem", outputs["cert"]?.value);
    const request = write("request.pem", outputs["request"]?.value);
    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { encoding: "utf8", stdio: "pipe" });
    expect(run("openssl", "verify", "-x509_strict", "-CAfile", ca, cert)).to.contain("OK");
    expect(
      run("openssl", "verify", "-CAfile", ca, "-purpose", "sslserver", "-verify_hostname", "site-a.dns.internal", cert),
    ).to.contain("OK");
    expect(
      run("openssl", "verify", "-CAfile", ca, "-purpose", "sslclient", "-verify_ip", "192.0.2.1", cert),
    ).to.contain("OK");
    run("openssl", "req", "-in", request, "-noout", "-verify");
    const keys = outputs["keys"]?.value as Record<string, string>;
    expect(run("ssh-keygen", "-y", "-f", write("site", keys["site"]))).to.match(/^ssh-ed25519 /);
    expect(run("ssh-keygen", "-y", "-f", write("ca", keys["ca"]))).to.match(/^ecdsa-sha2-nistp256 /);
  });

  it("changes nothing on a second up, with and without a refresh", async () => {
    expect((await driver.up("dev")).changes).to.deep.equal({ same: 18 });
    expect((await driver.up("dev", { refresh: true })).changes).to.deep.equal({ same: 18 });
  });

  it("replaces RandomBytes when its keepers change", async () => {
    variation = { ...first, epoch: "2" };
    expect((await driver.up("dev")).changes).to.deep.equal({ replace: 1, same: 17 });
  });

  it("updates what Vault can change in place", async () => {
    variation = { ...variation, secret: "another", ttl: 900 };
    expect((await driver.up("dev")).changes).to.deep.equal({ update: 2, same: 16 });
    expect((await driver.up("dev")).changes).to.deep.equal({ same: 18 });
  });

  it("renews a certificate when its renewal time has come, and only then", async () => {
    const before = (await driver.outputs("dev"))["cert"]?.value as string;
    variation = { ...variation, earlyRenewalHours: 2000 };
    expect((await driver.up("dev")).changes).to.deep.equal({ update: 1, same: 17 });
    expect((await driver.outputs("dev"))["cert"]?.value).to.equal(before);
    variation = { ...variation, earlyRenewalHours: 2160 };
    await driver.up("dev");
    expect((await driver.preview("dev")).changes).to.deep.equal({ replace: 1, same: 17 });
    await driver.up("dev");
    expect((await driver.outputs("dev"))["cert"]?.value).to.not.equal(before);
  });

  it("takes everything away again", async () => {
    expect((await driver.destroy("dev")).changes).to.deep.equal({ delete: 18 });
    const mounts = await fetch(`${server.address}/v1/sys/mounts`, { headers: { "x-vault-token": server.token } });
    expect(Object.keys((await mounts.json()) as object)).to.not.include("dns-mesh/");
  });
});
