import { existsSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";

import { isAborted } from "../../base/clock";
import type { LogFile } from "../mesh-access";
import type { LogPlace, LogSource, ReadOptions } from "./gather";

/** Milliseconds between looks at a file that is followed. */
const lookMs = 200;
const pieceOctets = 64 * 1024;

/**
 * The logs of a lab's site, which are files.
 *
 * @param access - The file that names them: it goes when the lab ends.
 */
export function fileLogs(site: string, files: readonly LogFile[], access: string): LogPlace {
  return {
    site,
    look: () =>
      Promise.resolve(existsSync(access) ? { sources: files.map((file) => sourceOf(file)), failures: [] } : undefined),
  };
}

function sourceOf({ file, ...origin }: LogFile): LogSource {
  return { origin, key: file, isOver: false, read: (options) => readFile(file, options) };
}

/** What was written before, in a file that was put aside when it was full, and then the file. */
async function readFile(file: string, { follow, signal, onLine }: ReadOptions): Promise<void> {
  const former = await openIfThere(`${file}.1`);
  if (former !== undefined) await new Lines(former, onLine).end();
  let lines = await openLines(file, onLine);
  while (lines !== undefined) {
    await lines.more();
    if (!follow || isAborted(signal)) return lines.end();
    if (await lines.isAside(file)) {
      await lines.end();
      lines = await openLines(file, onLine);
    } else await delay(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

async function openLines(file: string, onLine: (line: string) => void): Promise<Lines | undefined> {
  const handle = await openIfThere(file);
  return handle && new Lines(handle, onLine);
}

/** A program that has not written anything has no file. */
async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole lines of a file that grows. */
class Lines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #piece = Buffer.alloc(pieceOctets);
  #rest = "";

  constructor(
    private readonly handle: FileHandle,
    private readonly onLine: (line: string) => void,
  ) {}

  /** Gives the lines that came since. */
  async more(): Promise<void> {
    for (;;) {
      const { bytesRead } = await this.handle.read(this.#piece, 0, pieceOctets);
      if (bytesRead === 0) return;
      const lines = (this.#rest + this.#decoder.write(this.#piece.subarray(0, bytesRead))).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.onLine(line);
    }
  }

  /** Gives what is left, and closes the file. */
  async end(): Promise<void> {
    await this.more();
    await this.handle.close();
  }

  /** Whether another file has its name by now, or none. */
  async isAside(file: string): Promise<boolean> {
    const [own, named] = [await this.handle.stat(), await stat(file).catch(() => undefined)];
    return named?.ino !== own.ino;
  }
}
