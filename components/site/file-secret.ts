import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels } from "../../src/contract/names";
import { objectOptions } from "../object-options";

/** What {@link fileSecret} is made from. Contents by file name. */
export interface FileSecretArgs {
  readonly name: pulumi.Input<string>;
  readonly namespace: pulumi.Input<string>;
  readonly type: "Opaque" | "kubernetes.io/tls";
  readonly files: Readonly<Record<string, pulumi.Output<string>>>;
}

/** A Secret of Kubernetes, as files for pods. Its contents are secret on the way, whatever they were before. */
export function fileSecret(
  name: string,
  args: FileSecretArgs,
  opts: pulumi.CustomResourceOptions & { parent: pulumi.Resource },
): k8s.core.v1.Secret {
  const data = Object.fromEntries(
    Object.entries(args.files).map(([file, content]) => [
      file,
      pulumi.secret(content).apply((text) => Buffer.from(text).toString("base64")),
    ]),
  );
  const metadata = { name: args.name, namespace: args.namespace, labels: commonLabels };
  return new k8s.core.v1.Secret(name, { metadata, type: args.type, data }, objectOptions(opts.parent, opts));
}
