import { expect } from "chai";
import type * as k8s from "@pulumi/kubernetes";
import type { WelcomeTrust } from "../../../../src/mesh/trust";
import {
  exampleMesh,
  exampleIssued,
  exampleSecrets,
  sharedName,
  sharedOutputs,
  sharedVaultOutputs,
  vaultByJwt,
} from "../example-mesh";
import { nameOf, type Run } from "../recorded-stack";
import { environment, podSpecs, up } from "./site-run";

type Volume = k8s.types.output.core.v1.Volume;

function withVault(site: string, trust: WelcomeTrust = vaultByJwt, config: Record<string, unknown> = {}): Promise<Run> {
  const issued = exampleIssued(site);
  const vault = { [`dns-mesh/sites/${site}`]: issued, [`dns-mesh/issuers/${site}`]: issued };
  return up(site, { stacks: { [sharedName]: sharedVaultOutputs(trust) }, vault, config });
}

const byAppRole: WelcomeTrust = {
  ...vaultByJwt,
  vault: { ...vaultByJwt.vault!, auth: { method: "approle", path: "dns-mesh-approle" } },
};

function volumesOf(run: Run, pod: number): ReadonlyMap<string, Volume> {
  return new Map((podSpecs(run)[pod]?.volumes ?? []).map((volume) => [volume.name, volume]));
}

const secretNames = (run: Run): string[] => run.all("core/v1:Secret").map(nameOf);

function configFile(run: Run, name: string): unknown {
  const { data } = run.one("ConfigMap", "knot-config").inputs as { data: Record<string, string> };
  return data[name] === undefined ? undefined : JSON.parse(data[name]);
}

