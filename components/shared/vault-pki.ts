import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import type { Mesh, Site } from "../../src/mesh/model";
import { pkiRole } from "../../src/mesh/trust";
import { serverName } from "../../src/mesh/welcome";
import type { CaConfig, RecoveredConfig, VaultConfig } from "../../src/settings/shared-settings";
import { formerRoots } from "./authority";

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
  readonly recovered: RecoveredConfig;
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
    const backend = this.createMount(name, args);
    const { oldest, generation } = args.ca;
    const numbers = Array.from({ length: generation - oldest + 1 }, (_, i) => oldest + i);
    const former = formerRoots(args.recovered.roots);
    const roots = new Map(
      numbers
        .filter((number) => !former.has(number))
        .map((number) => [number, this.createRoot(`${name}-root-${number}`, { backend, number, ...args })]),
    );
    // A root of a former stack signs as long as no other is told to: its key is in Vault.
    const signing = former.has(args.ca.signing) ? [] : [this.createSigner(name, backend, roots.get(args.ca.signing))];
    for (const site of args.mesh.sites) {
      this.createRole(`${name}-${site.name}`, { backend, site, mesh: args.mesh, signing });
    }
    this.certificate = pulumi
      .all(numbers.map((number) => roots.get(number)?.certificate ?? pulumi.output(former.get(number) ?? "")))
      .apply((all) => all.map((pem) => `${pem.trim()}\n`).join(""));
    this.registerOutputs({ certificate: this.certificate });
  }

  private createMount(name: string, { vault: config, recovered }: VaultPkiArgs): pulumi.Output<string> {
    const path = pkiMount(config.mount);
    if (!config.createMount || recovered.vault !== undefined) return pulumi.output(path);
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
    args: { backend: pulumi.Output<string>; site: Site; mesh: Mesh; signing: pulumi.Resource[] },
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
      { parent: this, dependsOn: args.signing },
    );
  }
}
