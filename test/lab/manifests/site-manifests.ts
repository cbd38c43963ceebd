import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sharedName, sharedVaultOutputs, vaultByJwt } from "../../unit/components/example-mesh";
import { up, type UpOptions } from "../../unit/components/site/site-run";

/** A Kubernetes object as a site's stack hands it to the engine. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const monitoring = { namespaceSelector: { "kubernetes.io/metadata.name": "monitoring" } };
const byAppRole = { ...vaultByJwt.vault!, auth: { method: "approle", path: "dns-mesh-approle" } } as const;

/** Sites that between them have every object of Kubernetes' own kinds that a site's stack can make. */
export const variants: Readonly<Record<string, { readonly site: string; readonly options: UpOptions }>> = {
  "a primary with three replicas": { site: "site-a", options: { config: { replicas: "3", monitoring } } },
  "a standard site with backups": {
    site: "site-c",
    options: {
      config: {
        backups: {
          ...{ endpoint: "https://s3.example.com", bucket: "dns-backups" },
          ...{ accessKey: "access", secretKey: "secret-key", password: "password-of-the-repository" },
        },
      },
    },
  },
  "a standard site that a Prometheus finds by annotations": {
    site: "site-c",
    options: { config: { monitoring: { ...monitoring, scrape: "annotations", dashboard: true } } },
  },
  "a standard site with a resolver": {
    site: "site-c",
    options: { config: { resolver: { tlsSecret: "resolver-tls", clusterIP: "10.96.0.53" } } },
  },
  "a standard site with one": { site: "site-c", options: { config: { replicas: "1" } } },
  "a catalog site with Vault and a split Service": {
    site: "site-b",
    options: { config: { service: { split: true } }, stacks: { [sharedName]: sharedVaultOutputs() } },
  },
  "a catalog site with Vault by AppRole": {
    site: "site-b",
    options: { stacks: { [sharedName]: sharedVaultOutputs({ ...vaultByJwt, vault: byAppRole }) } },
  },
};

/** The objects of a variant. Patches of objects that something else makes are none. */
export async function manifestsOf(variant: string): Promise<Manifest[]> {
  const found = variants[variant];
  if (!found) throw new Error(`no variant "${variant}"`);
  const { resources } = await up(found.site, found.options);
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:") && !type.endsWith("Patch"))
    .map(({ inputs }) => inputs as Manifest);
}

/** Writes each object into a file of its own. */
export function writeManifests(folder: string, manifests: readonly Manifest[]): string[] {
  mkdirSync(folder, { recursive: true });
  return manifests.map((manifest) => {
    const file = join(folder, `${manifest.kind}-${manifest.metadata.name}.json`);
    writeFileSync(file, JSON.stringify(manifest, undefined, 2));
    return file;
  });
}
