import { join } from "node:path";

import { cachedRoot, type DebianSoftware, ensureRoot, wrapProgram } from "./debian";
import { compareVersions, linkTool, onPath, type Progress } from "./install";
import { run } from "./run";

/** Earlier ones than this know no catalog zones. */
const nsd: DebianSoftware = { name: "nsd", oldest: "4.9.0", packages: ["nsd"] };

/** Puts `nsd` in the cache's `bin`: the machine's when it is recent enough, otherwise Debian unstable's. */
export async function ensureNsd(progress: Progress): Promise<void> {
  const own = await machineNsd();
  if (own !== undefined) {
    linkTool("nsd", own);
    return;
  }
  await ensureRoot(nsd, progress);
  const root = cachedRoot(nsd);
  if (root) wrapProgram("nsd", { program: join(root.path, "usr/sbin/nsd"), loader: root.loader });
}

async function machineNsd(): Promise<string | undefined> {
  const path = onPath("nsd");
  if (path === undefined) return undefined;
  const version = /NSD version (\d+\.\d+\.\d+)/.exec(await run(path, ["-v"]).catch(() => ""))?.[1];
  return version !== undefined && compareVersions(version, nsd.oldest) >= 0 ? path : undefined;
}
