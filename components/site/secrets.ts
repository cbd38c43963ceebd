import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { commonLabels, objects } from "./names";

/** What {@link SiteSecrets} needs. */
export interface SiteSecretsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  readonly secrets: pulumi.Output<WelcomeSecrets>;
}

/** The key ring and the site's certificate with its key, as files for the pods. Changes reach running pods. */
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
    this.hash = pulumi
      .all([ring, secrets.certificate, keys.metadata.name, tls.metadata.name])
      .apply(([keyRing, certificate]) => contentHash(keyRing, certificate, args.packet.ca));
    this.registerOutputs({});
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
