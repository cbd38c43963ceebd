import { join } from "node:path";

import { buildSync } from "esbuild";

/** The programs that run inside a cluster. */
export type ProgramName = "agent" | "reconciler" | "rotator" | "operator" | "backup";

const root = join(__dirname, "..");
/** The folder of each program under `src/agents`. */
const folders: Readonly<Record<ProgramName, string>> = {
  agent: "sidecar",
  reconciler: "reconciler",
  rotator: "rotator",
  operator: "operator",
  backup: "backup",
};

/** Names of the programs that run inside a cluster. */
export const programNames = Object.keys(folders) as readonly ProgramName[];

interface Built {
  readonly text: string;
  readonly sources: readonly string[];
}
const bundles = new Map<ProgramName, Built>();

/**
 * One of our programs as a single JavaScript file for a stock Node image. Equal sources give equal texts, wherever the
 * repository stands and whatever the working directory is: the text decides whether pods are replaced.
 */
export function bundle(name: ProgramName): string {
  return build(name).text;
}

/** The files of which something is in a program's bundle, relative to the repository. */
export function bundledFiles(name: ProgramName): readonly string[] {
  return build(name).sources;
}

function build(name: ProgramName): Built {
  const known = bundles.get(name);
  if (known !== undefined) return known;
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [`src/agents/${folders[name]}/main.ts`],
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "cjs",
    target: "node22",
    minify: true,
    legalComments: "none",
    logLevel: "silent",
  });
  const text = outputFiles.map((file) => file.text).join("");
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const sources = inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []));
  const built = { text, sources };
  bundles.set(name, built);
  return built;
}
