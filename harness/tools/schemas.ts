import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../src/base/errors";
import { cacheDir } from "./cache";
import { installed, onPath, type Progress } from "./install";
import { run } from "./run";

/** The Python package that ships the schemas of pipelines as their services publish them. Nothing of it is run. */
const version = "0.39.0";
const folderName = `check-jsonschema-${version}`;

/** Puts the schemas of pipelines into the cache. */
export async function ensureSchemas(progress: Progress): Promise<void> {
  const python = onPath("python3");
  if (python === undefined)
    throw new UserError("python3 is not on PATH: Debian's packages are python3 and python3-venv");
  await installed(
    {
      title: `schemas of pipelines ${version}`,
      folder: folderName,
      usual: "5 s",
      build: async (draft, tell) => {
        const wheels = join(draft, "wheels");
        mkdirSync(wheels, { recursive: true });
        const quietly = ["--quiet", "--no-input", "--disable-pip-version-check"];
        const only = ["--no-deps", "--only-binary=:all:", "--dest", wheels];
        const args = ["-m", "pip", "download", ...quietly, ...only, `check-jsonschema==${version}`];
        await run(python, args, { timeoutMs: 600_000, onLine: tell });
        const [wheel] = readdirSync(wheels);
        if (wheel === undefined) throw new UserError("pip downloaded nothing");
        await run(python, ["-m", "zipfile", "-e", join(wheels, wheel), draft]);
      },
    },
    progress,
  );
}

/** The schema of a service's pipelines, as it publishes it. {@link ensureSchemas} puts it there. */
export function pipelineSchema(service: "gitlab-ci" | "github-workflows"): string {
  return join(cacheDir(), folderName, "check_jsonschema/builtin_schemas/vendor", `${service}.json`);
}
