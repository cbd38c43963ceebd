import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { bundledFiles, bundleNames } from "../../components/bundle";

const root = join(__dirname, "..", "..");

/** Where the list of third-party licences is, relative to the repository. */
export const thirdPartyFile = "THIRD-PARTY.md";

/** An npm package as it is installed, with its licence. */
interface Package {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** @throws Error for a package that names no licence: somebody has to look. */
function readPackage(folder: string): Package {
  const text = readFileSync(join(root, folder, "package.json"), "utf8");
  const { name, version, license } = JSON.parse(text) as { name: string; version: string; license?: string };
  if (license === undefined) throw new Error(`${folder}/package.json has no "license"`);
  return { folder, name, version, license };
}

/** The folder of the package that a file belongs to: the innermost one. */
export function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** Texts of a package's licence files. @throws Error when there is none: copies must carry it. */
function licenceText(folder: string): string {
  const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  if (files.length === 0) throw new Error(`${folder} has no licence file`);
  return files
    .sort()
    .map((file) => readFileSync(join(root, folder, file), "utf8").trim())
    .join("\n\n");
}

/** Packages in our bundles, with the bundles that contain them. */
function bundledPackages(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const program of bundleNames) {
    const folders = bundledFiles(program).flatMap((file) => packageFolder(file) ?? []);
    for (const folder of new Set(folders)) found.set(folder, [...(found.get(folder) ?? []), program]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The list of third-party software and its licences, as `THIRD-PARTY.md` has it. */
export function thirdParty(): string {
  const bundled = [...bundledPackages()].map(([folder, programs]) => ({ ...readPackage(folder), programs }));
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const installed = Object.keys(manifest.dependencies).map((name) => readPackage(`node_modules/${name}`));
  const texts = bundled.map(({ folder, name }) => `### ${name}\n\n\`\`\`\n${licenceText(folder)}\n\`\`\`\n`);
  return `${[
    "# Third-party software",
    "",
    "Written by `npm run licences`; a unit test compares this file with what that would write.",
    "",
    "## In the programs that run in a cluster, in the command `mesh` and in its page",
    "",
    ...(bundled.length === 0
      ? [`The bundles (${bundleNames.join(", ")}) contain no code but this repository's own.`]
      : [
          row(["package", "version", "licence", "in"]),
          row(["---", "---", "---", "---"]),
          ...bundled.map((one) => row([one.name, one.version, one.license, one.programs.join(", ")])),
          "",
          ...texts,
        ]),
    "",
    "## Installed by npm for `pulumi up`",
    "",
    "Nothing of these is distributed with this repository; each brings its own licence and further packages.",
    "",
    row(["package", "version", "licence"]),
    row(["---", "---", "---"]),
    ...installed.map((one) => row([one.name, one.version, one.license])),
    "",
    "## Images that a site runs by default",
    "",
    "Pulled by the cluster from their publishers: Knot DNS (GPL-2.0-or-later) and Node.js (MIT and others, see its own LICENSE).",
  ].join("\n")}\n`.replaceAll(/\n{3,}/g, "\n\n");
}