describe("a site's keys and certificates", () => {
  describe("without Vault", () => {
    it("are Secrets that the agent mounts, and Knot does not", async () => {
      const run = await up("site-a");
      expect(secretNames(run)).to.include.members(["tsig-key-ring", "knot-tls"]);
      const [knot, agent] = podSpecs(run)[0]?.containers ?? [];
      expect(environment(agent)).to.include({
        DNS_MESH_KEYS: "/etc/dns-mesh-keys/ring.json",
        DNS_MESH_TLS: "/etc/dns-mesh-tls",
      });
      expect(environment(agent)).not.to.have.any.keys("DNS_MESH_VAULT");
      expect(JSON.stringify(knot?.volumeMounts)).not.to.match(/keys|tls/);
      expect(run.all("CronJob").map(nameOf)).to.deep.equal(["reconciler"]);
    });
  });

  describe("with Vault", () => {
    it("are nowhere in the site's stack: the agent puts them onto the volume", async () => {
      const run = await withVault("site-a");
      expect(secretNames(run)).to.have.members(["tsig-local-key", "tsig-readers", "tsig-records", "tsig-updaters"]);
      expect(environment(podSpecs(run)[0]?.containers[1])).to.include({
        DNS_MESH_KEYS: "/storage/mesh/ring.json",
        DNS_MESH_TLS: "/storage/mesh/tls",
        DNS_MESH_VAULT: "/etc/dns-mesh/vault.json",
      });
      const everything = JSON.stringify(run.resources.map(({ wire }) => wire));
      expect(everything).not.to.contain("tsig-key-ring").and.not.to.contain("knot-tls");
    });

    it("are fetched with a short-lived token for Vault alone, beside no API token", async () => {
      const [pod] = podSpecs(await withVault("site-a"));
      expect(pod?.automountServiceAccountToken).to.equal(false);
      expect(volumesOf(await withVault("site-a"), 0).get("vault-token")?.projected.sources).to.deep.equal([
        { serviceAccountToken: { audience: "vault", expirationSeconds: 600, path: "token" } },
      ]);
      const mounts = pod?.containers[1]?.volumeMounts ?? [];
      expect(mounts).to.deep.include({
        ...{ name: "vault-token", mountPath: "/var/run/secrets/dns-mesh-vault", readOnly: true },
      });
      expect(JSON.stringify(pod?.containers[0]?.volumeMounts)).not.to.contain("vault");
    });

    it("are asked for as vault.json says, at the address that this site reaches Vault at", async () => {
      const run = await withVault("site-c", vaultByJwt, { vault: { address: "https://vault.site-c.example" } });
      expect(configFile(run, "vault.json")).to.deep.equal({
        address: "https://vault.site-c.example",
        mount: "dns-mesh",
        auth: {
          ...{ method: "jwt", path: "dns-mesh-site", role: "site" },
          tokenFile: "/var/run/secrets/dns-mesh-vault/token",
        },
        pki: {
          ...{ mount: "dns-mesh-pki", role: "site-site-c", commonName: "site-c.dns.internal" },
          ...{ ipSans: ["203.0.113.3"], ttlHours: 720 },
        },
        zoneKeys: { secret: "zone-keys/site-c", role: "signer" },
      });
      expect(configFile(run, "vault-rotator.json")).to.equal(undefined);
    });

    it("trust the authorities of Vault's own certificate that the shared stack names", async () => {
      const vault = { ...vaultByJwt.vault!, caCert: "-----BEGIN CERTIFICATE-----" };
      const run = await withVault("site-a", { ...vaultByJwt, vault });
      expect(configFile(run, "vault.json")).to.include({ caFile: "/etc/dns-mesh/vault-ca.crt" });
      expect(run.one("ConfigMap", "knot-config").inputs).to.have.nested.property("data.vault-ca\\.crt");
    });

    it("restart no pod when addresses in the certificate or Vault's own change", async () => {
      const template = (run: Run): unknown =>
        (run.one("StatefulSet").inputs as k8s.types.output.apps.v1.StatefulSet).spec.template;
      const before = await withVault("site-a");
      const after = await withVault("site-a", vaultByJwt, { vault: { address: "https://elsewhere.example" } });
      expect(template(after)).to.deep.equal(template(before));
      expect(after.one("PodPatch", "knot-0").inputs).not.to.deep.equal(before.one("PodPatch", "knot-0").inputs);
    });
  });

  describe("with Vault by AppRole", () => {
    it("come with a login that is a Secret, another one for the rotator", async () => {
      const run = await withVault("site-a", byAppRole);
      expect(secretNames(run)).to.include.members(["vault-approle", "vault-approle-rotator"]);
      const secret = run.one("core/v1:Secret", "vault-approle");
      const { data } = secret.inputs as { data: Record<string, string> };
      const text = (file: string): string => Buffer.from(data[file] ?? "", "base64").toString();
      expect(text("role-id")).to.equal("role id of site-site-a");
      expect(text("secret-id")).to.equal("SECRET id of site-a-app-roles-site-secret-id");
      expect(secret.wire).to.contain("1b47061264138c4ac30d75fd1eb44270");
      expect(configFile(run, "vault.json")).to.have.deep.property("auth", {
        ...{ method: "approle", path: "dns-mesh-approle" },
        roleIdFile: "/etc/dns-mesh-approle/role-id",
        secretIdFile: "/etc/dns-mesh-approle/secret-id",
      });
      expect([...volumesOf(run, 0).keys()])
        .to.include("vault-approle")
        .and.not.include("vault-approle-rotator");
      expect([...volumesOf(run, 2).keys()])
        .to.include("vault-approle-rotator")
        .and.not.include("vault-approle");
    });

    it("come without a rotator's at a standard site", async () => {
      expect(secretNames(await withVault("site-c", byAppRole)))
        .to.include("vault-approle")
        .and.not.include("vault-approle-rotator");
    });
  });

  describe("the key rotator", () => {
    it("runs every five minutes at catalog sites, one at a time, and nowhere else", async () => {
      const names = async (site: string): Promise<string[]> => (await withVault(site)).all("CronJob").map(nameOf);
      expect(await names("site-a")).to.have.members(["reconciler", "key-rotator"]);
      expect(await names("site-b")).to.have.members(["reconciler", "key-rotator"]);
      expect(await names("site-c")).to.deep.equal(["reconciler"]);
      const { spec } = (await withVault("site-b")).one("CronJob", "key-rotator").inputs as { spec: object };
      expect(spec).to.include({ schedule: "*/5 * * * *", concurrencyPolicy: "Forbid" });
    });

    it("has an account of its own without an API token, and a role of its own in Vault", async () => {
      const run = await withVault("site-a");
      const pod = podSpecs(run)[2];
      expect(pod).to.include({ serviceAccountName: "key-rotator", automountServiceAccountToken: false });
      expect(run.one("ServiceAccount", "key-rotator").inputs).to.include({ automountServiceAccountToken: false });
      expect(run.all("Role").map(nameOf)).to.have.members(["reconciler", "record-operator"]);
      expect(pod?.containers[0]?.command).to.deep.equal(["node", "/bundle/rotator.js", "run"]);
      expect(environment(pod?.containers[0])).to.include({
        DNS_MESH_VAULT: "/etc/dns-mesh/vault-rotator.json",
        DNS_MESH_LOCAL_KEY: "/etc/dns-mesh-local-key/key.json",
      });
      expect(configFile(run, "vault-rotator.json")).to.have.nested.property("auth.role", "rotator");
      expect(configFile(run, "vault-rotator.json")).not.to.have.property("pki");
    });

    it("keeps to Pod Security restricted", async () => {
      const pod = podSpecs(await withVault("site-a"))[2];
      expect(pod?.securityContext).to.include({ runAsNonRoot: true, runAsUser: 53 });
      expect(pod?.containers[0]?.securityContext).to.deep.equal({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      });
    });
  });

  describe("with cert-manager", () => {
    const trust: WelcomeTrust = { certificates: "cert-manager" };
    const outputs = sharedOutputs(exampleMesh, trust);

    it("are a certificate for the site's name and addresses, whose key is born in the cluster", async () => {
      const run = await up("site-a", { stacks: { [sharedName]: outputs } });
      expect(secretNames(run)).to.not.include("knot-tls");
      const issuer = nameOf(run.one("Issuer"));
      expect(issuer).to.match(/^mesh-issuer-[0-9a-f]{8}$/);
      expect(run.one("Issuer").inputs).to.have.deep.property("spec", { ca: { secretName: issuer } });
      expect(run.one("Certificate").inputs)
        .to.have.property("spec")
        .that.deep.includes({
          secretName: "knot-tls",
          issuerRef: { group: "cert-manager.io", kind: "Issuer", name: issuer },
          dnsNames: ["site-a.dns.internal"],
          ipAddresses: ["192.0.2.1"],
          usages: ["digital signature", "server auth", "client auth"],
          privateKey: { algorithm: "ECDSA", size: 256, encoding: "PKCS8", rotationPolicy: "Always" },
        });
    });

    it("have another issuer as soon as the site's authority is another, which the old one outlives", async () => {
      const renewed = sharedOutputs(exampleMesh, trust);
      const issued = { ...exampleSecrets("site-a"), certificate: "renewed authority" };
      renewed.outputs["siteSecrets"] = { "site-a": issued };
      const runs = [
        await up("site-a", { stacks: { [sharedName]: outputs } }),
        await up("site-a", { stacks: { [sharedName]: renewed } }),
      ];
      const issuers = runs.map((run) => nameOf(run.one("Issuer")));
      expect(issuers[0]).not.to.equal(issuers[1]);
      for (const [i, run] of runs.entries()) {
        expect(run.one("Certificate").inputs).to.have.nested.property("spec.issuerRef.name", issuers[i]);
        expect(run.one("Issuer").deleteBeforeReplace).to.equal(false);
        expect(run.one("core/v1:Secret", issuers[i]).deleteBeforeReplace).to.equal(false);
      }
    });

    it("stand beside all the roots that are trusted, of which cert-manager knows one at most", async () => {
      const run = await up("site-a", { stacks: { [sharedName]: outputs } });
      expect(volumesOf(run, 0).get("knot-tls")?.projected.sources).to.deep.equal([
        {
          secret: {
            name: "knot-tls",
            items: [
              { key: "tls.crt", path: "tls.crt" },
              { key: "tls.key", path: "tls.key" },
            ],
          },
        },
        { configMap: { name: "knot-config", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      ]);
      expect(run.one("ConfigMap", "knot-config").inputs).to.have.nested.property("data.ca\\.crt", "root certificate");
    });

    it("give the site's own authority to nobody but cert-manager", async () => {
      const run = await up("site-a", { stacks: { [sharedName]: outputs } });
      for (const spec of podSpecs(run)) expect(JSON.stringify(spec)).not.to.contain("mesh-issuer");
      expect(run.one("core/v1:Secret", nameOf(run.one("Issuer"))).wire).to.contain("1b47061264138c4ac30d75fd1eb44270");
    });
  });
});
