import { UserError } from "../base/errors";
import type { SiteConfig } from "../settings/site-settings";
import type { FormerOutputs } from "./former-outputs";

/**
 * Refuses a stack that is pointed at another site or another namespace than it brought up: everything would be made anew
 * there and deleted here, volumes with keys and zones included.
 *
 * @throws UserError with the cure.
 */
export function requireSamePlace(
  config: Pick<SiteConfig, "site" | "namespace">,
  former: FormerOutputs | undefined,
): void {
  for (const key of ["site", "namespace"] as const) {
    const before = former?.[key];
    if (typeof before !== "string" || before === config[key]) continue;
    throw new UserError(
      `dns-mesh:${key} is "${config[key]}", and this stack has brought up "${before}": all of that would be deleted, volumes included. ` +
        `Nothing was changed; set dns-mesh:${key} to "${before}", or use a stack of its own for the other one`,
    );
  }
}
