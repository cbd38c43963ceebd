import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../src/errors";
import { cacheDir } from "./cache";
import { cached, compareVersions, installed, linkTool, onPath, writeWrapper, type Progress } from "./install";
import { withLock } from "./lock";
import { run } from "./run";

/** The oldest Knot that the mesh runs: earlier ones have a TSIG forgery. */
const oldestKnot = "3.5.8";

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
  /** What starts them outside their own root: the dynamic linker and its libraries. Absent for the machine's own Knot. */
  readonly loader?: { readonly path: string; readonly folder: string };
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
  return version === undefined || compareVersions(version, oldestKnot) < 0 ? undefined : { version, programs };
}

function cachedKnot(): KnotSource | undefined {
  const fitting = cached(/^knot-\d[\d.]*$/).filter((name) => compareVersions(name, `knot-${oldestKnot}`) >= 0);
  const name = fitting.pop();
  if (name === undefined) return undefined;
  const root = join(cacheDir(), name);
  const triplet = readdirSync(join(root, "usr/lib")).find((folder) => folder.includes("-linux-gnu")) ?? "";
  const folder = join(root, "usr/lib", triplet);
  const linker = readdirSync(folder).find((file) => file.startsWith("ld-linux")) ?? "";
  const programs = new Map(Object.entries(knotPrograms).map(([program, path]) => [program, join(root, path)]));
  return { version: name.slice("knot-".length), programs, loader: { path: join(folder, linker), folder } };
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
  if (!(await machineKnot()) && !cachedKnot()) {
    await withLock(join(cacheDir(), "locks", "knot"), async () => {
      if (!cachedKnot()) await buildRoot(progress);
    });
  }
  const { programs, loader } = await knotSource();
  for (const [name, path] of programs) {
    if (!loader) linkTool(name, path);
    else writeWrapper(name, `#!/bin/sh\nexec "${loader.path}" --library-path "${loader.folder}" "${path}" "$@"\n`);
  }
}

/** Makes a Debian unstable root with Knot in it. Its version is known when it is there, and then names its folder. */
async function buildRoot(progress: Progress): Promise<void> {
  const folder = await installed(
    { title: `Knot ${oldestKnot} or newer`, folder: "knot-new", usual: "2 to 3 min", build: bootstrap },
    progress,
  );
  const status = readFileSync(join(folder, "var/lib/dpkg/status"), "utf8");
  const version = /^Package: knot\n(?:.+\n)*?Version: (?:\d+:)?([\d.]+)/m.exec(status)?.[1];
  if (version === undefined || compareVersions(version, oldestKnot) < 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new UserError(
      `Debian unstable at this mirror has Knot ${version ?? "nowhere"}; ${oldestKnot} or newer is needed`,
    );
  }
  const home = join(cacheDir(), `knot-${version}`);
  if (!existsSync(home)) renameSync(folder, home);
}

/** In a mount namespace of its own: what debootstrap mounts goes with it, even when it is killed. */
async function bootstrap(root: string, tell: Progress): Promise<void> {
  const mirror = await debianMirror();
  const apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const include = "--include=knot,knot-dnsutils,knot-exporter,knot-keymgr";
  await run("unshare", [...apart, "debootstrap", "--variant=minbase", include, "sid", root, mirror], {
    timeoutMs: 20 * 60_000,
    onLine: tell,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  for (const waste of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    rmSync(join(root, waste), { recursive: true, force: true });
  }
}

/** The mirror that this machine's apt gets Debian from. `DNS_MESH_DEBIAN_MIRROR` names another. */
async function debianMirror(): Promise<string> {
  const set = process.env["DNS_MESH_DEBIAN_MIRROR"];
  if (set !== undefined) return set;
  const format = "$(REPO_URI) $(ORIGIN) $(COMPONENT) $(CODENAME)";
  const targets = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const mirror = chooseMirror(targets);
  if (mirror !== undefined) return mirror;
  throw new UserError("apt knows no Debian mirror here (run apt-get update), and DNS_MESH_DEBIAN_MIRROR names none");
}

/** The first mirror with Debian itself among `uri origin component codename` lines; security updates lie elsewhere. */
export function chooseMirror(targets: string): string | undefined {
  const rows = targets.split("\n").map((line) => line.split(" "));
  return rows.find(([, origin, component, codename]) => {
    return origin === "Debian" && component === "main" && codename !== undefined && !codename.includes("-");
  })?.[0];
}
