import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

import { UserError } from "../../src/base/errors";
import { binDir, cacheDir } from "./cache";
import { cached, compareVersions, installed, linkTool, onPath, type Progress, writeWrapper } from "./install";
import { withLock } from "./lock";
import { run } from "./run";

/** Software that comes from Debian unstable, since releases have too old a one. */
export interface DebianSoftware {
  /** The package that has the version. The folder in the cache is called after it. */
  readonly name: string;
  /** The oldest version that does. */
  readonly oldest: string;
  readonly packages: readonly string[];
  /** Names of packages that they depend on and that are not unpacked. */
  readonly leavesOut?: RegExp;
}

/** A Debian root in the cache: files of packages and of what they depend on, never configured, so that no root is needed. */
export interface DebianRoot {
  readonly path: string;
  readonly version: string;
  /** What starts programs of the root from outside it: its dynamic linker and the folder of its libraries. */
  readonly loader: Loader;
}

/** A dynamic linker and the folder of its libraries. */
export interface Loader {
  readonly path: string;
  readonly folder: string;
}

/** The newest root in the cache that has the software in a version that does. */
export function cachedRoot({ name, oldest }: DebianSoftware): DebianRoot | undefined {
  const folders = cached(new RegExp(`^${name}-\\d[\\d.]*$`));
  const newest = folders.filter((folder) => compareVersions(folder, `${name}-${oldest}`) >= 0).pop();
  if (newest === undefined) return undefined;
  const path = join(cacheDir(), newest);
  return { path, version: newest.slice(name.length + 1), loader: loaderOf(path) };
}

/** Sees to it that {@link cachedRoot} finds one. */
export async function ensureRoot(software: DebianSoftware, progress: Progress): Promise<void> {
  if (cachedRoot(software)) return;
  await withLock(join(cacheDir(), "locks", software.name), async () => {
    if (!cachedRoot(software)) await makeRoot(software, progress);
  });
}

/** Makes `bin/NAME` start a program of a root. */
export function wrapProgram(name: string, wrapped: { readonly program: string; readonly loader: Loader }): void {
  const { path, folder } = wrapped.loader;
  writeWrapper(name, `#!/bin/sh\nexec "${path}" --library-path "${folder}" "${wrapped.program}" "$@"\n`);
}

function loaderOf(root: string): Loader {
  const triplet = readdirSync(join(root, "usr/lib")).find((folder) => folder.includes("-linux-gnu")) ?? "";
  const folder = join(root, "usr/lib", triplet);
  const linker = readdirSync(folder).find((file) => file.startsWith("ld-linux")) ?? "";
  return { path: join(folder, linker), folder };
}

/** Its version is known when it is there, and then names its folder. */
async function makeRoot(software: DebianSoftware, progress: Progress): Promise<void> {
  const { name, oldest } = software;
  const build = { title: `${name} ${oldest} or newer, from Debian unstable`, folder: `${name}-new`, usual: "15 s" };
  const folder = await installed({ ...build, build: (draft, tell) => unpack(software, draft, tell) }, progress);
  const version = readFileSync(join(folder, "version"), "utf8");
  if (compareVersions(version, oldest) < 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new UserError(`Debian unstable at this mirror has ${name} ${version}; ${oldest} or newer is needed`);
  }
  const home = join(cacheDir(), `${name}-${version}`);
  if (!existsSync(home)) renameSync(folder, home);
}

