import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import type { Mesh, Site } from "../../src/mesh/model";
import { pkiRole } from "../../src/mesh/trust";
import { serverName } from "../../src/mesh/welcome";
import type { CaConfig, VaultConfig } from "../../src/settings/shared-settings";

const secondsPerHour = 3600;
const rootHours = 10 * 365 * 24;

/** How long a certificate from Vault lives. The agent renews it after two thirds: Vault may be away for ten days. */
export const certificateHours = 30 * 24;

/** Path of the mesh's PKI engine. */
export function pkiMount(mount: string): string {
  return `${mount}-pki`;
}

/** What {@link VaultPki} needs. */
export interface VaultPkiArgs {
  readonly vault: VaultConfig;
  readonly mesh: Mesh;
  readonly ca: CaConfig;
}

/**
 * The mesh's authority inside Vault, whose key never leaves it, and a role for each site that issues for the site's own
 * name only. The roots vouch for names below the directory alone.
 */
export class VaultPki extends pulumi.ComponentResource {
  /** PEM of every root certificate that is trusted, the newest last. */
  readonly certificate: pulumi.Output<string>;

  constructor(name: string, args: VaultPkiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:VaultPki", name, {}, opts);
    const backend = this.createMount(name, args.vault);
    const { oldest, generation } = args.ca;
    const numbers = Array.from({ length: generation - oldest + 1 }, (_, i) => oldest + i);
    const roots = numbers.map((number) => this.createRoot(`${name}-root-${number}`, { backend, number, ...args }));
    const signing = this.createSigner(name, backend, roots[args.ca.signing - oldest]);
    for (const site of args.mesh.sites) {
      this.createRole(`${name}-${site.name}`, { backend, site, mesh: args.mesh, signing });
    }
    this.certificate = pulumi
      .all(roots.map(({ certificate }) => certificate))
      .apply((all) => all.map((pem) => `${pem.trim()}\n`).join(""));
    this.registerOutputs({ certificate: this.certificate });
  }

  private createMount(name: string, config: VaultConfig): pulumi.Output<string> {
    const path = pkiMount(config.mount);
    if (!config.createMount) return pulumi.output(path);
    const maxLeaseTtlSeconds = rootHours * secondsPerHour;
    const description = "Certificates of the DNS mesh";
    return new vault.Mount(`${name}-mount`, { path, type: "pki", maxLeaseTtlSeconds, description }, { parent: this })
      .path;
  }

  private createRoot(
    name: string,
    args: VaultPkiArgs & { backend: pulumi.Output<string>; number: number },
  ): vault.pkisecret.SecretBackendRootCert {
    return new vault.pkisecret.SecretBackendRootCert(
      name,
      {
        backend: args.backend,
        type: "internal",
        commonName: `dns-mesh root ${args.number}`,
        excludeCnFromSans: true,
        issuerName: `root-${args.number}`,
        keyType: "ec",
        keyBits: 256,
        maxPathLength: 0,
        // Vault issues nothing that begins before its issuer does.
        notBeforeDuration: "10m",
        permittedDnsDomains: [args.mesh.directoryZone],
        ttl: `${rootHours}h`,
      },
      { parent: this },
    );
  }

  /** Makes one of the roots the one that signs, for all sites at once; agents renew when it is another. */
  private createSigner(
    name: string,
    backend: pulumi.Output<string>,
    root: vault.pkisecret.SecretBackendRootCert | undefined,
  ): pulumi.Resource {
    if (root === undefined) throw new RangeError("the root that signs is not among those that are trusted");
    return new vault.pkisecret.SecretBackendConfigIssuers(
      `${name}-signing`,
      { backend, default: root.issuerId },
      { parent: this },
    );
  }

  private createRole(
    name: string,
    args: { backend: pulumi.Output<string>; site: Site; mesh: Mesh; signing: pulumi.Resource },
  ): void {
    new vault.pkisecret.SecretBackendRole(
      name,
      {
        backend: args.backend,
        name: pkiRole(args.site.name),
        allowedDomains: [serverName(args.site.name, args.mesh.directoryZone)],
        allowBareDomains: true,
        allowSubdomains: false,
        allowGlobDomains: false,
        allowWildcardCertificates: false,
        allowLocalhost: false,
        allowIpSans: true,
        serverFlag: true,
        clientFlag: true,
        keyUsages: ["DigitalSignature"],
        keyType: "ec",
        keyBits: 256,
        ttl: String(certificateHours * secondsPerHour),
        maxTtl: String(certificateHours * secondsPerHour),
        // For clocks that are behind.
        notBeforeDuration: "5m",
        noStore: true,
      },
      { parent: this, dependsOn: [args.signing] },
    );
  }
}
