import * as pulumi from "@pulumi/pulumi";

/**
 * Keeps a whole stack from `destroy` while it is protected. It has nothing in it and depends on all that is in the stack, so that a
 * destroy begins with it, is refused, and deletes nothing: not even without the preview that would find what is protected beforehand
 * (`--skip-preview`, the Automation API). What is in the stack can still be replaced, and go when its time has come.
 */
export class Safeguard extends pulumi.ComponentResource {
  constructor(args: { readonly stack: pulumi.ComponentResource; readonly protect: boolean }) {
    super("dnsmesh:index:Safeguard", "safeguard", {}, { protect: args.protect, dependsOn: args.stack });
    this.registerOutputs();
  }
}
