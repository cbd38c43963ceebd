import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../base/errors";
import type { SiteConfig } from "../settings/site-settings";

/** Outputs of a stack by name. What another release wrote may have any shape. */
export type FormerOutputs = Readonly<Record<string, unknown>>;

/** A stack that was looked for. */
export type FoundStack = { readonly kind: "found"; readonly outputs: FormerOutputs } | { readonly kind: "missing" };

/**
 * What this stack said when it was brought up last; undefined before the first time. The checks that keep zones and
 * signatures go by it, so that they must not run without it.
 *
 * @throws UserError when the outputs cannot be read.
 */
export async function formerOutputs(): Promise<FormerOutputs | undefined> {
  const stack = pulumi.getStack();
  try {
    const found = await findStack(qualified(stack));
    return found.kind === "found" ? found.outputs : undefined;
  } catch (error) {
    throw unreadable(stack, error);
  }
}

/** That a stack's outputs cannot be read, by which a check goes. */
export function unreadable(stack: string, error: unknown): UserError {
  return new UserError(
    `what stack "${stack}" said when it was brought up last cannot be read: ${messageOf(error)}; the checks against losing zones go by it. ` +
      `Nothing was changed; make it readable (pulumi stack output -s ${stack}), and run this again`,
    { cause: error },
  );
}

/** The full name of a stack of this project. */
export function qualified(stack: string): string {
  return [pulumi.getOrganization(), pulumi.getProject(), stack].join("/");
}

/**
 * Looks a stack up by its full name. Unlike a StackReference, it does not end the run where there is none.
 *
 * @throws UserError with the reason alone, when the stack is there, or may be, and cannot be read.
 */
export async function findStack(name: string): Promise<FoundStack> {
  try {
    const result: unknown = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name });
    return { kind: "found", outputs: (result as { outputs?: FormerOutputs }).outputs ?? {} };
  } catch (error) {
    const reason = messageOf(error).replace(/^.*returned an error: /s, "");
    // The engine's words for a stack that its backend does not have.
    if (/\bunknown stack\b/.test(reason)) return { kind: "missing" };
    throw new UserError(reason, { cause: error });
  }
}

/**
 * Refuses a stack that is pointed at another site or another namespace than it brought up: everything would be made anew
 * there and deleted here, volumes with keys and zones included.
 *
 * @throws UserError with the cure.
 */
export function requireSamePlace(
  config: Pick<SiteConfig, "site" | "namespace">,
  former: FormerOutputs | undefined,
): void {
  for (const key of ["site", "namespace"] as const) {
    const before = former?.[key];
    if (typeof before !== "string" || before === config[key]) continue;
    throw new UserError(
      `dns-mesh:${key} is "${config[key]}", and this stack has brought up "${before}": all of that would be deleted, volumes included. ` +
        `Nothing was changed; set dns-mesh:${key} to "${before}", or use a stack of its own for the other one`,
    );
  }
}
