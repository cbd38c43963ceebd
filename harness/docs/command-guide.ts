import { format } from "prettier";

import { meshProgram } from "../../src/cli/program";
import { commandReference } from "../../src/cli/reference";

/** The guide of `mesh`, relative to the repository. */
export const commandGuide = "docs/guides/mesh-command.md";

const heading = "\n## Reference\n";

/** The guide's text with the reference of today's commands. Everything before the first command is left as it is. */
export async function withReference(text: string): Promise<string> {
  const at = text.indexOf(heading);
  if (at === -1) throw new Error(`${commandGuide} has no heading "Reference"`);
  const first = text.indexOf("\n### ", at);
  const before = first === -1 ? text : text.slice(0, first);
  return format(`${before.trimEnd()}\n\n${commandReference(meshProgram())}`, { parser: "markdown" });
}
