import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../src/base/errors";

/** What Pulumi shows without a stack trace when it stands for a {@link UserError}; anything else as it is. */
export function asRunError(error: unknown): unknown {
  return error instanceof UserError ? new pulumi.RunError(messageOf(error)) : error;
}

/** What a debug message of the SDK tells of a resource's or a call's values. */
const values = /, (?:resp: |obj=|props=|outs=)[^]*$/;

let isRedacting = false;

/**
 * Cuts values off the debug messages of Pulumi's SDK, which tell every answer of a provider with its secrets in the clear.
 * They go wherever the engine's events go: `pulumi up --debug`, `--event-log`, the Automation API.
 */
export function redactDebugMessages(): void {
  if (isRedacting) return;
  isRedacting = true;
  const log = pulumi.log as { debug: typeof pulumi.log.debug };
  const tell = log.debug;
  log.debug = (message, ...rest) => tell(message.replace(values, ""), ...rest);
}
