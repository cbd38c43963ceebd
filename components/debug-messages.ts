import * as pulumi from "@pulumi/pulumi";

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
