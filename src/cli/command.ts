import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { messageOf, UserError } from "../base/errors";

/** What a command's help says of it. */
export interface CommandText {
  /** Name and arguments as commander has them: `import [FILE]`. */
  readonly usage: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What it does beyond that, and what it does not. */
  readonly description?: string;
  /** Command lines without `mesh`. */
  readonly examples: readonly string[];
}

/** Puts a command, with its help, into a program or a group of commands. Its options and its action are the caller's. */
export function addCommand(parent: Command, { usage, summary, description, examples }: CommandText): Command {
  const command = parent.command(usage).summary(summary);
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  command.description(description === undefined ? sentence : `${sentence}\n\n${description}`);
  const lines = examples.map((example) => `  mesh ${example}`);
  if (lines.length > 0) command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
  return command;
}

/** Gives a command the option by which all that it prints comes as JSON. */
export function withJson(command: Command): Command {
  return command.option("--json", "prints JSON instead, for programs");
}

/** Prints JSON as all commands do. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Where a command reports while it works: on the standard error when its output is JSON. */
export function progressTo({ json = false }: { readonly json?: boolean | undefined }): (line: string) => void {
  return json ? (line) => void process.stderr.write(`${line}\n`) : console.log;
}

/** The text of a file, `-` for the standard input. Zone files with other octets than UTF-8 would silently mean something else. */
export function textOf(file: string): string {
  let octets: Uint8Array;
  try {
    octets = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch (error) {
    throw new UserError(`${file} is not in UTF-8; write other octets as \\DDD`, { cause: error });
  }
}

/** Puts a file's name before what is wrong in it. */
export function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.replace(/^/gm, `${file}: `), { cause: error });
  }
}
