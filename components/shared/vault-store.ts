import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import type { VaultConfig } from "../../src/settings/shared-settings";
import { ringSecret } from "../../src/vault/access";
import type { SiteCertificate } from "./authority";

/** Folders of the KV mount, a secret per site in each. */
export type SiteFolder = "sites" | "issuers";

/** What {@link VaultStore} needs. */
export interface VaultStoreArgs {
  readonly vault: VaultConfig;
  /** The ring to begin with: a secret. */
  readonly ring: pulumi.Output<unknown>;
  /** Whether mount and ring are there, made by a former stack: both stay as they are. */
  readonly isThere: boolean;
  /** What the sites are given where it is not Vault that issues: their certificates, or authorities of their own. */
  readonly given?: { readonly folder: SiteFolder; readonly sites: ReadonlyMap<string, SiteCertificate> };
}

/**
 * What lies in Vault's KV v2: the key ring, and what the sites are given by an authority outside Vault.
 *
 * The ring is written once. From then on it is the rotator's: its content is neither compared nor read back, so that no
 * later `up` reverts it and no refresh brings keys into the state.
 */
export class VaultStore extends pulumi.ComponentResource {
  /** Of the KV v2 engine; known once it exists. */
  readonly mount: pulumi.Output<string>;

  constructor(name: string, args: VaultStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:VaultStore", name, {}, opts);
    const { vault: config } = args;
    const isMade = config.createMount && !args.isThere;
    this.mount = isMade ? this.createMount(name, config.mount) : pulumi.output(config.mount);
    if (!args.isThere) this.createRing(name, args.ring);
    for (const [site, issued] of args.given?.sites ?? []) {
      this.createSecret(`${name}-${site}`, `${args.given?.folder ?? "sites"}/${site}`, issued);
    }
    this.registerOutputs({ mount: this.mount });
  }

  private createMount(name: string, path: string): pulumi.Output<string> {
    const description = "Key ring and certificates of the DNS mesh";
    return new vault.Mount(
      `${name}-mount`,
      { path, type: "kv", options: { version: "2" }, description },
      { parent: this },
    ).path;
  }

  private createRing(name: string, ring: pulumi.Output<unknown>): void {
    new vault.kv.SecretV2(
      `${name}-ring`,
      { mount: this.mount, name: ringSecret, dataJson: pulumi.secret(pulumi.jsonStringify(ring)), disableRead: true },
      { parent: this, ignoreChanges: ["dataJson"] },
    );
  }

  private createSecret(name: string, path: string, issued: SiteCertificate): void {
    const dataJson = pulumi.secret(pulumi.jsonStringify(issued));
    new vault.kv.SecretV2(name, { mount: this.mount, name: path, dataJson }, { parent: this });
  }
}
