import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../../src/settings/site-settings";
import { SharedStack } from "../../../components/shared/shared-stack";
import type { RingDocument } from "../../../src/keyring/ring-document";
import { startVault, type VaultServer } from "../../../harness/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { dataOf, login, tokenSigner, vaultUser, type Ask, type TokenSigner } from "../../../harness/vault-user";

function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind !== "shared") throw new Error("not the shared stack");
  return Promise.resolve({ ...new SharedStack("mesh", config.shared).outputs });
}

/** What no site and no rotator may do, but for the one that is its own. */
const forbidden: readonly [method: string, path: string, body?: object][] = [
  ["PUT", "dns-mesh/data/ring", { data: { version: 1 } }],
  ["DELETE", "dns-mesh/data/ring"],
  ["GET", "dns-mesh/metadata/ring"],
  ["DELETE", "dns-mesh/metadata/ring"],
  ["LIST", "dns-mesh/metadata"],
  ["POST", "dns-mesh/destroy/ring", { versions: [1] }],
  ["GET", "dns-mesh/config"],
  ["GET", "dns-mesh/data/sites/site-a"],
  ["GET", "dns-mesh/data/sites/site-b"],
  ["GET", "dns-mesh/data/issuers/site-a"],
  ["LIST", "dns-mesh/metadata/sites"],
  ["GET", "dns-mesh/data/zone-keys/site-a"],
  ["PUT", "dns-mesh/data/zone-keys/site-a", { data: {} }],
  ["GET", "dns-mesh/data/zone-keys/site-b"],
  ["DELETE", "dns-mesh/data/zone-keys/site-b"],
  ["GET", "dns-mesh/metadata/zone-keys/site-b"],
  ["DELETE", "dns-mesh/metadata/zone-keys/site-b"],
  ["LIST", "dns-mesh/metadata/zone-keys"],
  ["PUT", "dns-mesh-pki/issue/site-site-a", { common_name: "site-a.dns.internal" }],
  ["PUT", "dns-mesh-pki/issue/site-site-b", { common_name: "site-b.dns.internal" }],
  ["PUT", "dns-mesh-pki/issue/site-site-c", { common_name: "site-c.dns.internal" }],
  ["PUT", "dns-mesh-pki/issuer/root-1/issue/site-site-a", { common_name: "site-a.dns.internal" }],
  ["PUT", "dns-mesh-pki/sign/site-site-a", { csr: "" }],
  ["PUT", "dns-mesh-pki/sign-verbatim", { csr: "" }],
  ["PUT", "dns-mesh-pki/root/sign-intermediate", { csr: "" }],
  ["PUT", "dns-mesh-pki/issuers/generate/root/exported", { common_name: "another root" }],
  ["PUT", "dns-mesh-pki/roles/site-site-a", { allow_any_name: true }],
  ["GET", "dns-mesh-pki/roles/site-site-a"],
  ["LIST", "dns-mesh-pki/certs"],
  ["LIST", "dns-mesh-pki/keys"],
  ["DELETE", "dns-mesh-pki/root"],
  ["GET", "auth/dns-mesh-site-a/config"],
  ["PUT", "auth/dns-mesh-site-a/role/site", { token_policies: ["root"] }],
  ["GET", "auth/dns-mesh-approle/role/site-site-c/role-id"],
  ["PUT", "auth/dns-mesh-approle/role/site-site-c/secret-id"],
  ["POST", "auth/token/create", {}],
  ["GET", "auth/token/lookup-self"],
  ["LIST", "auth/token/accessors"],
  ["GET", "sys/mounts"],
  ["GET", "sys/auth"],
  ["LIST", "sys/policies/acl"],
  ["PUT", "sys/policies/acl/dns-mesh-rotator", { policy: "" }],
  ["GET", "cubbyhole/anything"],
  ["GET", "secret/data/anything"],
];

