import { join } from "node:path";

import { UserError } from "../../src/base/errors";
import { cachedRoot, type DebianSoftware, ensureRoot, type Loader, wrapProgram } from "./debian";
import { compareVersions, linkTool, onPath, type Progress } from "./install";
import { run } from "./run";

/** Earlier ones than this have a TSIG forgery. */
const knot: DebianSoftware = {
  name: "knot",
  oldest: "3.5.8",
  packages: ["knot", "knot-dnsutils", "knot-keymgr"],
};

/** Where each program of Knot is in a Debian root. */
export const knotPrograms = {
  knotd: "usr/sbin/knotd",
  knotc: "usr/sbin/knotc",
  kdig: "usr/bin/kdig",
  keymgr: "usr/bin/keymgr",
  knsupdate: "usr/bin/knsupdate",
} as const;

/** Knot as it can be run and put in an image. */
export interface KnotSource {
  readonly version: string;
  /** Program by name. */
  readonly programs: ReadonlyMap<string, string>;
  /** What starts them outside their own root. Absent for the machine's own Knot. */
  readonly loader?: Loader;
}

async function machineKnot(): Promise<KnotSource | undefined> {
  const programs = new Map<string, string>();
  for (const name of Object.keys(knotPrograms)) {
    const path = onPath(name);
    if (path === undefined) return undefined;
    programs.set(name, path);
  }
  const said = await run(programs.get("knotd") ?? "", ["--version"]).catch(() => "");
  const version = /\d+\.\d+\.\d+/.exec(said)?.[0];
  return version === undefined || compareVersions(version, knot.oldest) < 0 ? undefined : { version, programs };
}

function cachedKnot(): KnotSource | undefined {
  const root = cachedRoot(knot);
  if (root === undefined) return undefined;
  const programs = new Map(Object.entries(knotPrograms).map(([name, path]) => [name, join(root.path, path)]));
  return { version: root.version, programs, loader: root.loader };
}

/** The Knot to use: the machine's when it is recent enough, otherwise the newest in the cache. */
export async function knotSource(): Promise<KnotSource> {
  const source = (await machineKnot()) ?? cachedKnot();
  if (!source)
    throw new UserError(
      'there is no Knot 3.5.8 or newer yet: ensureTools(["knot"]) (scripts/setup, then npm test) gets it',
    );
  return source;
}

/** Puts Knot's programs in the cache's `bin`. */
export async function ensureKnot(progress: Progress): Promise<void> {
  if (!(await machineKnot())) await ensureRoot(knot, progress);
  const { programs, loader } = await knotSource();
  for (const [name, program] of programs) {
    if (loader) wrapProgram(name, { program, loader });
    else linkTool(name, program);
  }
}
