import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

import { UserError } from "../../../base/errors";
import { fingerprint, listFolder, syncFolder } from "../../../base/files";
import { fields, sha256 } from "../../../base/json";
import type { KnotVolume } from "../../../knot/config/volume";

/** Files of Knot's key database (KASP) by their paths in its folder. Secret. */
export type KeyFiles = ReadonlyMap<string, Buffer>;

/** LMDB's data: states and times of keys, by zone. The lock beside it is made anew. */
const dataFile = "data.mdb";
/** Private keys, each named after its id. */
const pemFolder = "keys";
const pemFile = /^([0-9a-f]{40})\.pem$/;

/** What was written a moment ago may be in the middle of being written. */
const settledMs = 1000;

/**
 * Knot's key database on the volume. Knot writes to it when a key is made, removed, or comes to another state, and at no
 * other time: neither with updates nor with signatures that are made anew [measured on 3.5.8].
 */
export class KeyDatabase {
  readonly #folder: string;
  readonly #former: string;
  readonly #next: string;

  constructor(volume: KnotVolume) {
    this.#folder = volume.keys;
    this.#former = volume.formerKeys;
    this.#next = `${volume.keys}.next`;
  }

  /** Whether there is a private key, and what says whose it is. */
  async hasKeys(): Promise<boolean> {
    return (await modifiedAt(join(this.#folder, dataFile))) > 0 && (await this.#pems()).length > 0;
  }

  /** Changes when the database does. */
  fingerprint(): Promise<string> {
    return fingerprint([join(this.#folder, dataFile), join(this.#folder, pemFolder)]);
  }

  /**
   * Reads the database while Knot runs. LMDB never writes over pages of the two latest transactions, so that whatever is
   * read between two of them is whole; a file that changed meanwhile is not taken.
   *
   * @param now - Milliseconds since 1970.
   * @returns undefined when it has just changed and should be read later.
   */
  async read(now: number): Promise<KeyFiles | undefined> {
    const before = await this.fingerprint();
    const written = await Promise.all([dataFile, pemFolder].map((name) => modifiedAt(join(this.#folder, name))));
    if (written.some((time) => Math.abs(now - time) < settledMs)) return undefined;
    const paths = [dataFile, ...(await this.#pems()).map((name) => join(pemFolder, name))];
    const files = new Map<string, Buffer>();
    try {
      for (const path of paths) files.set(path, await readFile(join(this.#folder, path)));
    } catch (error) {
      // A key that Knot has just removed.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return (await this.fingerprint()) === before ? files : undefined;
  }

  /** Puts a database into the place of the one that stands there, which is put aside. To be called while Knot does not run. */
  async replace(files: KeyFiles): Promise<void> {
    await rm(this.#next, { recursive: true, force: true });
    await mkdir(join(this.#next, pemFolder), { recursive: true, mode: 0o750 });
    for (const [path, content] of files) await writeFile(join(this.#next, path), content, { mode: 0o640, flush: true });
    await syncFolder(join(this.#next, pemFolder));
    await syncFolder(this.#next);
    if ((await this.#pems()).length > 0) {
      await rm(this.#former, { recursive: true, force: true });
      await rename(this.#folder, this.#former);
    } else {
      await rm(this.#folder, { recursive: true, force: true });
    }
    await rename(this.#next, this.#folder);
    await syncFolder(join(this.#folder, ".."));
  }

  async #pems(): Promise<readonly string[]> {
    return (await listFolder(join(this.#folder, pemFolder))).filter((name) => pemFile.test(name));
  }
}

/** Ids of the private keys. */
export function keyIds(files: KeyFiles): readonly string[] {
  return [...files.keys()].flatMap((path) => pemFile.exec(path.slice(pemFolder.length + 1))?.[1] ?? []).sort();
}

/** Equal databases, equal digests. */
export function digestOf(files: KeyFiles): string {
  const parts = [...files].map(([path, content]) => `${path} ${sha256(content)}`);
  return sha256(parts.sort().join("\n"));
}

/** The files in one piece. */
export function pack(files: KeyFiles): Buffer {
  const texts = [...files].map(([path, content]) => [path, content.toString("base64")] as const);
  return gzipSync(JSON.stringify(Object.fromEntries(texts)));
}

/**
 * Takes apart what {@link pack} put together.
 *
 * @throws UserError when it is not that, without anything of it.
 */
export function unpack(packed: Buffer): KeyFiles {
  let found: readonly (readonly [string, unknown])[];
  try {
    found = Object.entries(fields(JSON.parse(gunzipSync(packed).toString("utf8"))));
  } catch {
    throw new UserError("the copy's content cannot be unpacked");
  }
  const files = new Map<string, Buffer>();
  for (const [path, content] of found) {
    const isKey = path.startsWith(`${pemFolder}/`) && pemFile.test(path.slice(pemFolder.length + 1));
    if (typeof content !== "string" || !(isKey || path === dataFile))
      throw new UserError("the copy holds foreign files");
    files.set(path, Buffer.from(content, "base64"));
  }
  if (!files.has(dataFile)) throw new UserError("the copy holds no key database");
  return files;
}

async function modifiedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
