import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels } from "../../src/contract/names";
import { objectOptions, patiently } from "../object-options";

/**
 * The namespace of everything that a site has, with Pod Security `restricted` enforced. Deleting it would delete the
 * volumes, so it is protected unless the stack says otherwise.
 */
export class SiteNamespace extends pulumi.ComponentResource {
  /** Its name, known once it exists: what is created in it waits for it. */
  readonly name: pulumi.Output<string>;

  constructor(
    name: string,
    args: { readonly namespace: string; readonly protect: boolean },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dnsmesh:site:SiteNamespace", name, {}, opts);
    const namespace = new k8s.core.v1.Namespace(
      name,
      {
        metadata: {
          name: args.namespace,
          labels: {
            ...commonLabels,
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/audit": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
          },
        },
      },
      objectOptions(this, { protect: args.protect, customTimeouts: patiently }),
    );
    this.name = namespace.metadata.name;
    this.registerOutputs({ name: this.name });
  }
}
