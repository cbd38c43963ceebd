import { randomBytes } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import { renderCatalog } from "../../src/mesh/catalog";
import { packCentralZones } from "../../src/mesh/central-parts";
import { renderDirectory } from "../../src/mesh/directory";
import type { Epoch, SignedEpoch } from "../../src/mesh/epoch";
import type { Mesh, Site, WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { appRoleMount, jwtMount, type VaultWelcome, type WelcomeTrust } from "../../src/mesh/trust";
import { welcomePacket } from "../../src/mesh/welcome";
import { nextEpoch } from "../../src/preflight/epochs";
import type { FormerOutputs } from "../../src/preflight/former-outputs";
import { type RecoveredParts, recoveredParts } from "../../src/preflight/recovered-kept";
import type { SharedConfig, VaultConfig } from "../../src/settings/shared-settings";
import { Authority, type SiteCertificate } from "./authority";
import { EpochSigner } from "./epoch-signer";
import { KeyRing } from "./key-ring";
import { VaultAccess } from "./vault-access";
import { certificateHours, pkiMount, VaultPki } from "./vault-pki";
import { type SiteFolder, VaultStore } from "./vault-store";

/** What the shared stack shows to the sites' stacks. The CA key is not among it, and never may be. */
export interface SharedOutputs {
  /** Master-file text of the directory zone, with a placeholder for the serial. */
  readonly directory: pulumi.Output<string>;
  /** Master-file text of the catalog zone (RFC 9432), with a placeholder for the serial. */
  readonly catalog: string;
  /** Which site has the primary catalog, and how often that has changed. The next `up` counts on from it. */
  readonly epoch: Epoch;
  /** Public welcome packets by the site's name. */
  readonly sites: pulumi.Output<Record<string, WelcomePacket>>;
  /** Keys and certificates by the site's name: a secret. Left out when they lie in Vault. */
  readonly siteSecrets?: pulumi.Output<Record<string, SharedSecrets>>;
  /** While a root signs whose key is lost: sites keep the certificates that they have. */
  readonly certificatesStay?: true;
  /** What of a former stack the mesh goes on with: none of it may be made anew as long as it is in use. */
  readonly recovered?: RecoveredParts;
  /** Mounts in Vault that this stack made, and would take away again. */
  readonly vaultMounts?: readonly string[];
}

/** The secret part of a site's welcome, as far as the stack has it. */
type SharedSecrets = Pick<WelcomeSecrets, "keyRing"> & Partial<SiteCertificatePems>;

type SiteCertificatePems = Pick<WelcomeSecrets, "certificate" | "privateKey">;

/** The stack's settings, and what it said when it was brought up last. */
export interface SharedStackArgs extends SharedConfig {
  readonly former?: FormerOutputs | undefined;
}

type VaultSettings = SharedConfig & { readonly vault: VaultConfig };

/** An epoch that is signed, and by which keys that is checked. */
interface Attested {
  readonly epoch: SignedEpoch;
  readonly signers: readonly string[];
}

/** Everything that the sites share: authority, key ring, central zones and a welcome packet for each site. */
export class SharedStack extends pulumi.ComponentResource {
  readonly outputs: SharedOutputs;

  constructor(name: string, args: SharedStackArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:SharedStack", name, {}, opts);
    const { mesh } = args;
    const epoch = nextEpoch(mesh, { former: args.former, least: args.epoch });
    const catalog = mountableCatalog(mesh, epoch);
    const { directoryZone } = mesh;
    const signer = new EpochSigner(`${name}-epochs`, { directoryZone, epoch }, { parent: this });
    const recovered = recoveredParts(args);
    const central = {
      ...(recovered && { recovered }),
      directory: signer.epoch.apply((signed) => renderDirectory({ ...mesh, epoch: signed })),
      catalog,
      epoch,
    };
    const attested = pulumi
      .all([signer.epoch, signer.publicKey])
      .apply(([signed, key]): Attested => ({ epoch: signed, signers: [...args.recovered.signers, key] }));
    const packets = (ca: pulumi.Output<string>): pulumi.Output<Record<string, WelcomePacket>> =>
      pulumi.all([ca, attested]).apply(([pem, by]) => welcomePackets(args, pem, by));
    const keyRing = new KeyRing(`${name}-key-ring`, { ...args.keys, former: args.recoveredRing }, { parent: this });
    const authority = args.certificates === "vault" ? undefined : this.createAuthority(name, args);
    const stays = authority?.sites.size === 0 && { certificatesStay: true as const };
    const { vault: config } = args;
    if (config !== undefined) {
      const ca = this.fillVault(`${name}-vault`, { ...args, vault: config }, { keyRing, authority });
      this.outputs = {
        ...central,
        sites: packets(ca),
        ...stays,
        ...(args.recovered.vault === undefined && config.createMount && { vaultMounts: vaultMounts(args) }),
      };
    } else {
      if (authority === undefined) throw new TypeError("certificates from Vault without a Vault");
      const siteSecrets = pulumi.secret(pulumi.all(welcomeSecrets(mesh, authority, keyRing)));
      this.outputs = {
        ...central,
        ...stays,
        sites: packets(authority.certificate),
        siteSecrets,
      };
    }
    this.registerOutputs(this.outputs);
  }

  private createAuthority(name: string, { mesh, ca, certificates, recovered }: SharedConfig): Authority {
    const issues = certificates === "cert-manager" ? "issuers" : "certificates";
    const args = { mesh, ca, issues, formerRoots: recovered.roots } as const;
    return new Authority(`${name}-authority`, args, { parent: this });
  }

  /** Everything that lies in Vault. Returns the PEM of the trusted roots. */
  private fillVault(
    name: string,
    args: VaultSettings,
    from: { readonly keyRing: KeyRing; readonly authority: Authority | undefined },
  ): pulumi.Output<string> {
    const provider = new vault.Provider(`${name}-provider`, { address: args.vault.address }, { parent: this });
    const within = { parent: this, providers: [provider] };
    const { authority } = from;
    const folder: SiteFolder = args.certificates === "cert-manager" ? "issuers" : "sites";
    new VaultStore(
      `${name}-store`,
      {
        vault: args.vault,
        ring: from.keyRing.first,
        isThere: args.recovered.vault !== undefined,
        ...(authority && { given: { folder, sites: authority.sites } }),
      },
      within,
    );
    const formerLogins = args.recovered.vault?.logins ?? [];
    new VaultAccess(`${name}-access`, { ...args, formerLogins }, within);
    return authority ? authority.certificate : new VaultPki(`${name}-pki`, args, within).certificate;
  }
}

/**
 * The catalog, which has no signature. An error here, of central zones that the primary could not mount, comes before the plan: the
 * signature in the directory is not known yet, its size is.
 */
function mountableCatalog(mesh: Mesh, epoch: Epoch): string {
  const sized = { ...mesh, epoch: { ...epoch, signature: randomBytes(64).toString("base64") } };
  const catalog = renderCatalog(sized);
  packCentralZones({ directory: renderDirectory(sized), catalog });
  return catalog;
}

function welcomePackets(args: SharedConfig, ca: string, { epoch, signers }: Attested): Record<string, WelcomePacket> {
  const packet = (site: Site): WelcomePacket => ({
    ...welcomePacket({ ...args.mesh, epoch }, site.name, ca),
    ...welcomeTrust(args, site),
    signers,
  });
  return Object.fromEntries(args.mesh.sites.map((site) => [site.name, packet(site)]));
}

function welcomeTrust({ certificates, vault: config, rotation }: SharedConfig, site: Site): WelcomeTrust {
  return {
    certificates,
    ...(rotation !== undefined && { rotation }),
    ...(config !== undefined && {
      vault: {
        address: config.address,
        mount: config.mount,
        audience: config.audience,
        auth: vaultAuth(site),
        ...(config.caCert !== undefined && { caCert: config.caCert }),
        ...(certificates === "vault" && { pki: { mount: pkiMount(config.mount), ttlHours: certificateHours } }),
      },
    }),
  };
}

function vaultMounts({ vault: config, certificates }: SharedConfig): readonly string[] {
  if (config === undefined) return [];
  return certificates === "vault" ? [config.mount, pkiMount(config.mount)] : [config.mount];
}

function vaultAuth(site: Site): VaultWelcome["auth"] {
  if (site.vault === undefined) return { method: "approle", path: appRoleMount };
  return { method: "jwt", path: jwtMount(site.name), namespace: site.vault.namespace };
}

function welcomeSecrets(
  { sites }: Mesh,
  authority: Authority,
  keyRing: KeyRing,
): Record<string, pulumi.Output<SharedSecrets>> {
  const secretsOf = (issued: SiteCertificate | undefined): pulumi.Output<SharedSecrets> =>
    pulumi
      .all([keyRing.document, issued?.certificate, issued?.privateKey] as const)
      .apply(([ring, certificate, privateKey]) => ({
        keyRing: ring,
        ...(certificate !== undefined && privateKey !== undefined && { certificate, privateKey }),
      }));
  return Object.fromEntries(sites.map(({ name }) => [name, secretsOf(authority.sites.get(name))]));
}
