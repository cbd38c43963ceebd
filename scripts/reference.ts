import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { commandGuide, withReference } from "../harness/docs/command-guide";

/** Writes the reference of `mesh` into its guide. */
async function main(): Promise<void> {
  const file = join(__dirname, "..", commandGuide);
  writeFileSync(file, await withReference(readFileSync(file, "utf8")));
  console.log(`${commandGuide} is written`);
}

void main();
