import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import type { Mesh, Site, SiteVault } from "../../src/mesh/model";
import {
  appRoleMount,
  type CertificateSource,
  jwtMount,
  pkiRole,
  signingPod,
  type VaultLogin,
  vaultLogins,
  vaultRole,
  zoneKeysSecret,
} from "../../src/mesh/trust";
import { catalogSites, serverName } from "../../src/mesh/welcome";
import type { VaultConfig } from "../../src/settings/shared-settings";
import { ringSecret } from "../../src/vault/access";
import { pkiMount } from "./vault-pki";

const rotatorPolicy = "dns-mesh-rotator";
const tokenSeconds = 600;

/** Service accounts of the programs that ask Vault. */
const accounts: Readonly<Record<VaultLogin, string>> = { site: "knot", rotator: "key-rotator", signer: "knot" };

/** What each program may do. */
type Policies = [VaultLogin, vault.Policy][];

/** What {@link VaultAccess} needs. */
export interface VaultAccessArgs {
  readonly vault: VaultConfig;
  readonly mesh: Mesh;
  readonly certificates: CertificateSource;
  /** Auth mounts that a former stack made: they stay as they are, their roles do not. */
  readonly formerLogins: readonly string[];
}

/** A role's name, what it may do, and how long its tokens live. */
interface RoleArgs {
  readonly roleName: string;
  readonly tokenPolicies: pulumi.Input<string>[];
  readonly tokenTtl: number;
  readonly tokenMaxTtl: number;
  readonly tokenNoDefaultPolicy: boolean;
}

/**
 * Who may log in to Vault, and what for: each site reads the ring, gets its own certificate and keeps its zones' DNSSEC keys,
 * and the rotators of the catalog sites read and write the ring. Vault needs no way into a cluster: it checks tokens against keys from the list.
 */
export class VaultAccess extends pulumi.ComponentResource {
  private readonly args: VaultAccessArgs;

  constructor(name: string, args: VaultAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:VaultAccess", name, {}, opts);
    this.args = args;
    const rotator = this.createPolicy(`${name}-rotator`, rotatorPolicy, [
      [`${args.vault.mount}/data/${ringSecret}`, ["read", "update"]],
    ]);
    const rotating = new Set(catalogSites(args.mesh).map((site) => site.name));
    const appRoles = args.mesh.sites.some((site) => site.vault === undefined) ? this.createAppRoles(name) : undefined;
    for (const site of args.mesh.sites) {
      const isJwt = site.vault !== undefined;
      const policies: Policies = [["site", this.createSitePolicy(name, site)]];
      policies.push([isJwt ? "signer" : "site", this.createKeysPolicy(name, site)]);
      if (rotating.has(site.name)) policies.push(["rotator", rotator]);
      if (site.vault !== undefined) this.createJwt(`${name}-${site.name}`, { site, trusted: site.vault, policies });
      else if (appRoles !== undefined) this.createAppRole(`${name}-${site.name}`, { site, appRoles, policies });
    }
    this.registerOutputs({});
  }

  private createSitePolicy(name: string, site: Site): vault.Policy {
    const { mount } = this.args.vault;
    const own: Readonly<Record<CertificateSource, Rule[]>> = {
      vault: [[`${pkiMount(mount)}/issue/${pkiRole(site.name)}`, ["update"], this.certificateParameters(site)]],
      pulumi: [[`${mount}/data/sites/${site.name}`, ["read"]]],
      "cert-manager": [],
    };
    return this.createPolicy(`${name}-${site.name}`, `dns-mesh-site-${site.name}`, [
      [`${mount}/data/${ringSecret}`, ["read"]],
      ...own[this.args.certificates],
    ]);
  }

  /** The site's own DNSSEC keys, and nobody else's: it can neither list the others nor delete its own. */
  private createKeysPolicy(name: string, site: Site): vault.Policy {
    const path = `${this.args.vault.mount}/data/${zoneKeysSecret(site.name)}`;
    return this.createPolicy(`${name}-${site.name}-keys`, `dns-mesh-zone-keys-${site.name}`, [
      [path, ["create", "read", "update"]],
    ]);
  }

