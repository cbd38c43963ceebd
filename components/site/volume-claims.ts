import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { claimName } from "../../src/preflight/storage";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions, unawaited } from "../object-options";

/** What {@link VolumeClaims} needs. */
export interface VolumeClaimsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: Pick<SiteConfig, "replicas" | "storageSize">;
  readonly statefulSet: k8s.apps.v1.StatefulSet;
}

/**
 * Lets each pod's volume grow with the setting. A StatefulSet's own templates cannot be changed, and have no say over
 * claims that are there; the claims themselves can grow under running pods.
 */
export class VolumeClaims extends pulumi.ComponentResource {
  constructor(name: string, args: VolumeClaimsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:VolumeClaims", name, {}, opts);
    for (let ordinal = 0; ordinal < args.config.replicas; ordinal++) {
      const annotations = { "pulumi.com/patchForce": "true", ...unawaited };
      new k8s.core.v1.PersistentVolumeClaimPatch(
        `${name}-${ordinal}`,
        {
          metadata: { name: claimName(ordinal), namespace: args.namespace, annotations },
          spec: { resources: { requests: { storage: args.config.storageSize } } },
        },
        // Claims outlive pods and StatefulSet, and a size cannot be taken back.
        objectOptions(this, { dependsOn: [args.statefulSet], retainOnDelete: true }),
      );
    }
    this.registerOutputs({});
  }
}
