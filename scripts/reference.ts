import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { commandGuide, withReference } from "../harness/docs/command-guide";
import { metricsDocument, withMetrics } from "../harness/docs/metrics-table";

/** Writes the references that are made from sources: of `mesh` into its guide, and of all metrics. */
async function main(): Promise<void> {
  for (const [document, written] of [
    [commandGuide, withReference],
    [metricsDocument, withMetrics],
  ] as const) {
    const file = join(__dirname, "..", document);
    writeFileSync(file, await written(readFileSync(file, "utf8")));
    console.log(`${document} is written`);
  }
}

void main();