  /** Roles hold names to the site's own; addresses only a policy can. */
  private certificateParameters(site: Site): Parameters {
    return {
      common_name: [serverName(site.name, this.args.mesh.directoryZone)],
      ip_sans: [site.addresses.join(",")],
      "*": [],
    };
  }

  private createPolicy(name: string, policyName: string, rules: readonly Rule[]): vault.Policy {
    return new vault.Policy(`${name}-policy`, { name: policyName, policy: policyText(rules) }, { parent: this });
  }

  private createJwt(name: string, login: { site: Site; trusted: SiteVault; policies: Policies }): void {
    const backend = this.createJwtMount(name, login);
    for (const [client, policy] of login.policies) {
      new vault.jwt.AuthBackendRole(
        `${name}-jwt-${client}`,
        {
          backend,
          roleType: "jwt",
          userClaim: "sub",
          boundAudiences: [this.args.vault.audience],
          boundSubject: `system:serviceaccount:${login.trusted.namespace}:${accounts[client]}`,
          ...(client === "signer" && { boundClaims: { "/kubernetes.io/pod/name": signingPod } }),
          ...roleArgs(vaultRole("jwt", client, login.site.name), [policy]),
        },
        { parent: this },
      );
    }
  }

  private createJwtMount(
    name: string,
    { site, trusted }: { readonly site: Site; readonly trusted: SiteVault },
  ): pulumi.Output<string> {
    const path = jwtMount(site.name);
    if (this.args.formerLogins.includes(path)) return pulumi.output(path);
    const mount = new vault.jwt.AuthBackend(
      `${name}-jwt`,
      {
        path,
        type: "jwt",
        description: `Pods of ${site.name}, by tokens of their cluster`,
        jwtValidationPubkeys: [...trusted.serviceAccountKeys],
      },
      { parent: this },
    );
    return mount.path.apply((known) => known ?? path);
  }

  private createAppRoles(name: string): pulumi.Output<string> {
    if (this.args.formerLogins.includes(appRoleMount)) return pulumi.output(appRoleMount);
    const description = "Pods of sites whose cluster's keys are not in the mesh's list";
    return new vault.AuthBackend(
      `${name}-approle`,
      { type: "approle", path: appRoleMount, description },
      { parent: this },
    ).path;
  }

  private createAppRole(
    name: string,
    login: { site: Site; appRoles: pulumi.Output<string>; policies: Policies },
  ): void {
    for (const client of vaultLogins.approle) {
      const policies = login.policies.filter(([of]) => of === client).map(([, policy]) => policy);
      if (policies.length === 0) continue;
      new vault.approle.AuthBackendRole(
        `${name}-approle-${client}`,
        { backend: login.appRoles, ...roleArgs(vaultRole("approle", client, login.site.name), policies) },
        { parent: this },
      );
    }
  }
}

/** Values that a request may have, by parameter; any when there are none. */
type Parameters = Readonly<Record<string, readonly string[]>>;

type Rule = readonly [path: string, capabilities: readonly string[], parameters?: Parameters];

function policyText(rules: readonly Rule[]): string {
  return rules.map(ruleText).join("");
}

function ruleText([path, capabilities, parameters]: Rule): string {
  const allowed = Object.entries(parameters ?? {}).map(([key, values]) => `    "${key}" = ${JSON.stringify(values)}\n`);
  const limits = parameters === undefined ? "" : `  allowed_parameters = {\n${allowed.join("")}  }\n`;
  return `path "${path}" {\n  capabilities = ${JSON.stringify(capabilities)}\n${limits}}\n`;
}

function roleArgs(roleName: string, policies: readonly vault.Policy[]): RoleArgs {
  const lifetime = { tokenTtl: tokenSeconds, tokenMaxTtl: tokenSeconds };
  return { roleName, tokenPolicies: policies.map(({ name }) => name), tokenNoDefaultPolicy: true, ...lifetime };
}
