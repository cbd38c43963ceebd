import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { run } from "../harness/tools/run";
import { UserError } from "../src/base/errors";

/**
 * Compiles what lets a site's clock differ, and its agent end in the middle of a file. Returns its path in the folder.
 *
 * @throws UserError without a C compiler.
 */
export async function compileClockShift(folder: string): Promise<string> {
  const library = join(folder, "clock_shift.so");
  const sources = ["clock_shift.c", "torn_write.c"].map((name) => join(__dirname, name));
  try {
    await run("cc", ["-shared", "-fPIC", "-O1", "-o", library, ...sources, "-ldl"]);
  } catch (error) {
    throw new UserError(`clocks cannot be set without a C compiler (cc, of Debian's package gcc)`, { cause: error });
  }
  return library;
}

/** What a program that is started with it has as its environment. */
export function clockEnvironment(library: string, file: string): Record<string, string> {
  return { LD_PRELOAD: library, CLOCK_SHIFT: file };
}

/** What an agent is started with, too, that is killed in the middle of whatever it writes to these folders while a file is there. */
export function tornEnvironment(file: string, folders: readonly string[]): Record<string, string> {
  return { TORN_WHILE: file, TORN_BELOW: folders.join(":") };
}

/** Sets by how many seconds a clock is ahead, negative for behind, of programs that run or are started later. */
export async function setClock(file: string, seconds: number): Promise<void> {
  const octets = Buffer.alloc(8);
  octets.writeBigInt64LE(BigInt(seconds));
  // The file stays the same one: programs have it mapped.
  await writeFile(file, octets, { flag: "r+" }).catch(() => writeFile(file, octets));
}
