import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import { objects } from "../../src/contract/names";
import { type VaultProgram, vaultRole } from "../../src/mesh/trust";
import { fileSecret } from "./file-secret";

/** What {@link AppRoles} needs. */
export interface AppRolesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly site: string;
  /** Auth mount. */
  readonly path: string;
  readonly clients: readonly VaultProgram[];
  readonly provider: vault.Provider;
}

const secretNames: Readonly<Record<VaultProgram, string>> = { site: objects.appRole, rotator: objects.rotatorAppRole };

/**
 * What the pods log in to Vault with where Vault does not know the cluster's keys: a role and a secret id for each
 * program. The only thing of a site's stack that needs a Vault token of whoever brings it up, beside certificates that
 * lie in Vault.
 */
export class AppRoles extends pulumi.ComponentResource {
  constructor(name: string, args: AppRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:AppRoles", name, {}, opts);
    for (const client of args.clients) this.createLogin(`${name}-${client}`, client, args);
    this.registerOutputs({});
  }

  private createLogin(name: string, client: VaultProgram, args: AppRolesArgs): void {
    const { provider, path: backend, namespace } = args;
    const roleName = vaultRole("approle", client, args.site);
    const { roleId } = vault.approle.getAuthBackendRoleIdOutput({ backend, roleName }, { provider });
    const { secretId } = new vault.approle.AuthBackendRoleSecretId(
      `${name}-secret-id`,
      { backend, roleName },
      { parent: this, provider },
    );
    const files = { "role-id": roleId, "secret-id": secretId };
    fileSecret(name, { name: secretNames[client], namespace, type: "Opaque", files }, { parent: this });
  }
}