/** Downloads what an empty machine would install, with an apt that knows nothing of this one's packages, and unpacks it. */
async function unpack(software: DebianSoftware, root: string, tell: Progress): Promise<void> {
  const apt = join(root, "apt");
  const options = await emptyMachine(apt);
  const limits = { timeoutMs: 10 * 60_000, onLine: tell };
  await run("apt-get", [...options, "--error-on=any", "update"], limits);
  const install = ["--assume-yes", "--no-install-recommends", "--download-only", "install"];
  await run("apt-get", [...options, ...install, ...software.packages], limits);
  const archives = join(apt, "archives");
  const files = readdirSync(archives).filter((file) => file.endsWith(".deb"));
  const wanted = files.filter((file) => software.leavesOut?.test(file) !== true);
  for (const file of wanted) await run("dpkg-deb", ["--extract", join(archives, file), root], limits);
  const own = files.find((file) => file.startsWith(`${software.name}_`)) ?? "";
  const full = await run("dpkg-deb", ["--field", join(archives, own), "Version"]);
  writeFileSync(join(root, "version"), /^(?:\d+:)?([\d.]+)/.exec(full)?.[1]?.replace(/\.$/, "") ?? "0");
  for (const waste of ["apt", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    rmSync(join(root, waste), { recursive: true, force: true });
  }
}

/** Options for an apt whose machine has no packages and whose only source is Debian unstable. Signatures are checked. */
async function emptyMachine(apt: string): Promise<readonly string[]> {
  for (const folder of ["lists/partial", "archives/partial", "none"]) mkdirSync(join(apt, folder), { recursive: true });
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  writeFileSync(join(apt, "sources"), `deb ${signed}${await debianMirror()} sid main\n`);
  writeFileSync(join(apt, "status"), "");
  const settings = {
    "Dir::State": apt,
    "Dir::State::lists": join(apt, "lists"),
    "Dir::State::status": join(apt, "status"),
    "Dir::Cache": apt,
    "Dir::Cache::archives": join(apt, "archives"),
    "Dir::Etc::sourcelist": join(apt, "sources"),
    "Dir::Etc::sourceparts": join(apt, "none"),
    "Dir::Etc::preferences": join(apt, "none", "preferences"),
    "Dir::Etc::preferencesparts": join(apt, "none"),
    "APT::Default-Release": "",
    "APT::Sandbox::User": "",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
  };
  return ["-qq", ...Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`)];
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

/** A program of Debian's that tests run, and where the package has it. */
interface DebianProgram extends DebianSoftware {
  readonly path: string;
  /** Further programs of the package, beside it. */
  readonly also?: readonly string[];
  /** How one on PATH tells its version. */
  readonly versionArguments: readonly string[];
}

/** Earlier ones than this know no catalog zones. */
const nsd: DebianProgram = {
  name: "nsd",
  oldest: "4.9.0",
  packages: ["nsd"],
  path: "usr/sbin/nsd",
  versionArguments: ["-v"],
};

/** A resolver that validates, of another house than BIND. */
const unbound: DebianProgram = {
  name: "unbound",
  oldest: "1.17.0",
  packages: ["unbound"],
  path: "usr/sbin/unbound",
  versionArguments: ["-V"],
};

/** A resolver of Knot's own house, which validates. Earlier ones than this cannot be told of authoritative servers. */
const knotResolver: DebianProgram = {
  name: "knot-resolver6",
  oldest: "6.4.0",
  packages: ["knot-resolver6"],
  // Its manager, which is not run, is in Python.
  leavesOut: /^(lib)?(python|systemd(?!0)|supervisor)/,
  path: "usr/sbin/kresd",
  versionArguments: ["--version"],
};

/** Earlier ones than this have no exit status of their own for a repository that is not there. */
const restic: DebianProgram = {
  name: "restic",
  oldest: "0.17.0",
  packages: ["restic"],
  path: "usr/bin/restic",
  versionArguments: ["version"],
};

const prometheus: DebianProgram = {
  name: "prometheus",
  oldest: "2.45.0",
  packages: ["prometheus"],
  path: "usr/bin/prometheus",
  also: ["promtool"],
  versionArguments: ["--version"],
};

const blackboxExporter: DebianProgram = {
  name: "prometheus-blackbox-exporter",
  oldest: "0.24.0",
  packages: ["prometheus-blackbox-exporter"],
  path: "usr/bin/prometheus-blackbox-exporter",
  versionArguments: ["--version"],
};

/** Earlier ones than this consume no catalog. Its backend is a library beside it, so that it always comes from a root. */
const powerDns: DebianSoftware = {
  name: "pdns-server",
  oldest: "4.7.0",
  packages: ["pdns-server", "pdns-backend-sqlite3"],
};

/** Where what belongs to `pdns_server` is: the folder of its backends, and the schema of its database. */
export function powerDnsFiles(): { readonly modules: string; readonly schema: string } {
  const root = cachedRoot(powerDns);
  if (root === undefined) throw new UserError("PowerDNS is not in the cache; `ensureTools` puts it there");
  return {
    modules: join(root.loader.folder, "pdns"),
    schema: join(root.path, "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"),
  };
}

/** Puts `pdns_server` and `pdnsutil` in the cache's `bin`, from Debian unstable. */
export async function ensurePowerDns(progress: Progress): Promise<void> {
  await ensureRoot(powerDns, progress);
  const root = cachedRoot(powerDns);
  if (root === undefined) return;
  for (const path of ["usr/sbin/pdns_server", "usr/bin/pdnsutil"])
    wrapProgram(basename(path), { program: join(root.path, path), loader: root.loader });
}

/** Puts `nsd` in the cache's `bin`: the machine's when it is recent enough, otherwise Debian unstable's. */
export const ensureNsd = (progress: Progress): Promise<void> => ensureProgram(nsd, progress);

/** The same of `unbound`. */
export const ensureUnbound = (progress: Progress): Promise<void> => ensureProgram(unbound, progress);

/**
 * Puts `kresd` in the cache's `bin`. It looks for its own files at fixed paths, so that the one from the cache runs with its root as
 * `/`, in which it sees this machine's temporary folders.
 */
export async function ensureKnotResolver(progress: Progress): Promise<void> {
  const own = await machineProgram({ ...knotResolver, name: "kresd" });
  if (own !== undefined) {
    linkTool("kresd", own);
    return;
  }
  const root = await knotResolverRoot(progress);
  const inside = (path: string): string => path.slice(root.path.length);
  const { path, folder } = root.loader;
  const command = `${inside(path)} --library-path ${inside(folder)}:/usr/lib /${knotResolver.path}`;
  writeWrapper(
    "kresd",
    `#!/bin/sh
apart=--user; [ "$(id -u)" = 0 ] && apart=
exec unshare $apart \${apart:+--map-root-user} --mount sh -c 'root=$0
for each in /tmp /dev /proc "\${TMPDIR:-/tmp}"; do mkdir -p "$root$each" && mount --rbind "$each" "$root$each" || exit; done
exec chroot "$root" ${command} "$@"' "${root.path}" "$@"
`,
  );
}

/** A root with Knot Resolver, fetched when it is not there. */
export async function knotResolverRoot(progress: Progress): Promise<DebianRoot> {
  await ensureRoot(knotResolver, progress);
  const root = cachedRoot(knotResolver);
  if (root === undefined) throw new UserError("Knot Resolver is not in the cache");
  return root;
}

/** The program restic itself, which needs nothing but a C library: what `bin` has may be a script around it. */
export function resticProgram(): string {
  const root = cachedRoot(restic);
  return root ? join(root.path, restic.path) : realpathSync(join(binDir(), restic.name));
}

/** The same of `restic`. */
export const ensureRestic = (progress: Progress): Promise<void> => ensureProgram(restic, progress);

/** The same of `prometheus`, `promtool` and `prometheus-blackbox-exporter`. */
export async function ensurePrometheus(progress: Progress): Promise<void> {
  await Promise.all([ensureProgram(prometheus, progress), ensureProgram(blackboxExporter, progress)]);
}

async function ensureProgram(software: DebianProgram, progress: Progress): Promise<void> {
  const { name, also = [] } = software;
  const own = await machineProgram(software);
  if (own !== undefined) {
    linkTool(name, own);
    for (const further of also) linkTool(further, join(dirname(own), further));
    return;
  }
  await ensureRoot(software, progress);
  const root = cachedRoot(software);
  if (root === undefined) return;
  const program = join(root.path, software.path);
  wrapProgram(name, { program, loader: root.loader });
  for (const further of also) wrapProgram(further, { program: join(dirname(program), further), loader: root.loader });
}

async function machineProgram({
  name,
  oldest,
  versionArguments,
  also = [],
}: DebianProgram): Promise<string | undefined> {
  const path = onPath(name);
  if (path === undefined || also.some((further) => !existsSync(join(dirname(path), further)))) return undefined;
  const version = /\d+\.\d+\.\d+/.exec(await run(path, versionArguments).catch(() => ""))?.[0];
  return version !== undefined && compareVersions(version, oldest) >= 0 ? path : undefined;
}
