import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

import { tsigKeyFrom } from "../../src/dns/tsig-key";
import type { RingDocument, RingKey } from "../../src/keyring/ring-document";

/** What {@link KeyRing} is made from. */
export interface KeyRingArgs {
  /** Which generation of keys signs. One more than before rotates. @default 1 @example 2 */
  readonly generation?: number;
  /** Keys that a former stack made; taken in the place of new ones of their names. A secret. */
  readonly former?: RingDocument | undefined;
}

/**
 * The TSIG keys of the mesh (RFC 8945), by generation: `current` is that of the setting, `previous` and `next` are its
 * neighbours. So two sites that are one generation apart accept each other, in whatever order their stacks are brought
 * up. Each key is a resource with a name of its own that stays the same while the key moves through the ring.
 *
 * Secrets come from RandomPassword: the resource id of RandomBytes is the secret in the clear.
 */
export class KeyRing extends pulumi.ComponentResource {
  private readonly former: ReadonlyMap<string, RingKey>;
  /** Without times: each step is an `up`. A secret as a whole. */
  readonly document: pulumi.Output<RingDocument>;
  /** The ring that Vault starts with: `current` alone. What comes after it is made inside the mesh. A secret as a whole. */
  readonly first: pulumi.Output<RingDocument>;

  constructor(name: string, args: KeyRingArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:KeyRing", name, {}, opts);
    const { previous: older, current: present, next: newer } = args.former ?? {};
    this.former = new Map([older, present, newer].flatMap((key) => (key === undefined ? [] : [[key.name, key]])));
    const generation = args.generation ?? 1;
    const current = this.createKey(name, generation);
    const next = this.createKey(name, generation + 1);
    const previous = generation > 1 ? this.createKey(name, generation - 1) : undefined;
    this.first = current.apply((key): RingDocument => ({ version: 1, current: key }));
    this.document = pulumi.all([previous, current, next] as const).apply(([before, key, after]): RingDocument => ({
      version: 1,
      ...(before && { previous: before }),
      current: key,
      next: after,
    }));
    this.registerOutputs({});
  }

  private createKey(name: string, generation: number): pulumi.Output<RingKey> {
    const former = this.former.get(`mesh-${generation}`);
    if (former !== undefined) return pulumi.secret(former);
    const arguments_ = { length: 64, special: false };
    const password = new random.RandomPassword(`${name}-${generation}`, arguments_, { parent: this });
    return pulumi.secret(password.result).apply((text) => tsigKeyFrom(`mesh-${generation}`, text));
  }
}
