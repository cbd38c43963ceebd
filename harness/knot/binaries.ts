import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

import { binDir } from "../tools/cache";

const oldest = [3, 5, 8] as const;

/** Programs of Knot DNS that tests run. */
export interface KnotBinaries {
  readonly knotd: string;
  readonly knotc: string;
  readonly kdig: string;
  readonly keymgr: string;
  readonly knsupdate: string;
}

let found: KnotBinaries | undefined;

/**
 * Paths of Knot 3.5.8 or later: from PATH, otherwise from the tool cache (`$DNS_MESH_CACHE`, `~/.cache/dns-mesh`).
 *
 * @throws Error that names what is missing and where it was looked for.
 */
export function knotBinaries(): KnotBinaries {
  found ??= findBinaries();
  return found;
}

function findBinaries(): KnotBinaries {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), binDir()];
  const folder = folders.find((each) => each !== "" && isRecentKnot(join(each, "knotd")));
  if (folder === undefined)
    throw new Error(`knotd ${oldest.join(".")} or later is neither on PATH nor in the tool cache; run scripts/setup`);
  const [knotd, knotc, kdig, keymgr, knsupdate] = ["knotd", "knotc", "kdig", "keymgr", "knsupdate"].map((name) => {
    const path = join(folder, name);
    accessSync(path, constants.X_OK);
    return path;
  }) as [string, string, string, string, string];
  return { knotd, knotc, kdig, keymgr, knsupdate };
}

function isRecentKnot(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return false;
  }
  const version = /(\d+)\.(\d+)\.(\d+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
  const [major = 0, minor = 0, patch = 0] = version?.slice(1).map(Number) ?? [];
  return major * 1e6 + minor * 1e3 + patch >= oldest[0] * 1e6 + oldest[1] * 1e3 + oldest[2];
}
