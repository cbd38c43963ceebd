import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

import { cacheDir } from "../tools/cache";

/** The plugins that have a stand-in, with the name that it goes by: the real ones cannot be built from what package registries have. */
const standIns = {
  random: "pulumi-resource-random",
  tls: "pulumi-resource-tls",
  vault: "pulumi-resource-vault",
  nodejs: "pulumi-language-nodejs",
} as const;

/**
 * The folder with the stand-ins for Pulumi's plugins, to be put first on PATH: the engine prefers what it finds there over
 * a download. Bundled once for each content and kept in the cache folder (`$DNS_MESH_CACHE`, default `~/.cache/dns-mesh`), since a
 * plugin is started several times in each `up`.
 */
export async function pluginsFolder(): Promise<string> {
  const bundled = await build({
    entryPoints: [join(__dirname, "main.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minifySyntax: true,
    write: false,
    logLevel: "silent",
  });
  const text = bundled.outputFiles[0]?.text ?? "";
  const id = createHash("sha256").update(text).update(process.execPath).digest("hex").slice(0, 16);
  const folder = join(cacheDir(), "plugins", id);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, "plugins.js"), `require("node:module").enableCompileCache?.();\n${text}`);
  for (const [name, program] of Object.entries(standIns)) {
    const path = join(draft, program);
    await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${join(folder, "plugins.js")}" ${name} "$@"\n`);
    await chmod(path, 0o755);
  }
  await rename(draft, folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error;
  });
  return folder;
}
