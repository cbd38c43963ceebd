import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import type { WelcomeSecrets } from "../../src/mesh/model";
import type { VaultConfig } from "../config";

/** Where each site finds its secrets. Public: a path opens nothing. */
export interface VaultPaths {
  readonly address: string;
  readonly mount: string;
  /** Name of the KV v2 secret by site. */
  readonly paths: Readonly<Record<string, string>>;
}

/** The KV v2 secret of a site, relative to the mount. */
function vaultPath(site: string): string {
  return `sites/${site}`;
}

/** Puts each site's secrets into Vault (KV v2) under `sites/<name>`, and a policy beside it that lets read just that. */
export class VaultShelf extends pulumi.ComponentResource {
  readonly paths: pulumi.Output<VaultPaths>;

  constructor(
    name: string,
    args: { readonly vault: VaultConfig; readonly secrets: ReadonlyMap<string, pulumi.Output<WelcomeSecrets>> },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dnsmesh:shared:VaultShelf", name, {}, opts);
    const { address, mount } = args.vault;
    const provider = new vault.Provider(`${name}-provider`, { address }, { parent: this });
    const written: pulumi.Resource[] = [];
    for (const [site, secrets] of args.secrets) {
      const options = { parent: this, provider };
      written.push(
        new vault.kv.SecretV2(
          `${name}-${site}`,
          { mount, name: vaultPath(site), dataJson: pulumi.secret(pulumi.jsonStringify(secrets)) },
          options,
        ),
      );
      const policy = `path "${mount}/data/${vaultPath(site)}" {\n  capabilities = ["read"]\n}\n`;
      new vault.Policy(`${name}-${site}-reader`, { name: `dns-mesh-${site}`, policy }, options);
    }
    const paths = Object.fromEntries([...args.secrets.keys()].map((site) => [site, vaultPath(site)]));
    this.paths = pulumi.output(written.map((secret) => secret.urn)).apply(() => ({ address, mount, paths }));
    this.registerOutputs({ paths: this.paths });
  }
}
