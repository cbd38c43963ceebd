import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../src/base/errors";

/** What Pulumi shows without a stack trace when it stands for a {@link UserError}; anything else as it is. */
export function asRunError(error: unknown): unknown {
  return error instanceof UserError ? new pulumi.RunError(messageOf(error)) : error;
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
