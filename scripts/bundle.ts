import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { bundle, programNames } from "../components/bundle";

/** Writes the programs of the cluster to `dist/`, for a ready-made image or to look at. */
async function main(): Promise<void> {
  const folder = join(__dirname, "..", "dist");
  await mkdir(folder, { recursive: true });
  for (const name of programNames) {
    const text = bundle(name);
    await writeFile(join(folder, `${name}.js`), text);
    console.log(`dist/${name}.js  ${(Buffer.byteLength(text) / 1024).toFixed(1)} KiB`);
  }
}

void main();
