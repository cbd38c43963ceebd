import type { SiteCertificate } from "../../../components/site/welcome";
import type { Mesh, WelcomeSecrets } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import type { WelcomeTrust } from "../../../src/mesh/trust";
import { welcomePacket } from "../../../src/mesh/welcome";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";

/** The seed's three sites as they stand in the shared stack's settings. */
export const exampleList = {
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["catalog-primary.internal.dns"] },
    {
      name: "site-b",
      role: "secondary-catalog",
      addresses: ["198.51.100.2"],
      zones: ["catalog-secondary.internal.dns"],
    },
    {
      name: "site-c",
      role: "standard",
      addresses: ["203.0.113.3"],
      zones: [{ name: "standard-1.internal.dns", dnssec: true }],
    },
  ],
};

export const exampleMesh: Mesh = parseMesh(exampleList);

export const sharedName = "organization/dns-mesh/shared";

/** A site's secrets that parse. */
export function exampleSecrets(site: string): WelcomeSecrets {
  return {
    keyRing: {
      version: 1,
      current: { name: "mesh-1", algorithm: "hmac-sha256", secret: Buffer.from("s".repeat(64)).toString("base64") },
    },
    certificate: `certificate of ${site}`,
    privateKey: `PRIVATE key of ${site}`,
  };
}

/** What the shared stack's outputs look like from a site's stack. */
export function sharedOutputs(
  mesh: Mesh = exampleMesh,
  trust: WelcomeTrust = {},
): { outputs: Record<string, unknown>; secret: string[] } {
  const names = mesh.sites.map((site) => site.name);
  return {
    outputs: {
      directory: renderDirectory(mesh),
      catalog: renderCatalog(mesh),
      sites: Object.fromEntries(
        names.map((name) => [name, { ...welcomePacket(mesh, name, "root certificate"), ...trust }]),
      ),
      siteSecrets: Object.fromEntries(names.map((name) => [name, exampleSecrets(name)])),
    },
    secret: ["siteSecrets"],
  };
}

/** What an authority outside the cluster issued for a site. */
export function exampleIssued(site: string): SiteCertificate {
  const { certificate, privateKey } = exampleSecrets(site);
  return { certificate, privateKey };
}

/** What the shared stack tells sites of a Vault that they log in to by the keys of their cluster. */
export const vaultByJwt: WelcomeTrust = {
  certificates: "vault",
  rotation: { every: 2_592_000, patience: 86_400, overlap: 86_400 },
  vault: {
    address: "https://vault.example",
    mount: "dns-mesh",
    audience: "vault",
    auth: { method: "jwt", path: "dns-mesh-site", namespace: "dns-system" },
    pki: { mount: "dns-mesh-pki", ttlHours: 720 },
  },
};

/** The shared stack's outputs where secrets lie in Vault. */
export function sharedVaultOutputs(trust: WelcomeTrust = vaultByJwt): { outputs: Record<string, unknown> } {
  const { directory, catalog, sites } = sharedOutputs(exampleMesh, trust).outputs;
  return { outputs: { directory, catalog, sites } };
}
