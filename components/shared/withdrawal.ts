import { UserError } from "../../src/errors";
import type { Mesh } from "../../src/mesh/model";
import { signedBefore, unwithdrawn } from "../../src/mesh/withdrawal";
import { formerOutputs } from "../former-outputs";

/**
 * Makes sure that no zone stops being signed at once, by what this stack said when it was brought up last.
 *
 * @throws UserError that names each such zone and what to write instead.
 */
export async function requireWithdrawn(mesh: Mesh): Promise<void> {
  const found = unwithdrawn(signedBefore((await formerOutputs())?.["sites"]), mesh);
  if (found.length > 0) throw new UserError(found.join("\n"));
}
