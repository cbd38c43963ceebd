import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { compareWithBind, type Comparison } from "../harness/dns/bind-oracle";
import { inParallel } from "../src/base/in-parallel";

/**
 * Reads all zone files of a folder with our reader and with BIND's `named-checkzone`, and prints where the two differ.
 * For files that nobody here wrote: those of a company's name server, of other projects' tests, of a registry.
 */
async function main(folder: string): Promise<void> {
  const counts = new Map<Comparison["kind"], number>();
  let records = 0;
  await inParallel(2, readdirSync(folder).toSorted(), async (file) => {
    const found = await compareWithBind(readFileSync(join(folder, file), "utf8"));
    counts.set(found.kind, (counts.get(found.kind) ?? 0) + 1);
    if (found.kind === "same") records += found.records;
    else console.log(file, JSON.stringify(found).slice(0, 600));
  });
  console.log(Object.fromEntries(counts), `${records} records are the same`);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("which folder? tsx scripts/compare-zone-files.ts FOLDER");
void main(folder);
