import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The text of a file; undefined when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  return absentIs(undefined, () => readFile(path, "utf8"));
}

/** Whether a file or folder is there. One that cannot be looked at is an error. */
export async function isThere(path: string): Promise<boolean> {
  return absentIs(false, async () => {
    await stat(path);
    return true;
  });
}

/** Names in a folder, sorted; none when there is no such folder. */
export async function listFolder(path: string): Promise<readonly string[]> {
  return (await absentIs([], () => readdir(path))).sort();
}

/** Makes a folder and those above it. */
export async function ensureFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Takes a file away, if it is there. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Moves a file, if it is there, over what stands at its new place. */
export async function moveFile(from: string, to: string): Promise<void> {
  await ensureFolder(dirname(to));
  await absentIs(undefined, () => rename(from, to));
}

/**
 * Replaces a file as one step: whoever reads it sees the old text or the new, also after a crash or a loss of power.
 * The hidden temporary name escapes the globs of Knot's configuration.
 *
 * @param mode - Of the file, from its first moment.
 */
export async function writeAtomically(path: string, text: string, mode = 0o640): Promise<void> {
  const folder = dirname(path);
  await ensureFolder(folder);
  const temporary = join(folder, `.${basename(path)}.new`);
  const file = await open(temporary, "w", mode);
  try {
    await file.writeFile(text, "utf8");
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(folder);
}

/**
 * Makes a file that is not there yet, as one step: it is there whole, or not at all.
 *
 * @throws Error with the code EEXIST when it is there, which stays as it is.
 */
export async function createAtomically(path: string, text: string, mode = 0o640): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  await writeAtomically(temporary, text, mode);
  try {
    await link(temporary, path);
  } finally {
    await removeFile(temporary);
  }
  await syncFolder(dirname(path));
}

/** Makes what was created, renamed or removed in a folder last over a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * A text that changes whenever one of the files does. Symbolic links are followed, so that the swap of a mounted
 * ConfigMap or Secret shows.
 */
export async function fingerprint(paths: readonly string[]): Promise<string> {
  const parts = paths.map((path) =>
    absentIs("-", async () => {
      const { ino, mtimeMs, size } = await stat(path);
      return `${ino}:${mtimeMs}:${size}`;
    }),
  );
  return (await Promise.all(parts)).join(" ");
}

/** What reading gives, or something else when there is no such file or folder. Any other failure stays one. */
export async function absentIs<T>(absent: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return absent;
    throw error;
  }
}
