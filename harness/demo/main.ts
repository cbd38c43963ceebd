import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";

import { UserError } from "../../src/base/errors";
import { ensureTools } from "../tools";
import { sparing } from "../tools/cache";
import { besideClusters } from "./beside-clusters";
import { clustersFor, down, say, workDir } from "./clusters";

const usage = `npm run demo                          a mesh on clusters made here, left running
npm run demo -- --down                takes it away
npm run demo -- --contexts a,b,c,d    on four clusters of yours, from your kubeconfig`;

async function up(contexts: string | undefined): Promise<void> {
  await ensureTools(["kubernetes", "pulumi", "provider", "knot", "restic"], say);
  await down();
  mkdirSync(workDir(), { recursive: true });
  const coming = await clustersFor(contexts);
  // Pulumi's packages are loaded beside the clusters' start.
  const { show } = await import("./show");
  // Clusters of our own go as a whole, whatever their stacks' states say.
  const shown = show(coming, contexts === undefined ? "at the end" : "each step");
  await besideClusters(coming.whole, shown);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { down: { type: "boolean" }, contexts: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) console.log(usage);
  else if (values.down) await down();
  else {
    Object.assign(process.env, { ...sparing(), ...process.env });
    await up(values.contexts);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof UserError ? error.message : error);
  process.exitCode = 1;
});
