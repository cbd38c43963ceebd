import { expect } from "chai";
import { SharedStack } from "../../../../components/shared/shared-stack";
import { requireRecoveredKept } from "../../../../src/preflight/recovered-kept";
import { parseStackConfig } from "../../../../src/settings/site-settings";
import type { SharedConfig } from "../../../../src/settings/shared-settings";
import type { RingDocument } from "../../../../src/keyring/ring-document";
import type { WelcomePacket, WelcomeSecrets } from "../../../../src/mesh/model";
import { epochSigner } from "../../mesh/epoch-signer";
import { exampleList } from "../example-mesh";
import { runStack, type Run } from "../recorded-stack";

const { publicKey } = epochSigner();
const root = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const key = (name: string) => ({
  name,
  algorithm: "hmac-sha256" as const,
  secret: Buffer.alloc(32, name).toString("base64"),
});
const ring: RingDocument = { version: 1, previous: key("mesh-1"), current: key("mesh-2"), next: key("mesh-3") };
const found = {
  epoch: "4",
  keys: { generation: 2 },
  recovered: { signers: [publicKey], roots: [{ generation: 1, certificate: root }] },
  recoveredRing: ring,
};

function configOf(settings: Record<string, unknown>): SharedConfig {
  const values: Record<string, unknown> = { mesh: exampleList, ...settings };
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const get = (name: string): string | undefined => (values[name] === undefined ? undefined : text(values[name]));
  const config = parseStackConfig({ get }, "shared");
  if (config.kind !== "shared") throw new Error("not the shared stack");
  return config.shared;
}

function up(settings: Record<string, unknown>): Promise<Run> {
  const config = configOf(settings);
  const program = (): Promise<Record<string, unknown>> =>
    Promise.resolve({ ...new SharedStack("mesh", config).outputs });
  return runStack({ stack: "shared", program });
}

const secretsOf = (run: Run): Record<string, Partial<WelcomeSecrets>> =>
  run.outputs["siteSecrets"]?.value as Record<string, Partial<WelcomeSecrets>>;
const packetOf = (run: Run): WelcomePacket => (run.outputs["sites"]?.value as Record<string, WelcomePacket>)["site-c"]!;

describe("a shared stack in the place of one whose state was lost", () => {
  it("goes on with ring, root and epoch, and issues nothing that nobody can sign for", async () => {
    const run = await up(found);
    expect(secretsOf(run)["site-b"]).to.deep.equal({ keyRing: ring });
    expect(packetOf(run).ca).to.equal(root);
    expect(packetOf(run).epoch).to.include({ number: 4, primary: "site-a" });
    expect(run.outputs["certificatesStay"]?.value).to.equal(true);
    for (const type of ["RandomPassword", "SelfSignedCert", "LocallySignedCert", "CertRequest"])
      expect(run.all(type), type).to.deep.equal([]);
  });

  it("has sites accept what the former key signed, and its own", async () => {
    const { signers = [] } = packetOf(await up(found));
    expect(signers).to.have.length(2);
    expect(signers[0]).to.equal(publicKey);
  });

  it("changes to a root of its own in the steps of any new root", async () => {
    const trusted = await up({ ...found, ca: { generation: 2 } });
    expect(packetOf(trusted).ca).to.equal(`${root}root mesh-authority-root-2\n`);
    expect(trusted.outputs["certificatesStay"]?.value).to.equal(true);
    const signing = await up({ ...found, ca: { generation: 2, signing: 2, oldest: 1 } });
    expect(packetOf(signing).ca).to.equal(`${root}root mesh-authority-root-2\n`);
    expect(signing.outputs["certificatesStay"]).to.equal(undefined);
    expect(secretsOf(signing)["site-b"]?.certificate).to.equal("certificate mesh-authority-site-b-certificate");
    const done = await up({ ...found, ca: { generation: 2, signing: 2, oldest: 2 } });
    expect(packetOf(done).ca).to.equal("root mesh-authority-root-2\n");
  });

  it("makes new keys as the ring turns", async () => {
    const run = await up({ ...found, keys: { generation: 3 } });
    expect(run.all("RandomPassword").map(({ name }) => name)).to.deep.equal(["mesh-key-ring-4"]);
    const { previous, current, next } = secretsOf(run)["site-a"]?.keyRing ?? {};
    expect([previous, current, next?.name]).to.deep.equal([ring.current, ring.next, "mesh-4"]);
  });

  it("leaves mounts, ring, roots and logins in Vault as they are, and writes roles and policies anew", async () => {
    const vault = { address: "https://vault.example" };
    const recovered = { ...found.recovered, vault: { logins: ["dns-mesh-approle"] } };
    const run = await up({ vault, recovered });
    for (const type of ["vault:index/mount:Mount", "SecretV2", "AuthBackend", "SecretBackendRootCert"])
      expect(run.all(type), type).to.deep.equal([]);
    expect(run.all("Policy")).not.to.be.empty;
    expect(run.all("SecretBackendRole")).to.have.length(3);
    expect(packetOf(run).ca).to.equal(root);
    expect(run.outputs["recovered"]?.value).to.deep.equal({ keys: [], roots: [1], vault: true });
  });

  it("never makes anew what sites go by: keys, roots, Vault's ring", async () => {
    const former = { recovered: (await up(found)).outputs["recovered"]?.value };
    expect(former.recovered).to.deep.equal({ keys: ["mesh-1", "mesh-2", "mesh-3"], roots: [1], vault: false });
    const refuse = (settings: Record<string, unknown>, message: RegExp, before: object = former): void => {
      expect(() => {
        requireRecoveredKept(configOf(settings), { ...before });
      }).to.throw(message);
    };
    const withoutRing = { epoch: found.epoch, keys: found.keys, recovered: found.recovered };
    refuse(withoutRing, /the key mesh-1, .*the key mesh-3, which only dns-mesh:recoveredRing has/);
    refuse({ ...found, recovered: {} }, /root 1, which only dns-mesh:recovered.roots has/);
    const turned = { ...withoutRing, keys: { generation: 5 } };
    requireRecoveredKept(configOf(turned), former);
    requireRecoveredKept(configOf({ ...turned, recovered: {}, ca: { generation: 2, signing: 2, oldest: 2 } }), former);
    refuse(withoutRing, /recovered is set and dns-mesh:recoveredRing is not/, {});
    requireRecoveredKept(configOf(found), undefined);
    const vault = { address: "https://vault.example" };
    const inVault = { recovered: { keys: [], roots: [], vault: true } };
    refuse({ vault }, /the key ring in Vault/, inVault);
    requireRecoveredKept(configOf({ vault, recovered: { vault: {} } }), inVault);
  });

  it("refuses a ring beside Vault, and keys that the sites do not have", () => {
    expect(() => configOf({ ...found, keys: { generation: 1 } })).to.throw(/keys\.generation: must not be below/);
    expect(() => configOf({ ...found, vault: { address: "https://vault.example" } })).to.throw(
      /recoveredRing: is of no use/,
    );
    expect(() => configOf({ recovered: { vault: {} } })).to.throw(/recovered\.vault: needs dns-mesh:vault/);
    const secret = (): unknown =>
      configOf({ ...found, recoveredRing: { ...ring, current: { ...ring.current, secret: "short-secret" } } });
    expect(secret)
      .to.throw(/recoveredRing: is no key ring/)
      .that.does.not.match(/short-secret/);
  });
});
