import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

import { type Epoch, type SignedEpoch, signEpoch } from "../../src/mesh/epoch";

/** What {@link EpochSigner} signs. */
export interface EpochSignerArgs {
  readonly directoryZone: string;
  readonly epoch: Epoch;
}

/**
 * Signs which site has the primary catalog (ADR 0030). The key is for this alone, stays in the shared stack's state
 * (encrypted), and is no property of this class.
 */
export class EpochSigner extends pulumi.ComponentResource {
  readonly epoch: pulumi.Output<SignedEpoch>;
  /** PEM of the public key. */
  readonly publicKey: pulumi.Output<string>;

  constructor(name: string, { directoryZone, epoch }: EpochSignerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:EpochSigner", name, {}, opts);
    // Ed25519 signs the same way each time: with ECDSA each `up` would change the directory.
    const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ED25519" }, { parent: this });
    this.epoch = pulumi.unsecret(
      pulumi.secret(key.privateKeyPemPkcs8).apply((pem) => signEpoch(directoryZone, epoch, pem)),
    );
    this.publicKey = key.publicKeyPem;
    this.registerOutputs({ epoch: this.epoch, publicKey: this.publicKey });
  }
}
