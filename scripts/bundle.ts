import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { bundle, bundleNames } from "../components/bundle";

/** Writes the programs of the cluster, for a ready-made image or to look at, and the command `mesh` to `dist/`; or those named. */
async function main(): Promise<void> {
  const folder = join(__dirname, "..", "dist");
  await mkdir(folder, { recursive: true });
  const named = process.argv.slice(2);
  for (const name of bundleNames.filter((each) => named.length === 0 || named.includes(each))) {
    const text = bundle(name);
    await writeFile(join(folder, `${name}.js`), text);
    if (name === "mesh") await chmod(join(folder, `${name}.js`), 0o755);
    // What the lab runs beside its own file.
    if (name === "lab") await copyFile(join(__dirname, "..", "lab", "delay_line.py"), join(folder, "delay_line.py"));
    // The standard output is npm pack's: a guide takes the name of the package from there.
    console.error(`dist/${name}.js  ${(Buffer.byteLength(text) / 1024).toFixed(1)} KiB`);
  }
}

void main();
