import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { run } from "../tools/run";

/** What people need in a container when they look around; all are the one busybox. */
const applets = [
  "sh",
  "cat",
  "cp",
  "grep",
  "id",
  "kill",
  "ls",
  "mkdir",
  "mv",
  "ps",
  "rm",
  "sleep",
  "test",
  "touch",
  "wc",
];

/** Starts a root file system: Debian's merged folders, users that containers run as, places to write to. */
export function createRoot(root: string): void {
  for (const folder of [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "etc",
    "tmp",
    "proc",
    "sys",
    "dev",
    "storage",
    "rundir",
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(root, folder));
  chmodSync(join(root, "tmp"), 0o1777);
  const users = [
    "root:x:0:0:root:/:/bin/sh",
    "knot:x:53:53:Knot DNS:/storage:/bin/sh",
    "node:x:1000:1000:Node:/tmp:/bin/sh",
  ];
  writeFileSync(join(root, "etc/passwd"), users.join("\n") + "\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nknot:x:53:\nnode:x:1000:\n");
}

/** Copies a file into the root, under another path when told. Links are followed. */
export function addFile(root: string, source: string, target: string): void {
  mkdirSync(dirname(join(root, target)), { recursive: true });
  copyFileSync(source, join(root, target));
}

/** Adds the machine's static busybox under the names of a few commands. */
export function addBusybox(root: string): void {
  const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error("no busybox: Debian's package is busybox-static");
  addFile(root, busybox, "usr/bin/busybox");
  for (const applet of applets) symlinkSync("busybox", join(root, "usr/bin", applet));
}

/** The shared libraries that a program loads, by the path each has. `loader` is what asks, with its own folder of libraries. */
export async function libraries(program: string, loader?: { path: string; folder: string }): Promise<string[]> {
  const listing = loader
    ? await run(loader.path, ["--library-path", loader.folder, "--list", program])
    : await run("ldd", [program]);
  return listing.split("\n").flatMap((line) => /(?:=> |^\s*)(\/\S+)/.exec(line)?.[1] ?? []);
}
