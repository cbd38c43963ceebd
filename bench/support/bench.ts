import { basename } from "node:path";

import { isInPrivateNetwork, rerunInPrivateNetwork } from "../../lab/namespaces";
import { UserError } from "../../src/base/errors";
import { helpText, type Options, readOptions, type Values } from "./options";

/** What a file of `bench` measures, and how it is called on the command line. */
export interface Bench<O extends Options = Options> {
  /** What is measured, for `--help`. */
  readonly about: string;
  readonly options: O;
  /** Seconds that it takes, start included, on two cores with nothing beside it: roughly. */
  readonly seconds: (values: Values<O>) => number;
  /** The smallest form in which everything is still measured: arguments. */
  readonly smallest: readonly string[];
  /** Runs as root in a network namespace of its own. */
  readonly needsPrivateNetwork?: true;
  /** Returns what `--json` prints. What it prints besides is for people. */
  readonly run: (values: Values<O>) => Promise<object> | object;
}

/** A bench whose options are no longer known by name. */
export interface NamedBench {
  /** Of `npm run bench:NAME`, and of its file. */
  readonly name: string;
  readonly about: string;
  readonly smallest: readonly string[];
  /** What `--help` prints. */
  help(): string;
  /** How long it takes with these arguments. @throws UserError for arguments that it does not take. */
  secondsOf(args: readonly string[]): number;
}

/**
 * Makes a bench, and runs it when its file is the program: with `--help` nothing is measured; otherwise it says how long it
 * will take, measures, and with `--json` prints what it found as one JSON object on the last line. A mistake in the options,
 * or of the machine, is told without a stack.
 */
export function defineBench<O extends Options>(file: NodeJS.Module, bench: Bench<O>): NamedBench {
  const secondsOf = (args: readonly string[]): number => bench.seconds(readOptions(bench.options, args));
  const help = (): string => {
    const about = `${bench.about}\n\nTakes ${durationText(secondsOf([]))} with the defaults, on two cores with nothing beside it.`;
    return helpText(bench.options, about);
  };
  if (require.main === file) void runBench(bench, help);
  return { name: basename(file.filename, ".ts"), about: bench.about, smallest: bench.smallest, help, secondsOf };
}

async function runBench<O extends Options>(bench: Bench<O>, help: () => string): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help());
    return;
  }
  try {
    const values = readOptions(bench.options, args);
    if (bench.needsPrivateNetwork && !isInPrivateNetwork()) {
      process.exitCode = await rerunInPrivateNetwork();
      return;
    }
    console.error(`This takes ${durationText(bench.seconds(values))} on two cores with nothing beside it.`);
    const result = await bench.run(values);
    if (values.json) console.log(JSON.stringify(result));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** Such as "some 40 seconds", "some 12 minutes", "some 3.5 hours": no more exact than an estimate is. */
export function durationText(seconds: number): string {
  if (seconds < 95) return `some ${Math.max(5, Math.ceil(seconds / 5) * 5)} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes < 95 ? `some ${minutes} minutes` : `some ${Math.round(seconds / 1800) / 2} hours`;
}
