import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { cacheDir } from "../tools/cache";
import { withLock } from "../tools/lock";
import { run } from "../tools/run";

const prefix = "store-";

/** A containerd of its own that imports archives and ends: `sh -c SCRIPT FOLDER ARCHIVE…`, with its settings in the folder. */
const importing = `
containerd --config "$0/containerd.toml" >"$0/log" 2>&1 &
server=$!
ctr() { command ctr --address "$0/socket" --namespace k8s.io "$@"; }
tries=0
until ctr version >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { cat "$0/log" >&2; exit 1; }
  sleep 0.1
done
for archive; do ctr images import "$archive" || exit 1; done
kill $server
wait $server || true
`;

/**
 * A folder that containerd can begin with as its own root, with all of these archives imported: clusters get links to its files, which
 * takes a tenth of importing them once more each. Kept beside the archives.
 */
export async function ensureImageStore(archives: readonly string[]): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify([importing, ...archives.map((file) => basename(file))]));
  const folder = join(cacheDir(), "images");
  const store = join(folder, prefix + key.digest("hex").slice(0, 12));
  if (existsSync(store)) return store;
  return withLock(`${store}.lock`, async () => {
    if (!existsSync(store)) await makeStore(store, archives);
    dropOld(folder, store);
    return store;
  });
}

async function makeStore(store: string, archives: readonly string[]): Promise<void> {
  const draft = `${store}.${process.pid}`;
  const scratch = mkdtempSync(join(tmpdir(), "dns-mesh-store-"));
  const settings = [
    "version = 2",
    `root = "${draft}"`,
    `state = "${join(scratch, "state")}"`,
    `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]`,
    "[grpc]",
    `address = "${join(scratch, "socket")}"`,
  ];
  try {
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(scratch, "containerd.toml"), `${settings.join("\n")}\n`);
    const apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
    await run("unshare", [...apart, "sh", "-c", importing, scratch, ...archives], { timeoutMs: 120_000 });
    renameSync(draft, store);
  } finally {
    for (const left of [draft, scratch]) rmSync(left, { recursive: true, force: true });
  }
}

/** Removes stores of earlier images, when no run of today can want them. */
function dropOld(folder: string, own: string): void {
  for (const name of readdirSync(folder).filter((one) => /^store-[0-9a-f]{12}$/.test(one) && one !== basename(own))) {
    const path = join(folder, name);
    if (Date.now() - statSync(path).mtimeMs > 24 * 3_600_000) rmSync(path, { recursive: true });
  }
}

/**
 * Gives a cluster's containerd the store as its root, which is not there yet: links, or copies where the cluster is on another file
 * system, and copies of what containerd writes in place.
 */
export async function placeStore(store: string, root: string): Promise<void> {
  await run("cp", ["-al", store, root]).catch(async () => {
    rmSync(root, { recursive: true, force: true });
    await run("cp", ["-a", store, root]);
  });
  const written = readdirSync(store, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.startsWith("io.containerd.") && name.split("/").length === 2 && name.endsWith(".db"),
  );
  for (const name of written) await run("cp", ["-a", "--remove-destination", join(store, name), join(root, name)]);
}
