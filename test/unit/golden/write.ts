import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planOf, stacks } from "./plans";

/** Writes every plan anew: what differs then is what a change deploys. */
async function main(): Promise<void> {
  const folder = join(__dirname, "plans");
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) rmSync(join(folder, old));
  for (const stack of Object.keys(stacks)) writeFileSync(join(folder, `${stack}.yaml`), await planOf(stack));
}

void main();
