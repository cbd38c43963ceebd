import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../src/base/errors";

/** What Pulumi shows without a stack trace when it stands for a {@link UserError}; anything else as it is. */
export function asRunError(error: unknown): unknown {
  return error instanceof UserError ? new pulumi.RunError(messageOf(error)) : error;
}

/**
 * Runs a program and waits until all that it makes is registered, so that a resource whose inputs cannot be had makes the program
 * fail. The Automation API takes a program that returned for a whole one (3.259.0): the engine would delete the resource, and
 * all that depends on it, before it says what failed.
 *
 * @throws what the first such resource was refused by.
 */
export async function wholly<T>(program: () => Promise<T>): Promise<T> {
  const failures: unknown[] = [];
  const note = (reason: unknown): void => {
    failures.push(reason);
  };
  // Node reports rejections once the turn in which they happened is over: those of an earlier run in this process, too.
  await new Promise(setImmediate);
  process.on("unhandledRejection", note);
  try {
    const outputs = await program();
    await (pulumi.runtime as unknown as { readonly waitForRPCs: () => Promise<void> }).waitForRPCs();
    await new Promise(setImmediate);
    if (failures.length > 0) throw failures[0];
    return outputs;
  } finally {
    process.off("unhandledRejection", note);
  }
}

/** The values of a resource or a call in a debug message of the SDK. */
const values = /, (?:resp: |obj=|props=|outs=)[^]*$/;

let isRedacting = false;

/**
 * Removes values from the debug messages of Pulumi's SDK, which log every response of a provider with its secrets in plain text.
 * They go wherever the engine's events go: `pulumi up --debug`, `--event-log`, the Automation API.
 */
export function redactDebugMessages(): void {
  if (isRedacting) return;
  isRedacting = true;
  const log = pulumi.log as { debug: typeof pulumi.log.debug };
  const tell = log.debug;
  log.debug = (message, ...rest) => tell(message.replace(values, ""), ...rest);
}
