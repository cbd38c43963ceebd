import { createRequire } from "node:module";

import * as pulumi from "@pulumi/pulumi";

const marked = Symbol.for("dns-mesh.no-promise-stacks");

type DebuggablePromise = <T>(promise: Promise<T>, context: string) => Promise<T>;

/** What Pulumi's types leave out: it registers a promise, so that one that never ends is reported. */
const registry = createRequire(__filename)("@pulumi/pulumi/runtime/debuggable") as {
  debuggablePromise: DebuggablePromise & { [marked]?: true };
};

/**
 * Keeps Pulumi from writing down a stack for each of its promises, of which it shows one only where `PULUMI_DEBUG_PROMISE_LEAKS` is
 * set. With source maps, which Pulumi's runner and tsx switch on, the stacks take most of a program's time. Promises that never end
 * are reported as before.
 */
export function dropPromiseStacks(env: NodeJS.ProcessEnv = process.env): void {
  const original = registry.debuggablePromise;
  if (env["PULUMI_DEBUG_PROMISE_LEAKS"] || original[marked]) return;
  const withoutStack: DebuggablePromise = (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return original(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
  };
  registry.debuggablePromise = Object.assign(withoutStack, { [marked]: true as const });
}

/**
 * Keeps Pulumi from writing down, for each resource, the stack in which it was made: it goes into the stack's state and nowhere else, and
 * names lines of the one file that the program is made. With source maps it takes a tenth of what a program without changes does.
 */
export function dropResourceStacks(): void {
  // What Pulumi's types leave out: the frames, none of which has to be there.
  const resource = pulumi.Resource as unknown as { callsites: () => readonly object[] };
  resource.callsites = () => [];
}
