import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { cacheDir } from "../tools/cache";
import { installed, type Progress, recipeHash } from "../tools/install";
import { run } from "../tools/run";
import { dropOld } from "./old";

const prefix = "image-store-";

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
 * takes a tenth of importing them once more each. Kept in the cache.
 */
export async function ensureImageStore(archives: readonly string[], progress: Progress): Promise<string> {
  const folder = `${prefix}${recipeHash(importing, ...archives.map((file) => basename(file)))}`;
  const title = "images for clusters, imported";
  const build = (draft: string): Promise<void> => importInto(draft, archives);
  const store = await installed({ title, folder, usual: "5 s", build }, progress);
  dropOld(cacheDir(), (name) => name.startsWith(prefix) && name !== folder);
  return store;
}

async function importInto(root: string, archives: readonly string[]): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "dns-mesh-store-"));
  const settings = [
    "version = 2",
    `root = "${root}"`,
    `state = "${join(scratch, "state")}"`,
    `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]`,
    "[grpc]",
    `address = "${join(scratch, "socket")}"`,
  ];
  try {
    writeFileSync(join(scratch, "containerd.toml"), `${settings.join("\n")}\n`);
    const apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
    await run("unshare", [...apart, "sh", "-c", importing, scratch, ...archives], { timeoutMs: 120_000 });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
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
