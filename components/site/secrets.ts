import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { TsigKey, WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { tsigKeyFrom } from "../tsig-key";
import { commonLabels, objects } from "./names";

/** What {@link SiteSecrets} needs. */
export interface SiteSecretsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  readonly secrets: pulumi.Output<WelcomeSecrets>;
  /** Keys of servers outside the mesh. */
  readonly readers: pulumi.Input<readonly TsigKey[]>;
}

/**
 * The key ring, the site's certificate with its key, the key by which the site's own programs read from its Knot, and
 * those of servers outside the mesh: a Secret each, as files for the pods. Changes reach running pods.
 */
export class SiteSecrets extends pulumi.ComponentResource {
  /** Changes with the content. */
  readonly hash: pulumi.Output<string>;

  constructor(name: string, args: SiteSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:SiteSecrets", name, {}, opts);
    const secrets = pulumi.secret(args.secrets);
    const ring = secrets.apply(({ keyRing }) => JSON.stringify(keyRing));
    const keys = this.createSecret(`${name}-keys`, args.namespace, {
      name: objects.keys,
      type: "Opaque",
      files: { "ring.json": ring },
    });
    const tls = this.createSecret(`${name}-tls`, args.namespace, {
      name: objects.tls,
      type: "kubernetes.io/tls",
      files: {
        "tls.crt": secrets.certificate,
        "tls.key": secrets.privateKey,
        "ca.crt": pulumi.output(args.packet.ca),
      },
    });
    const localKey = this.createLocalKey(name);
    const local = this.createSecret(`${name}-local-key`, args.namespace, {
      name: objects.localKey,
      type: "Opaque",
      files: { "key.json": localKey },
    });
    const readers = pulumi.secret(args.readers).apply((all) => JSON.stringify(all));
    const outside = this.createSecret(`${name}-readers`, args.namespace, {
      name: objects.readers,
      type: "Opaque",
      files: { "readers.json": readers },
    });
    const written = [keys, tls, local, outside].map(({ metadata }) => metadata.name);
    const contents = pulumi.all([ring, secrets.certificate, localKey, readers]);
    this.hash = pulumi
      .all([contents, pulumi.all(written)])
      .apply(([[keyRing, certificate, key, others]]) => contentHash(keyRing, certificate, args.packet.ca, key, others));
    this.registerOutputs({});
  }

  private createLocalKey(name: string): pulumi.Output<string> {
    const password = new random.RandomPassword(`${name}-local`, { length: 64, special: false }, { parent: this });
    return pulumi.secret(password.result).apply((text) => JSON.stringify(tsigKeyFrom("local", text)));
  }

  private createSecret(
    name: string,
    namespace: pulumi.Input<string>,
    o: { name: string; type: string; files: Record<string, pulumi.Output<string>> },
  ): k8s.core.v1.Secret {
    const data = Object.fromEntries(
      Object.entries(o.files).map(([file, content]) => [
        file,
        content.apply((text) => Buffer.from(text).toString("base64")),
      ]),
    );
    return new k8s.core.v1.Secret(
      name,
      { metadata: { name: o.name, namespace, labels: commonLabels }, type: o.type, data },
      objectOptions(this),
    );
  }
}
