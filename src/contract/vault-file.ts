import { UserError } from "../base/errors";
import type { WelcomePacket } from "../mesh/model";
import { pkiRole, type VaultProgram, vaultRole, type VaultWelcome, zoneKeysSecret } from "../mesh/trust";
import { serverName } from "../mesh/welcome";
import type { VaultAccess, VaultAuth } from "../vault/access";

/** Where things that belong to Vault lie in the pods. */
export interface VaultFilePaths {
  readonly token: string;
  /** Folder of the AppRole's `role-id` and `secret-id`. */
  readonly appRole: string;
  readonly ca: string;
  /** Vault's address as this site reaches it, where that is another than the list's. */
  readonly address?: string;
}

/**
 * How one of a site's programs reaches Vault. The rotator asks for no certificate.
 *
 * @throws UserError when the mesh has no Vault.
 */
export function vaultFile(packet: WelcomePacket, program: VaultProgram, paths: VaultFilePaths): VaultAccess {
  const { vault, site } = packet;
  if (vault === undefined)
    throw new UserError("the welcome packet names no Vault; set dns-mesh:vault on the shared stack");
  return {
    address: paths.address ?? vault.address,
    mount: vault.mount,
    auth: vaultAuth(vault.auth, vaultRole(vault.auth.method, program, site.name), paths),
    ...(vault.pki !== undefined &&
      program === "site" && {
        pki: {
          mount: vault.pki.mount,
          role: pkiRole(site.name),
          commonName: serverName(site.name, packet.directoryZone),
          ipSans: site.addresses,
          ttlHours: vault.pki.ttlHours,
        },
      }),
    ...(program === "site" && { zoneKeys: zoneKeys(vault.auth, site.name) }),
    ...(vault.caCert !== undefined && { caFile: paths.ca }),
  };
}

/** An AppRole does not tell a site's pods apart: what one of them may do, all may. */
function zoneKeys({ method }: VaultWelcome["auth"], site: string): NonNullable<VaultAccess["zoneKeys"]> {
  const role = method === "jwt" ? { role: vaultRole(method, "signer", site) } : {};
  return { secret: zoneKeysSecret(site), ...role };
}

function vaultAuth({ method, path }: VaultWelcome["auth"], role: string, paths: VaultFilePaths): VaultAuth {
  if (method === "jwt") return { method, path, role, tokenFile: paths.token };
  return { method, path, roleIdFile: `${paths.appRole}/role-id`, secretIdFile: `${paths.appRole}/secret-id` };
}
