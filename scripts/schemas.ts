import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { format } from "prettier";

import { stackFileSchemas } from "../src/settings/json-schema";

/** Writes the JSON Schemas of the stack files, which editors read, into `schemas`. */
async function main(): Promise<void> {
  const folder = join(__dirname, "../schemas");
  mkdirSync(folder, { recursive: true });
  for (const [name, schema] of Object.entries(stackFileSchemas()))
    writeFileSync(join(folder, name), await format(JSON.stringify(schema), { parser: "json", printWidth: 120 }));
}

void main();
