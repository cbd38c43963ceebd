import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { UserError } from "../../src/base/errors";
import { cacheDir } from "./cache";
import { installed, onPath, type Progress, recipeHash, replaceLink } from "./install";
import { run } from "./run";

/** Pythons with packages, each by a file of requirements here. */
const pythons = {
  /** The independent peer of the codec. */
  python: { has: "dnspython", usual: "10 s" },
  /** They check manifests. */
  checkers: { has: "checkov and kubernetes-validate", usual: "2 min" },
} as const;

export type PythonName = keyof typeof pythons;

/** The interpreter of one of them. */
export const pythonOf = (name: PythonName): string => join(cacheDir(), name, "bin", "python3");

/** Makes one of them. */
export async function ensurePython(name: PythonName, progress: Progress): Promise<void> {
  const { has, usual } = pythons[name];
  const requirements = join(__dirname, "python", `${name}.txt`);
  const python = onPath("python3");
  if (python === undefined)
    throw new UserError("python3 is not on PATH: Debian's packages are python3 and python3-venv");
  const version = await run(python, ["-c", "import sys; print(sys.version, sys.prefix)"]);
  const folder = await installed(
    {
      title: `Python with ${has}`,
      folder: `${name}-${recipeHash(version, readFileSync(requirements, "utf8"))}`,
      usual,
      build: async (draft, tell) => {
        await run(python, ["-m", "venv", draft]);
        const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        await run(join(draft, "bin", "python3"), [...pip, "-r", requirements], { timeoutMs: 600_000, onLine: tell });
      },
    },
    progress,
  );
  replaceLink(join(cacheDir(), name), basename(folder));
}