describe("who may do what in a real Vault", function () {
  this.timeout(120_000);
  const clusters: Readonly<Record<string, TokenSigner>> = { "site-a": tokenSigner(), "site-b": tokenSigner() };
  const addresses: Readonly<Record<string, string>> = { "site-a": "192.0.2.1,2001:db8::1", "site-b": "192.0.2.2" };
  let vault: VaultServer;
  let workDir: string;
  let driver: MeshDriver;
  let root: Ask;

  const pods = (site: string, role: "site" | "rotator" = "site"): Promise<Ask> => {
    const account = `dns-system:${role === "site" ? "knot" : "key-rotator"}`;
    return login(vault, `dns-mesh-${site}`, { role, jwt: clusters[site]?.token({ account }) });
  };

  function configure(more: Record<string, unknown> = {}): Promise<void> {
    const keys = (site: string): object => ({ vault: { serviceAccountKeys: [clusters[site]?.publicKey] } });
    return driver.setConfig("shared", {
      ...more,
      "dns-mesh:vault": { address: vault.address },
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: [
          { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1", "2001:db8::1"], ...keys("site-a") },
          { name: "site-b", role: "standard", addresses: ["192.0.2.2"], ...keys("site-b") },
          { name: "site-c", role: "secondary-catalog", addresses: ["192.0.2.3"] },
        ],
      },
    });
  }

  before(async () => {
    vault = await startVault();
    root = vaultUser(vault, vault.token);
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-access-"));
    driver = createDriver({ workDir, program, env: { VAULT_TOKEN: vault.token }, writes: "at the end" });
    await configure();
    await driver.up("shared");
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  /** Everything of the list that the token is let through to. */
  async function allowed(ask: Ask): Promise<string[]> {
    const found: string[] = [];
    for (const [method, path, body] of forbidden) {
      const { status } = await ask(method, path, body);
      if (status !== 403) found.push(`${method} ${path}: ${status}`);
    }
    return found;
  }

  describe("a site", () => {
    for (const site of ["site-a", "site-b"]) {
      it(`reads the ring and gets a certificate of its own, ${site}`, async () => {
        const ask = await pods(site);
        const { data } = dataOf(await ask("GET", "dns-mesh/data/ring")) as { data?: RingDocument };
        expect(data?.current.name).to.equal("mesh-1");
        const name = { common_name: `${site}.dns.internal`, ip_sans: addresses[site] };
        const issued = await ask("PUT", `dns-mesh-pki/issue/site-${site}`, name);
        expect(issued.status, JSON.stringify(issued.body["errors"])).to.equal(200);
      });

      it(`is refused everything else, ${site}`, async () => {
        expect(await allowed(await pods(site))).to.deep.equal([`PUT dns-mesh-pki/issue/site-${site}: 200`]);
      });

      it(`gets no certificate for another name or address, ${site}`, async () => {
        const ask = await pods(site);
        const own = `${site}.dns.internal`;
        const wanted = [
          { common_name: "site-c.dns.internal" },
          { common_name: `www.${own}` },
          { common_name: `*.${own}` },
          { common_name: "dns.internal" },
          { common_name: own, alt_names: "site-c.dns.internal" },
          { common_name: own, alt_names: `www.${own}` },
          { common_name: own, uri_sans: "spiffe://other" },
          { common_name: own, ip_sans: "192.0.2.9" },
          { common_name: own, ip_sans: ["192.0.2.9"] },
          { common_name: own, ip_sans: `${addresses[site] ?? ""},192.0.2.9` },
        ];
        for (const names of wanted) {
          const { status } = await ask("PUT", `dns-mesh-pki/issue/site-${site}`, names);
          expect(status, JSON.stringify(names)).to.be.oneOf([400, 403]);
        }
      });
    }

    it("logs in with nothing but a token of its own pods, made for Vault, by its own cluster", async () => {
      const right = { account: "dns-system:knot" };
      const wrong: readonly [string, object][] = [
        ["another account", { role: "site", jwt: clusters["site-a"]?.token({ account: "dns-system:reconciler" }) }],
        ["another namespace", { role: "site", jwt: clusters["site-a"]?.token({ account: "default:knot" }) }],
        ["another audience", { role: "site", jwt: clusters["site-a"]?.token({ ...right, audience: "kubernetes" }) }],
        ["another cluster", { role: "site", jwt: clusters["site-b"]?.token(right) }],
        ["a key of nobody", { role: "site", jwt: tokenSigner().token(right) }],
        ["too late", { role: "site", jwt: clusters["site-a"]?.token({ ...right, expiresInSeconds: -400 }) }],
        ["for the rotator", { role: "rotator", jwt: clusters["site-a"]?.token(right) }],
      ];
      for (const [what, body] of wrong) {
        const tried = await login(vault, "dns-mesh-site-a", body).catch((error: unknown) => error);
        expect(tried, what)
          .to.be.instanceOf(Error)
          .with.property("message")
          .that.matches(/^4\d\d/);
      }
      expect(await pods("site-a")).to.be.a("function");
    });

    it("that is no catalog has no rotator", async () => {
      const tried = await pods("site-b", "rotator").catch((error: unknown) => error);
      expect(tried).to.be.instanceOf(Error).with.property("message").that.contains("rotator");
    });

    it("logs in by AppRole where its cluster's keys are not in the list", async () => {
      const role = "auth/dns-mesh-approle/role/site-site-c";
      const { role_id } = dataOf(await root("GET", `${role}/role-id`));
      const { secret_id } = dataOf(await root("PUT", `${role}/secret-id`));
      const ask = await login(vault, "dns-mesh-approle", { role_id, secret_id });
      expect((await ask("GET", "dns-mesh/data/ring")).status).to.equal(200);
      const name = { common_name: "site-c.dns.internal" };
      expect((await ask("PUT", "dns-mesh-pki/issue/site-site-c", name)).status).to.equal(200);
      expect(await allowed(ask)).to.deep.equal(["PUT dns-mesh-pki/issue/site-site-c: 200"]);
      const keys = "dns-mesh/data/zone-keys/site-c";
      expect((await ask("PUT", keys, { data: { a: 1 } })).status).to.equal(200);
      expect((await ask("GET", keys)).status).to.equal(200);
    });
  });

  describe("the pod that signs", () => {
    const signer = (site: string, pod?: string): Promise<Ask> => {
      const jwt = clusters[site]?.token({ account: "dns-system:knot", ...(pod !== undefined && { pod }) });
      return login(vault, `dns-mesh-${site}`, { role: "signer", jwt });
    };

    it("reads and writes the zones' keys of its own site, by compare-and-set, and nothing else", async () => {
      const ask = await signer("site-a", "knot-0");
      const own = "dns-mesh/data/zone-keys/site-a";
      expect((await ask("GET", own)).status).to.equal(404);
      const write = (cas: number): ReturnType<Ask> => ask("PUT", own, { data: { a: 1 }, options: { cas } });
      expect((await write(0)).status).to.equal(200);
      expect((await write(0)).status).to.equal(400);
      expect((await write(1)).status).to.equal(200);
      expect(await allowed(ask)).to.deep.equal([
        "GET dns-mesh/data/zone-keys/site-a: 200",
        "PUT dns-mesh/data/zone-keys/site-a: 200",
      ]);
    });

    it("is pod 0 alone: no other pod of the site's account is let in", async () => {
      for (const pod of ["knot-1", "knot-00", undefined]) {
        const tried = await signer("site-a", pod).catch((error: unknown) => error);
        expect(tried, pod)
          .to.be.instanceOf(Error)
          .with.property("message")
          .that.matches(/^4\d\d/);
      }
      const stranger = clusters["site-b"]?.token({ account: "dns-system:knot", pod: "knot-0" });
      const tried = await login(vault, "dns-mesh-site-a", { role: "signer", jwt: stranger }).catch((e: unknown) => e);
      expect(tried).to.be.instanceOf(Error);
    });
  });

  describe("a rotator", () => {
    it("reads and writes the ring, by compare-and-set, and nothing else", async () => {
      const ask = await pods("site-a", "rotator");
      const { data, metadata } = dataOf(await ask("GET", "dns-mesh/data/ring")) as {
        data: RingDocument;
        metadata: { version: number };
      };
      const write = (cas: number): ReturnType<Ask> => ask("PUT", "dns-mesh/data/ring", { data, options: { cas } });
      expect((await write(metadata.version)).status).to.equal(200);
      expect((await write(metadata.version)).status).to.equal(400);
      expect(await allowed(ask))
        .to.have.lengthOf(1)
        .and.to.include("PUT dns-mesh/data/ring: 200");
    });
  });

  describe("a later up", () => {
    const rotated = "cm90YXRlZCByb3RhdGVkIHJvdGF0ZWQgcm90YXRlZCE=";

    before(async () => {
      const current = { name: "mesh-20261125", algorithm: "hmac-sha256", secret: rotated };
      await root("PUT", "dns-mesh/data/ring", { data: { version: 1, current } });
    });

    for (const refresh of [false, true]) {
      it(`neither reverts a rotated ring nor fights it${refresh ? ", nor when it refreshes" : ""}`, async () => {
        expect(Object.keys((await driver.preview("shared", { refresh })).changes)).to.deep.equal(["same"]);
        expect(Object.keys((await driver.up("shared", { refresh })).changes)).to.deep.equal(["same"]);
        const { data } = dataOf(await root("GET", "dns-mesh/data/ring")) as { data: RingDocument };
        expect(data.current.secret).to.equal(rotated);
      });
    }

    it("does not do it either when the ring that Vault would start with is another", async () => {
      await configure({ "dns-mesh:keys": { generation: 2 } });
      const { changes } = await driver.up("shared");
      expect(changes).to.include.keys("create").and.not.have.any.keys("update", "replace");
      const { data } = dataOf(await root("GET", "dns-mesh/data/ring")) as { data: RingDocument };
      expect(data.current.secret).to.equal(rotated);
    });

    it("brings no rotated key into the state", async () => {
      const { stdout } = await driver.refresh("shared");
      const state = JSON.stringify(await driver.exportState("shared"));
      expect(state).to.contain("dns-mesh/data/ring");
      for (const text of [state, stdout]) expect(text).to.not.contain(rotated);
    });
  });
});
