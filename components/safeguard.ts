import * as pulumi from "@pulumi/pulumi";

import type { Leaving } from "../src/preflight/published";

/**
 * Keeps a whole stack from `destroy` while it is protected. It has nothing in it and depends on all that is in the stack, so that a
 * destroy begins with it, is refused, and deletes nothing: not even without the preview that would find what is protected beforehand
 * (`--skip-preview`, the Automation API). What is in the stack can still be replaced, and go when its time has come.
 */
export class Safeguard extends pulumi.ComponentResource {
  constructor(args: {
    readonly stack: pulumi.ComponentResource;
    readonly protect: boolean;
    /** What leaves the mesh by this `up`, where the stack decides that: for the policy pack, which is shown what stays alone. */
    readonly leaving?: Leaving;
  }) {
    super("dnsmesh:index:Safeguard", "safeguard", {}, { protect: args.protect, dependsOn: args.stack });
    this.registerOutputs(args.leaving && { leaving: args.leaving });
  }
}
