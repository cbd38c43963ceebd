import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../tools/run";

/** How a container of an image starts when its pod says nothing else. */
export interface ImageSettings {
  /** Full name with tag. */
  readonly name: string;
  readonly command: readonly string[];
  /** Such as `53:53`. @default root */
  readonly user?: string;
}

const architectures: Partial<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Hexadecimal SHA-256 of a file. */
async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

/**
 * Packs a folder as an image of one layer, in the archive format of `docker save`, which `ctr images import` reads.
 * Times and owners are fixed, so the same files make the same image. The archive appears when it is complete.
 */
export async function packImage(root: string, settings: ImageSettings, archive: string): Promise<void> {
  const draft = `${archive}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const fixed = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  await run("tar", [...fixed, "-C", root, "-cf", join(draft, "layer.tar"), "."]);
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    config: {
      Cmd: settings.command,
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...(settings.user !== undefined && { User: settings.user }),
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${await digest(join(draft, "layer.tar"))}`] },
  });
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  writeFileSync(join(draft, configName), config);
  const manifest = [{ Config: configName, RepoTags: [settings.name], Layers: ["layer.tar"] }];
  writeFileSync(join(draft, "manifest.json"), JSON.stringify(manifest));
  await run("tar", ["-C", draft, "-cf", join(draft, "image"), "manifest.json", configName, "layer.tar"]);
  renameSync(join(draft, "image"), archive);
  rmSync(draft, { recursive: true });
}
