import { realpathSync, statSync } from "node:fs";

import { UserError } from "../../base/errors";
import { writeAtomically } from "../../base/files";
import { stackText } from "../stacks/stack-file";

/** A stack's file as it was read, and its new text. */
export interface Rewrite {
  readonly file: string;
  readonly before: string;
  readonly text: string;
}

/**
 * Writes a stack's file anew, as one step, through a link, and with the rights that it had.
 *
 * @throws UserError when somebody has changed it since it was read; nothing was written then.
 */
export async function rewrite({ file, before, text }: Rewrite): Promise<void> {
  if (stackText(file) !== before)
    throw new UserError(`${file} was changed meanwhile. Nothing was written; run this again`);
  const path = realpathSync(file);
  await writeAtomically(path, text, statSync(path).mode & 0o777);
}
