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

/** The SDK's own way to tell them; missing while they go there. */
let tell: typeof pulumi.log.debug | undefined;

/**
 * Keeps the debug messages of Pulumi's SDK from the engine, which throws nearly all of them away: each is a call that the next one waits
 * for, and the end of the program for all of them. Where `DNS_MESH_DEBUG=1` asks for them they go, without values: the SDK logs every
 * response of a provider with its secrets in plain text, and they go wherever the engine's events go (`pulumi up --debug`,
 * `--event-log`, the Automation API).
 */
export function dropDebugMessages(env: NodeJS.ProcessEnv): void {
  const log = pulumi.log as { debug: typeof pulumi.log.debug };
  tell ??= log.debug;
  const send = tell;
  const isWanted = env["DNS_MESH_DEBUG"] === "1";
  log.debug = (message, ...rest) => (isWanted ? send(message.replace(values, ""), ...rest) : Promise.resolve());
}
