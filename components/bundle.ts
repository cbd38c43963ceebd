import { buildSync } from "esbuild";
import { join } from "node:path";

/** The programs that run inside a cluster. */
export type ProgramName = "agent" | "reconciler" | "rotator" | "operator";

const root = join(__dirname, "..");
/** The folder of each program under `src/agents`. */
const folders: Readonly<Record<ProgramName, string>> = {
  agent: "sidecar",
  reconciler: "reconciler",
  rotator: "rotator",
  operator: "operator",
};
const bundles = new Map<ProgramName, string>();

/**
 * One of our programs as a single JavaScript file for a stock Node image. Equal sources give equal texts, wherever the
 * repository stands and whatever the working directory is: the text decides whether pods are replaced.
 */
export function bundle(name: ProgramName): string {
  const known = bundles.get(name);
  if (known !== undefined) return known;
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [`src/agents/${folders[name]}/main.ts`],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node22",
    minify: true,
    legalComments: "none",
    logLevel: "silent",
  });
  const text = outputFiles.map((file) => file.text).join("");
  bundles.set(name, text);
  return text;
}
