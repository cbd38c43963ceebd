import { UserError } from "../base/errors";
import type { VaultConfig } from "../settings/shared-settings";
import type { FormerOutputs } from "./former-outputs";

/**
 * Refuses to leave mounts in Vault to somebody else that this stack has made: it would take them out of Vault, key ring and
 * roots included.
 *
 * @throws UserError with the cure.
 */
export function requireMountsKept(vault: VaultConfig | undefined, former: FormerOutputs | undefined): void {
  const made = former?.["vaultMounts"];
  if (vault === undefined || vault.createMount || !Array.isArray(made) || !made.includes(vault.mount)) return;
  throw new UserError(
    `dns-mesh:vault.createMount is false, and this stack has made ${made.join(" and ")}: it would delete them in Vault, with key ring and roots. ` +
      `Nothing was changed; set createMount to true or leave it out`,
  );
}
