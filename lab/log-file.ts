import { appendFileSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";

/** Octets after which a file is put aside, in the place of the one that was put aside before. */
const mostOctets = 2 * 1024 * 1024;

/** The log of a program as a container's runtime keeps it: each line behind the time at which it came. */
export class LogFile {
  #rest = "";
  #octets = 0;
  #isThere = false;

  constructor(
    readonly path: string,
    private readonly options: { readonly now?: () => number; readonly mostOctets?: number } = {},
  ) {}

  /** Takes a piece of what a program writes. A line is written when it is whole. */
  add(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (lines.length === 0) return;
    const time = new Date((this.options.now ?? Date.now)()).toISOString();
    this.#append(lines.map((line) => `${time} ${line}\n`).join(""));
  }

  #append(text: string): void {
    try {
      if (!this.#isThere) mkdirSync(dirname(this.path), { recursive: true });
      if (this.#octets > (this.options.mostOctets ?? mostOctets)) {
        renameSync(this.path, `${this.path}.1`);
        this.#octets = 0;
      }
      appendFileSync(this.path, text);
    } catch (error) {
      // A site that was dropped writes its last lines after its folder went.
      if (!this.#isThere || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    this.#isThere = true;
    this.#octets += Buffer.byteLength(text);
  }
}
