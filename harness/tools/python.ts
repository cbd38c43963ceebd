import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { UserError } from "../../src/base/errors";
import { cacheDir } from "./cache";
import { installed, onPath, type Progress, recipeHash, replaceLink } from "./install";
import { run } from "./run";

/** Makes a Python with the packages of `python/requirements.txt` (dnspython, the independent peer; checkov and kubernetes-validate, which judge manifests) at `python/bin/python3` in the cache. */
export async function ensurePython(progress: Progress): Promise<void> {
  const requirements = join(__dirname, "python", "requirements.txt");
  const python = onPath("python3");
  if (python === undefined)
    throw new UserError("python3 is not on PATH: Debian's packages are python3 and python3-venv");
  const version = await run(python, ["-c", "import sys; print(sys.version, sys.prefix)"]);
  const folder = await installed(
    {
      title: "Python with dnspython and checkov",
      folder: `python-${recipeHash(version, readFileSync(requirements, "utf8"))}`,
      usual: "1 min",
      build: async (draft, tell) => {
        await run(python, ["-m", "venv", draft]);
        const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        await run(join(draft, "bin", "python3"), [...pip, "-r", requirements], { timeoutMs: 600_000, onLine: tell });
      },
    },
    progress,
  );
  replaceLink(join(cacheDir(), "python"), basename(folder));
}
