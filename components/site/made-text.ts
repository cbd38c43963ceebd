import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/**
 * A random text that a stack makes once and keeps in its state: a secret. A new stack in the place of one whose state was
 * lost is given the text that is in use, and makes none.
 */
export function madeText(name: string, given: string | undefined, parent: pulumi.Resource): pulumi.Output<string> {
  if (given !== undefined) return pulumi.secret(given);
  return pulumi.secret(new random.RandomPassword(name, { length: 64, special: false }, { parent }).result);
}
