import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { CopyStore, Keeping, StoredCopy } from "../../../../../src/agents/sidecar/keys/copy-store";
import { Seal } from "../../../../../src/agents/sidecar/keys/sealing";
import { type KeptKeys, replacement } from "../../../../../src/contract/kept-keys";
import { KnotVolume } from "../../../../../src/knot/config/volume";

/** The id of a key. */
export const keyId = (digit: number): string => String(digit).repeat(40);

/** A volume with a key database, as far as its files go. */
export class FakeVolume implements AsyncDisposable {
  readonly layout: KnotVolume;
  #written = 0;

  private constructor(readonly folder: string) {
    this.layout = new KnotVolume(folder);
  }

  static async make(): Promise<FakeVolume> {
    return new FakeVolume(await mkdtemp(join(tmpdir(), "mesh-keys-")));
  }

  /** Keys that were written a minute ago, and as many seconds later as there were writes before. */
  async write(data: string, ...keys: readonly number[]): Promise<void> {
    const { keys: folder } = this.layout;
    const when = Date.now() / 1000 - 60 + ++this.#written;
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, "keys"), { recursive: true });
    await writeFile(join(folder, "data.mdb"), data);
    for (const key of keys) await writeFile(join(folder, "keys", `${keyId(key)}.pem`), `private ${key}`);
    await utimes(join(folder, "data.mdb"), when, when);
    await utimes(join(folder, "keys"), when, when);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A store in memory. */
export class FakeStore implements CopyStore {
  readonly name = "a store";
  readonly isFetched = false;
  readonly lookEveryMs = 60_000;
  readonly patienceMs = 0;
  copy: KeptKeys | undefined;
  up = true;
  asked = 0;
  reads = 0;

  constructor(private readonly secret = "s".repeat(64)) {}

  seal(): Promise<Seal> {
    return Promise.resolve(new Seal(this.secret));
  }

  fingerprint(): Promise<string> {
    return Promise.resolve("");
  }

  read(): Promise<StoredCopy> {
    this.reads++;
    if (!this.up) return Promise.resolve({ kind: "unknown", reason: "the store is away" });
    return Promise.resolve(this.copy === undefined ? { kind: "none" } : { kind: "copy", copy: this.copy });
  }

  keep(copy: KeptKeys): Promise<Keeping> {
    this.asked++;
    if (!this.up) return Promise.reject(new Error("the store is away"));
    const result = replacement(this.copy, copy);
    if (result.kind === "refused") return Promise.resolve(result);
    this.copy = copy;
    return Promise.resolve({ kind: "kept" });
  }
}
