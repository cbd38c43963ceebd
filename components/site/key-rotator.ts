import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { rotatorEnvironment } from "../../src/contract/environments";
import { commonLabels, objects, paths, rotatorLabels } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions } from "../object-options";
import { commonFiles, configMapFiles, programPod, variables } from "./program-pod";
import { createAccount } from "./role";
import { vaultAccess, vaultFilePath } from "./trust-files";
import { dnsPolicy, vaultReach } from "./vault-reach";

/** What {@link KeyRotator} needs. */
export interface KeyRotatorArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly packet: WelcomePacket;
}

/**
 * Looks every few minutes whether the key ring in Vault is due, and takes the next step of a rotation. Runs at each
 * catalog site; Vault's compare-and-set lets one of them win. It has no API token.
 */
export class KeyRotator extends pulumi.ComponentResource {
  constructor(name: string, args: KeyRotatorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:KeyRotator", name, {}, opts);
    const metadata = { name: "key-rotator", namespace: args.namespace, labels: commonLabels };
    const account = createAccount(this, name, { account: "key-rotator", namespace: args.namespace });
    new k8s.batch.v1.CronJob(
      name,
      { metadata, spec: cronJobSpec(args) },
      objectOptions(this, { dependsOn: [account] }),
    );
    this.registerOutputs({});
  }
}

function cronJobSpec(args: KeyRotatorArgs): k8s.types.input.batch.v1.CronJobSpec {
  return {
    schedule: args.config.rotatorSchedule,
    concurrencyPolicy: "Forbid",
    startingDeadlineSeconds: 120,
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 3,
    jobTemplate: {
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: 240,
        template: { metadata: { labels: rotatorLabels }, spec: podSpec(args) },
      },
    },
  };
}

function podSpec({ config, packet }: KeyRotatorArgs): k8s.types.input.core.v1.PodSpec {
  const access = vaultAccess(packet, "rotator");
  return programPod({
    name: "key-rotator",
    config,
    args: [`${paths.bundle}/rotator.js`, "run"],
    env: variables(rotatorEnvironment, { ...commonFiles, vaultFile: vaultFilePath("rotator") }),
    resources: config.resources.rotator,
    hasToken: false,
    dnsPolicy: dnsPolicy(vaultReach(packet, config)),
    files: [configMapFiles(objects.rotatorBundle, paths.bundle), access],
    pod: { restartPolicy: "Never" },
  });
}
