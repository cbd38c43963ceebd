import { mkdir, rename, rm, statfs, writeFile } from "node:fs/promises";

import { run } from "../harness/tools/run";

/** A site's volume as a file system of its own, that can be full or read-only. Needs root; nothing of the site may run when it is made. */
export class SmallVolume implements AsyncDisposable {
  private constructor(private readonly folder: string) {}

  /** Puts an empty file system of so many octets in the place of a folder, which is made. */
  static async make(folder: string, octets: number): Promise<SmallVolume> {
    await mkdir(folder, { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", `size=${octets},mode=755`, "lab-volume", folder]);
    return new SmallVolume(folder);
  }

  /** Puts what stands in a folder onto a file system of so many octets, in its place. */
  static async mount(folder: string, octets: number): Promise<SmallVolume> {
    const aside = `${folder}.aside`;
    await rename(folder, aside);
    await SmallVolume.make(folder, octets);
    await run("cp", ["-a", `${aside}/.`, folder]);
    await rm(aside, { recursive: true });
    return new SmallVolume(folder);
  }

  /** Leaves no octet free. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    // What is written until there is no more room stays.
    await writeFile(this.#filler, Buffer.alloc((bavail + 1) * bsize)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    });
  }

  /** Takes away what {@link fill} wrote. */
  async empty(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  /** @param access - `ro` or `rw`; nothing may be open for writing */
  async remount(access: "ro" | "rw"): Promise<void> {
    await run("mount", ["-o", `remount,${access}`, this.folder]);
  }

  /** Takes it away, with all that it holds. */
  async unmount(): Promise<void> {
    await run("umount", ["--lazy", this.folder]);
  }

  /** Puts what it has back into a plain folder. Nothing of the site may run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const aside = `${this.folder}.aside`;
    await run("cp", ["-a", this.folder, aside]);
    await this.unmount();
    await rm(this.folder, { recursive: true });
    await rename(aside, this.folder);
  }

  get #filler(): string {
    return `${this.folder}/filler`;
  }
}
