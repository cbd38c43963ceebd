import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { buildSync, version } from "esbuild";

import { KeptTexts, type Made } from "./kept-texts";

/** The programs that run inside a cluster. */
export type ProgramName = "agent" | "reconciler" | "rotator" | "operator" | "backup" | "resolver";
/** What is made one file: those, the command of whoever runs the mesh, the page that it serves, and the lab that comes with it. */
export type BundleName = ProgramName | "mesh" | "page" | "lab";

const root = join(__dirname, "..");
/** Where the others begin. */
const entries: Readonly<Record<Exclude<BundleName, ProgramName>, string>> = {
  mesh: "src/cli/mesh.ts",
  page: "src/cli/dashboard/page/main.tsx",
  lab: "lab/main.ts",
};
/** The folder of each program under `src/agents`. */
const folders: Readonly<Record<ProgramName, string>> = {
  agent: "sidecar",
  reconciler: "reconciler",
  rotator: "rotator",
  operator: "operator",
  backup: "backup",
  resolver: "resolver",
};

/** Names of the programs that run inside a cluster. */
export const programNames = Object.keys(folders) as readonly ProgramName[];

/** Names of all bundles. */
export const bundleNames: readonly BundleName[] = [...programNames, "mesh", "page", "lab"];

const options = {
  bundle: true,
  write: false,
  metafile: true,
  platform: "node",
  format: "cjs",
  target: "node22",
  minify: true,
  legalComments: "none",
  logLevel: "silent",
  // Pulumi is large, has its own plugins to find, and is there wherever `mesh` calls it. The others make programs from sources.
  external: ["@pulumi/*", "esbuild", "tsx"],
} as const;

/** What differs for what runs beside installed packages. Node's own `import()` takes no folder of a package, as Pulumi's SDK has them. */
const commandOptions = { supported: { "dynamic-import": false } } as const;

/** What differs for what runs in a browser. */
const browserOptions = {
  platform: "browser",
  format: "iife",
  target: "es2023",
  jsx: "automatic",
  jsxImportSource: "preact",
} as const;

/** An installed package has no lock file. */
function textOf(file: string): string {
  const path = join(root, file);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const kept = new KeptTexts({
  root,
  source: "src",
  folder: join(root, "node_modules", ".cache", "dns-mesh"),
  // Packages' own files, where these say which of theirs is taken, are not among a bundle's inputs.
  recipe: JSON.stringify([
    version,
    options,
    commandOptions,
    browserOptions,
    ...["tsconfig.json", "package-lock.json"].map(textOf),
  ]),
});
const bundles = new Map<BundleName, Made>();

/**
 * One of our programs as a single JavaScript file, for a stock Node image or as the command `mesh`. Equal sources give equal texts, wherever the
 * repository stands and whatever the working directory is: the text decides whether pods are replaced.
 */
export function bundle(name: BundleName): string {
  return build(name).text;
}

/** The files of which something is in a program's bundle, relative to the repository. */
export function bundledFiles(name: BundleName): readonly string[] {
  return build(name).sources;
}

function build(name: BundleName): Made {
  const known = bundles.get(name) ?? kept.get(name, () => makeBundle(name));
  bundles.set(name, known);
  return known;
}

/** A bundle made anew, whatever is kept. */
export function makeBundle(name: BundleName): Made {
  const entry =
    name === "mesh" || name === "page" || name === "lab" ? entries[name] : `src/agents/${folders[name]}/main.ts`;
  const place = { absWorkingDir: root, entryPoints: [entry], external: [...options.external] };
  const differing = name === "page" ? browserOptions : name === "mesh" || name === "lab" ? commandOptions : {};
  const { outputFiles, metafile } = buildSync({ ...options, ...differing, ...place });
  const text = outputFiles.map((file) => file.text).join("");
  const parts = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const sources = parts.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []));
  return { text, sources, inputs: Object.keys(metafile.inputs) };
}
