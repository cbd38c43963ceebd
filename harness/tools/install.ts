import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { binDir, cacheDir } from "./cache";
import { withLock } from "./lock";

/** Is given a line about what goes on. */
export type Progress = (line: string) => void;

/** Something that is built once and kept in a folder of the cache. */
export interface Build {
  /** What it is called in progress lines, such as `kubernetes v1.34.3`. */
  readonly title: string;
  /** Name of its folder, with the version. */
  readonly folder: string;
  /** How long it usually takes on two cores. */
  readonly usual: string;
  /** Fills the (temporary) folder. `tell` reports how far it is. */
  readonly build: (folder: string, tell: Progress) => Promise<void>;
}

/** Short hash of files that decide what is built. */
export function recipeHash(...texts: readonly string[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 8);
}

/**
 * The folder of something in the cache, built first when it isn't there. It appears when it is complete: what a killed build
 * left is swept by the next. Two processes never build the same thing; the second waits and uses it.
 */
export async function installed(what: Build, progress: Progress): Promise<string> {
  const folder = join(cacheDir(), what.folder);
  if (existsSync(folder)) return folder;
  const waiting = (): void => {
    progress(`${what.title}: another process is building it, waiting`);
  };
  await withLock(
    join(cacheDir(), "locks", what.folder),
    async () => {
      if (!existsSync(folder)) await build(what, folder, progress);
    },
    waiting,
  );
  return folder;
}

async function build(what: Build, folder: string, progress: Progress): Promise<void> {
  const drafts = join(cacheDir(), "build");
  const draft = join(drafts, what.folder);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const began = Date.now();
  const seconds = (): string => `${Math.round((Date.now() - began) / 1000)} s`;
  progress(`${what.title}: building it (usually ${what.usual})`);
  let last = "";
  const ticker = setInterval(() => {
    progress(`${what.title}: ${seconds()} so far (usually ${what.usual})${last === "" ? "" : `: ${last}`}`);
  }, 15_000);
  try {
    await what.build(draft, (line) => {
      if (line.trim() !== "") last = line.trim().slice(0, 100);
    });
    renameSync(draft, folder);
    progress(`${what.title}: built in ${seconds()}`);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/** Puts a link in the place of whatever is there. A reader sees the old or the new one (a folder in its place is moved away first). */
export function replaceLink(path: string, target: string): void {
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(draft, { force: true });
  symlinkSync(target, draft);
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present?.isDirectory()) {
    renameSync(path, `${path}.old`);
    rmSync(`${path}.old`, { recursive: true, force: true });
  }
  renameSync(draft, path);
}

/** Makes `bin/NAME` a link to a program of the cache or of the machine. */
export function linkTool(name: string, target: string): void {
  replaceLink(join(binDir(), name), target);
}

/** Makes `bin/NAME` a script. */
export function writeWrapper(name: string, script: string): void {
  const path = join(binDir(), name);
  if (existsSync(path) && readFileSync(path, "utf8") === script) return;
  mkdirSync(binDir(), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, script);
  chmodSync(draft, 0o755);
  renameSync(draft, path);
}

/** A program on PATH, or undefined. The cache's own links don't count. */
export function onPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "" && folder !== binDir());
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return !lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Folders of the cache whose name matches, the highest number last. */
export function cached(pattern: RegExp): string[] {
  if (!existsSync(cacheDir())) return [];
  const names = readdirSync(cacheDir()).filter((name) => pattern.test(name));
  return names.sort((a, b) => compareVersions(a, b));
}

/** Orders texts by the numbers in them. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
