import * as pulumi from "@pulumi/pulumi";
import type { OutputMap } from "@pulumi/pulumi/automation";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStackConfig } from "../../../src/settings/site-settings";
import { SharedStack } from "../../../components/shared/shared-stack";
import type { WelcomePacket, WelcomeSecrets } from "../../../src/mesh/model";
import { startVault, type VaultServer } from "../../../harness/plugins/vault-server";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { dataOf, vaultUser } from "../../../harness/vault-user";

function program(): Promise<Record<string, unknown>> {
  const config = parseStackConfig(new pulumi.Config("dns-mesh"), pulumi.getStack());
  if (config.kind !== "shared") throw new Error("not the shared stack");
  return Promise.resolve({ ...new SharedStack("mesh", config.shared).outputs });
}

const mesh = {
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [{ name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1", "2001:db8::1"] }],
};

/** What the guide says to do, an `up` of everything after each. */
const steps = [{}, { generation: 2 }, { generation: 2, signing: 2 }, { generation: 2, signing: 2, oldest: 2 }];

/** A site's roots and certificate after a step. */
interface Trust {
  readonly roots: string;
  readonly certificate: string;
}

describe("a new root for the mesh", function () {
  this.timeout(180_000);
  let vault: VaultServer;
  let folder: string;

  before(async () => {
    vault = await startVault();
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-roots-"));
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const openssl = (...args: string[]): string => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
  const file = (text: string): string => {
    const path = join(folder, "certificate.pem");
    writeFileSync(path, text);
    return path;
  };

  /** Whether a site with those roots accepts that certificate, both ways, for the site's name. */
  function accepts({ roots }: Trust, { certificate }: Trust): boolean {
    const ca = join(folder, "roots.pem");
    writeFileSync(ca, roots);
    const leaf = file(certificate);
    const verify = (...more: string[]): string => openssl("verify", "-x509_strict", "-CAfile", ca, ...more, leaf);
    try {
      verify("-purpose", "sslserver", "-verify_hostname", "site-a.dns.internal");
      verify("-purpose", "sslclient", "-verify_ip", "2001:db8::1");
      return true;
    } catch {
      return false;
    }
  }

  /** What the site has: with Vault, what it would be issued now. */
  async function trustOf({ sites, siteSecrets }: OutputMap): Promise<Trust> {
    const packet = (sites?.value as Record<string, WelcomePacket>)["site-a"]!;
    const secrets = siteSecrets?.value as Record<string, WelcomeSecrets> | undefined;
    if (secrets) return { roots: packet.ca, certificate: secrets["site-a"]!.certificate };
    const names = { common_name: "site-a.dns.internal", ip_sans: packet.site.addresses.join(",") };
    const issued = dataOf(await vaultUser(vault, vault.token)("PUT", "dns-mesh-pki/issue/site-site-a", names));
    return { roots: packet.ca, certificate: String(issued["certificate"]) };
  }

  for (const by of ["pulumi", "vault"]) {
    describe(`by ${by}`, () => {
      let driver: MeshDriver;
      const after: Trust[] = [];
      let outputs: OutputMap;

      const configure = (ca: object): Promise<void> =>
        driver.setConfig("shared", {
          ...{ "dns-mesh:mesh": mesh, "dns-mesh:ca": ca },
          ...(by === "vault" && { "dns-mesh:vault": { address: vault.address } }),
        });

      before(async () => {
        driver = createDriver({ workDir: join(folder, by), program, env: { VAULT_TOKEN: vault.token } });
        for (const ca of steps) {
          await configure(ca);
          await driver.up("shared");
          after.push(await trustOf(await driver.outputs("shared")));
        }
      });

      it("keeps sites that are a step apart accepting each other, whichever of them is ahead", () => {
        for (const [i, trust] of after.entries()) {
          for (const other of after.slice(Math.max(0, i - 1), i + 2))
            expect(accepts(trust, other), `step ${i}`).to.be.true;
        }
      });

      it("is trusted a step before it signs, and the old one until a step after it does", () => {
        const roots = (trust: Trust): number => trust.roots.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
        expect(after.map(roots)).to.deep.equal([1, 2, 2, 1]);
        expect(after.map((trust) => openssl("x509", "-in", file(trust.certificate), "-noout", "-issuer"))).to.satisfy(
          ([first, second, third, fourth]: string[]) => first === second && second !== third && third === fourth,
        );
      });

      it("is the only one trusted in the end", () => {
        expect(accepts(after[3]!, after[3]!)).to.be.true;
        expect(accepts(after[3]!, after[0]!)).to.be.false;
        expect(accepts(after[0]!, after[3]!)).to.be.false;
      });

      it("leaves nothing to do for another up, refresh included", async () => {
        expect(Object.keys((await driver.up("shared", { refresh: true })).changes)).to.deep.equal(["same"]);
      });

      it("may come at once, where the old one has expired or is known to somebody", async () => {
        await configure({ generation: 3, signing: 3, oldest: 3 });
        await driver.up("shared");
        outputs = await driver.outputs("shared");
        const last = await trustOf(outputs);
        expect(accepts(last, last)).to.be.true;
        expect(accepts(last, after[3]!) || accepts(after[3]!, last)).to.be.false;
        expect(Object.keys((await driver.up("shared", { refresh: true })).changes)).to.deep.equal(["same"]);
      });

      it("shows no key of a root in any output", () => {
        const { siteSecrets, ...open } = outputs;
        expect(JSON.stringify(open)).to.not.contain("PRIVATE KEY");
        const own = (siteSecrets?.value as Record<string, WelcomeSecrets> | undefined)?.["site-a"]?.privateKey;
        const keys = JSON.stringify(siteSecrets ?? {}).match(/BEGIN [A-Z ]*PRIVATE KEY/g) ?? [];
        expect(keys).to.have.lengthOf(own === undefined ? 0 : 1);
      });
    });
  }

  describe("in Vault", () => {
    it("vouches for the mesh's names alone, and its key is nowhere but in Vault", async () => {
      const driver = createDriver({ workDir: join(folder, "vault"), program, env: { VAULT_TOKEN: vault.token } });
      const { roots, certificate } = await trustOf(await driver.outputs("shared"));
      expect(openssl("x509", "-in", file(roots), "-noout", "-text")).to.match(/Name Constraints[^]*DNS:dns\.internal/);
      expect(openssl("x509", "-in", file(certificate), "-noout", "-text")).to.match(/ASN1 OID: prime256v1/);
      const state: unknown = await driver.exportState("shared");
      const { resources } = (state as { deployment: { resources: { urn: string }[] } }).deployment;
      const withKeys = resources.filter((resource) => JSON.stringify(resource).includes("PRIVATE KEY"));
      // The one that signs epochs, and no certificate.
      expect(withKeys.map(({ urn }) => urn.split("::").at(-1))).to.deep.equal(["mesh-epochs-key"]);
    });
  });
});
