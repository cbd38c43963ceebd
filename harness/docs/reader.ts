import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { messageOf } from "../../src/base/errors";
import { CommandError, run } from "../tools/run";
import { type Block,isToRun, section } from "./blocks";

/** What a text says to replace, and by what: `["192.0.2.1", "10.77.0.10"]`. */
export type Replacement = readonly [from: string, to: string];

/** Who follows a document. */
export interface ReaderOptions {
  /** Where commands are run. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly replace?: readonly Replacement[];
  /** Milliseconds for a block. @default 600000 */
  readonly timeoutMs?: number;
}

/**
 * Somebody who does what a document says, in its order and to the letter, but for the values that it says to replace. What a block
 * sets in its shell (variables, functions) the next has too.
 */
export class Reader {
  readonly #left: Block[] = [];
  #id = "";

  constructor(private readonly options: ReaderOptions) {}

  /** Turns to a section. @throws Error when the one before was not followed to its end. */
  open(id: string): void {
    this.close();
    this.#id = id;
    this.#left.push(...section(id).blocks.filter(isToRun));
  }

  /** @throws Error when blocks of the section were left out. */
  close(): void {
    const [first] = this.#left;
    if (first !== undefined) throw new Error(`${this.#id} was not followed to its end: ${first.place} was left out`);
  }

  /** The next block, which must be of that language, with its values replaced. */
  next(language: string, replace: readonly Replacement[] = []): string {
    const block = this.#left.shift();
    if (block === undefined) throw new Error(`${this.#id} has no further block`);
    if (block.language !== language) throw new Error(`${block.place} is ${block.language}, not ${language}`);
    for (const [from] of replace)
      if (!block.text.includes(from)) throw new Error(`${block.place} has no "${from}" to replace`);
    return [...replace, ...(this.options.replace ?? [])].reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      block.text,
    );
  }

  /** Runs the next block, of commands, and returns what it prints. */
  async run(replace?: readonly Replacement[], language = "sh"): Promise<string> {
    return this.shell(this.next(language, replace));
  }

  /** Writes the next block, of YAML, into a file of the reader's folder. */
  write(file: string, replace?: readonly Replacement[]): void {
    writeFileSync(join(this.options.folder, file), this.next("yaml", replace));
  }

  /** Runs commands as the reader would, in the shell that earlier ones left. */
  async shell(commands: string): Promise<string> {
    const kept = join(this.options.folder, ".reader-shell");
    const before = existsSync(kept) ? `source ${kept}; ` : "";
    // Bash ends at the first command that fails, and its state is written even so.
    const script = `${before}set -e -o pipefail\n${commands}\n{ declare -f; export -p; } > ${kept}\n`;
    const { folder, env, timeoutMs = 600_000 } = this.options;
    const options = { cwd: folder, timeoutMs, ...(env !== undefined && { env }) };
    return run("bash", ["-c", script], options).catch((error: unknown) => {
      // Pulumi says on its standard output what went wrong.
      const printed = error instanceof CommandError ? error.output.stdout.slice(-3000) : "";
      throw new Error(`${commands}\n${messageOf(error)}\n${printed}`, { cause: error });
    });
  }
}
