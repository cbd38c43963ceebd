import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { KeyRing as Ring } from "../../src/mesh/model";
import { tsigKeyFrom } from "../tsig-key";

/**
 * The TSIG keys of the mesh (RFC 8945): those that are accepted, and the one that signs. One key for now; the ring is
 * there so that a second can be accepted everywhere before anybody signs with it.
 *
 * Secrets come from RandomPassword: the resource id of RandomBytes is the secret in the clear.
 */
export class KeyRing extends pulumi.ComponentResource {
  /** A secret as a whole. */
  readonly ring: pulumi.Output<Ring>;

  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:KeyRing", name, {}, opts);
    const keyName = "mesh-1";
    const password = new random.RandomPassword(`${name}-1`, { length: 64, special: false }, { parent: this });
    this.ring = pulumi.secret(password.result).apply((text) => ({
      signing: keyName,
      accepted: [tsigKeyFrom(keyName, text)],
    }));
    this.registerOutputs({});
  }
}
