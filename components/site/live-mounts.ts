import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { objectOptions, unawaited } from "../object-options";

/** What {@link LiveMounts} needs. */
export interface LiveMountsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly replicas: number;
  readonly statefulSet: k8s.apps.v1.StatefulSet;
  /** Change with the content of the ConfigMaps and Secrets that the pods mount. */
  readonly hashes: readonly pulumi.Output<string>[];
}

/**
 * Annotates each running pod with a hash of what it mounts. The kubelet looks at a pod that changed at once, so that a
 * changed mount is there in half a second instead of after up to 74 s. Nothing restarts.
 */
export class LiveMounts extends pulumi.ComponentResource {
  constructor(name: string, args: LiveMountsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:LiveMounts", name, {}, opts);
    const hash = pulumi.all([...args.hashes]).apply((hashes) => hashes.map((text) => text.slice(0, 16)).join("-"));
    for (let ordinal = 0; ordinal < args.replicas; ordinal++) {
      new k8s.core.v1.PodPatch(
        `${name}-${ordinal}`,
        {
          metadata: {
            name: `knot-${ordinal}`,
            namespace: args.namespace,
            annotations: {
              "dns-mesh/mounted": runningPodHash(args.statefulSet, ordinal, hash),
              "pulumi.com/patchForce": "true",
              ...unawaited,
            },
          },
        },
        // The pods are the StatefulSet's: they may be gone when the patch is taken back.
        objectOptions(this, { dependsOn: [args.statefulSet], retainOnDelete: true }),
      );
    }
    this.registerOutputs({});
  }
}

/** The hash, but unknown as long as the pod does not exist: a preview must not try to patch it. */
function runningPodHash(
  statefulSet: k8s.apps.v1.StatefulSet,
  ordinal: number,
  hash: pulumi.Output<string>,
): pulumi.Output<string> {
  const running = pulumi.output(statefulSet.status).apply((status) => {
    // Outputs of a set that was never created, or of mocks, have no status.
    const replicas = (status as typeof status | undefined)?.replicas ?? 0;
    return replicas > ordinal || !pulumi.runtime.isDryRun() ? true : (pulumi.unknown as unknown as boolean);
  });
  return pulumi.all([hash, running]).apply(([text]) => text);
}
