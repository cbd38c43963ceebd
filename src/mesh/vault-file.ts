import { UserError } from "../errors";
import type { WelcomePacket } from "./model";
import { pkiRole, vaultRole, type VaultClient, type VaultWelcome } from "./trust";
import { serverName } from "./welcome";

/** How a pod logs in. */
export type VaultAuth =
  | { readonly method: "jwt"; readonly path: string; readonly role: string; readonly tokenFile: string }
  | {
      readonly method: "approle";
      readonly path: string;
      readonly roleIdFile: string;
      readonly secretIdFile: string;
    };

/** `vault.json`: all that a program in a pod is told of Vault. No secret in it. */
export interface VaultFile {
  readonly address: string;
  readonly mount: string;
  readonly auth: VaultAuth;
  /** What certificate to ask for, and of whom. */
  readonly pki?: {
    readonly mount: string;
    readonly role: string;
    readonly commonName: string;
    readonly ipSans: readonly string[];
    readonly ttlHours: number;
  };
  readonly caFile?: string;
}

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
 * What one of a site's programs is told of Vault. The rotator asks for no certificate.
 *
 * @throws UserError when the mesh has no Vault.
 */
export function vaultFile(packet: WelcomePacket, client: VaultClient, paths: VaultFilePaths): VaultFile {
  const { vault, site } = packet;
  if (vault === undefined)
    throw new UserError("the welcome packet names no Vault; set dns-mesh:vault on the shared stack");
  return {
    address: paths.address ?? vault.address,
    mount: vault.mount,
    auth: vaultAuth(vault.auth, vaultRole(vault.auth.method, client, site.name), paths),
    ...(vault.pki !== undefined &&
      client === "site" && {
        pki: {
          mount: vault.pki.mount,
          role: pkiRole(site.name),
          commonName: serverName(site.name, packet.directoryZone),
          ipSans: site.addresses,
          ttlHours: vault.pki.ttlHours,
        },
      }),
    ...(vault.caCert !== undefined && { caFile: paths.ca }),
  };
}

function vaultAuth({ method, path }: VaultWelcome["auth"], role: string, paths: VaultFilePaths): VaultAuth {
  if (method === "jwt") return { method, path, role, tokenFile: paths.token };
  return { method, path, roleIdFile: `${paths.appRole}/role-id`, secretIdFile: `${paths.appRole}/secret-id` };
}
