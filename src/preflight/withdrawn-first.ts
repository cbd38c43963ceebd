import { UserError } from "../base/errors";
import type { Mesh } from "../mesh/model";
import type { FormerOutputs } from "./former-outputs";
import { signedBefore, unwithdrawn } from "./withdrawn";

/**
 * Makes sure that no zone stops being signed at once, by what this stack said when it was brought up last.
 *
 * @throws UserError that names each such zone and what to write instead.
 */
export function requireWithdrawn(mesh: Mesh, former: FormerOutputs | undefined): void {
  const found = unwithdrawn(signedBefore(former?.["sites"]), mesh);
  if (found.length > 0) throw new UserError(found.join("\n"));
}
