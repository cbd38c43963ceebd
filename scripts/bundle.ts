import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { bundle, type BundleName, bundleNames } from "../components/bundle";
import { packedFolder, scriptFile, staticFiles } from "../src/cli/dashboard/page-files";

const root = join(__dirname, "..");
const folder = join(root, "dist");

/** Writes the programs of the cluster, for a ready-made image or to look at, and the command `mesh` to `dist/`; or those named. */
async function main(): Promise<void> {
  const named = process.argv.slice(2);
  for (const name of bundleNames.filter((each) => named.length === 0 || named.includes(each))) {
    const text = bundle(name);
    const file = fileOf(name);
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
    await addBeside(name);
    // The standard output is npm pack's: a guide takes the name of the package from there.
    console.error(`dist/${file}  ${(Buffer.byteLength(text) / 1024).toFixed(1)} KiB`);
  }
}

function fileOf(name: BundleName): string {
  return name === "page" ? join(packedFolder, scriptFile) : `${name}.js`;
}

/** What a bundle is not whole without. */
async function addBeside(name: BundleName): Promise<void> {
  if (name === "mesh") await chmod(join(folder, fileOf(name)), 0o755);
  if (name === "lab") await copyFile(join(root, "lab", "delay_line.py"), join(folder, "delay_line.py"));
  if (name !== "page") return;
  for (const file of staticFiles)
    await copyFile(join(root, "src", "cli", "dashboard", "page", file), join(folder, packedFolder, file));
}

void main();
