import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, knotLabels } from "../../src/contract/names";
import type { FixedRuntime } from "../../src/knot/config/site-runtime";
import type { Transport } from "../../src/mesh/model";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions } from "../object-options";
import { knotPodTemplate, leavingSeconds } from "./knot-pod";
import { annotationsOfOthers } from "./pod-restart";
import type { PodKind } from "./pod-volumes";
import { createAccount } from "./role";
import type { TrustFiles } from "./trust-files";

/** What {@link KnotServer} needs. */
export interface KnotServerArgs extends PodKind {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly runtime: Omit<FixedRuntime, "replicas">;
  readonly trust: TrustFiles;
  readonly transport: Transport;
  readonly restartHash: string;
  /** Where pods look names up. */
  readonly dnsPolicy: string;
}

/**
 * Knot's pods, each with a volume of its own. Pod 0 writes; volumes outlive their pods, the StatefulSet and any change
 * of the number of replicas.
 */
export class KnotServer extends pulumi.ComponentResource {
  readonly statefulSet: k8s.apps.v1.StatefulSet;

  constructor(name: string, args: KnotServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:KnotServer", name, {}, opts);
    const account = createAccount(this, name, { account: "knot", namespace: args.namespace });
    this.statefulSet = this.createStatefulSet(name, args, account);
    this.createDisruptionBudget(name, args.namespace);
    this.registerOutputs({});
  }

  private createStatefulSet(
    name: string,
    args: KnotServerArgs,
    account: k8s.core.v1.ServiceAccount,
  ): k8s.apps.v1.StatefulSet {
    const { config } = args;
    const storage = {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: config.storageSize } },
      ...(config.storageClass !== undefined && { storageClassName: config.storageClass }),
    };
    return new k8s.apps.v1.StatefulSet(
      name,
      {
        metadata: { name: "knot", namespace: args.namespace, labels: commonLabels },
        spec: {
          serviceName: "knot-headless",
          replicas: config.replicas,
          podManagementPolicy: "Parallel",
          persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
          selector: { matchLabels: knotLabels },
          template: knotPodTemplate(args),
          volumeClaimTemplates: [{ metadata: { name: "storage" }, spec: storage }],
        },
      },
      // No template can be changed; VolumeClaims lets the claims themselves grow.
      objectOptions(this, {
        dependsOn: [account],
        ignoreChanges: ["spec.volumeClaimTemplates", annotationsOfOthers],
        customTimeouts: rolloutTimeouts(config),
      }),
    );
  }

  /** At most one pod away at a time. A minimum instead would block the drain of a node when there is one replica. */
  private createDisruptionBudget(name: string, namespace: pulumi.Input<string>): void {
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-budget`,
      {
        metadata: { name: "knot", namespace, labels: commonLabels },
        spec: { maxUnavailable: 1, selector: { matchLabels: knotLabels } },
      },
      objectOptions(this),
    );
  }
}

/** Pods leave one after the other, each as slowly as it is told to. */
function rolloutTimeouts(config: SiteConfig): pulumi.CustomTimeouts {
  const most = `${600 + config.replicas * leavingSeconds(config)}s`;
  return { create: "10m", update: most, delete: most };
}
