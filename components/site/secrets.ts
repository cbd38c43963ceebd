import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { commonLabels, objects } from "./names";
import type { Welcome } from "./welcome";

/** What {@link SiteSecrets} needs. */
export interface SiteSecretsArgs extends Pick<Welcome, "packet" | "ring" | "issued"> {
  readonly namespace: pulumi.Input<string>;
}

/** What {@link opaqueSecret} is made from. Contents by file name. */
export interface SecretArgs {
  readonly name: string;
  readonly namespace: pulumi.Input<string>;
  readonly type: "Opaque" | "kubernetes.io/tls";
  readonly files: Readonly<Record<string, pulumi.Output<string>>>;
}

/** A Secret of Kubernetes whose contents stay secret on the way. */
export function opaqueSecret(name: string, args: SecretArgs, parent: pulumi.Resource): k8s.core.v1.Secret {
  const data = Object.fromEntries(
    Object.entries(args.files).map(([file, content]) => [
      file,
      pulumi.secret(content).apply((text) => Buffer.from(text).toString("base64")),
    ]),
  );
  const metadata = { name: args.name, namespace: args.namespace, labels: commonLabels };
  return new k8s.core.v1.Secret(name, { metadata, type: args.type, data }, objectOptions(parent));
}

/**
 * The key ring and the site's certificate with its key, as files for the pods. Changes reach running pods. What Vault or
 * cert-manager gives is not here.
 */
export class SiteSecrets extends pulumi.ComponentResource {
  /** Changes with the content. */
  readonly hash: pulumi.Output<string>;

  constructor(name: string, args: SiteSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:SiteSecrets", name, {}, opts);
    const { namespace, packet } = args;
    const made: pulumi.Output<string>[] = [pulumi.output(packet.ca)];
    if (args.ring !== undefined) {
      const ring = args.ring.apply((document) => JSON.stringify(document));
      const files = { "ring.json": ring };
      const keys = opaqueSecret(`${name}-keys`, { name: objects.keys, namespace, type: "Opaque", files }, this);
      made.push(ring, keys.metadata.name);
    }
    if (args.issued !== undefined && packet.certificates !== "cert-manager") {
      const certificate = args.issued.apply((issued) => issued.certificate);
      const key = args.issued.apply((issued) => issued.privateKey);
      const files = { "tls.crt": certificate, "tls.key": key, "ca.crt": pulumi.output(packet.ca) };
      const tls = opaqueSecret(`${name}-tls`, { name: objects.tls, namespace, type: "kubernetes.io/tls", files }, this);
      made.push(certificate, tls.metadata.name);
    }
    this.hash = pulumi.all(made).apply((contents) => contentHash(...contents));
    this.registerOutputs({});
  }
}
