import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { backupJobs } from "../../src/contract/backups";
import { backupEnvironment } from "../../src/contract/environments";
import { backupLabels, commonLabels, objects, paths } from "../../src/contract/names";
import { volumeFolders } from "../../src/knot/config/volume";
import type { ServerReach } from "../../src/policies/site-policies";
import { type BackupsConfig, retentionRules } from "../../src/settings/backup-settings";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions } from "../object-options";
import { fileSecret } from "./file-secret";
import { contentHash } from "./hash";
import { madeText } from "./made-text";
import { containerSecurity } from "./pod-security";
import {
  commonFiles,
  configMapFiles,
  type PodFiles,
  programContainer,
  programPod,
  secretFiles,
  variables,
} from "./program-pod";
import { createAccount } from "./role";
import { dnsPolicy } from "./vault-reach";

type Container = k8s.types.input.core.v1.Container;
type PodSpec = k8s.types.input.core.v1.PodSpec;

/** What backups are made with. */
export interface BackupsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly backups: BackupsConfig;
  readonly site: string;
}

/** What shows the agent that a request is the backup's, as both sides mount it. */
export const backupTokenFile = `${paths.backupToken}/token`;

/** The storage as pods reach it. */
export function storageReach({ endpoint, egress }: BackupsConfig): ServerReach {
  return { address: endpoint, ...(egress && { egress }) };
}

/** Token, repository's password and the storage's keys: a Secret each. The first alone is mounted beside Knot too. */
export class BackupSecrets extends pulumi.ComponentResource {
  /** Changes with what Knot's pods mount. */
  readonly hash: pulumi.Output<string>;

  constructor(name: string, { namespace, config, backups }: BackupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:BackupSecrets", name, {}, opts);
    const token = madeText(`${name}-token`, config.madeKeys.backupToken, this);
    const { password, accessKey, secretKey, caCert } = backups;
    const write = (resource: string, secret: string, files: Readonly<Record<string, pulumi.Output<string>>>) =>
      fileSecret(`${name}-${resource}`, { name: secret, namespace, type: "Opaque", files }, { parent: this });
    const mounted = write("agent", objects.backupToken, { token });
    write("password", objects.backupPassword, { password: pulumi.secret(password) });
    write("storage", objects.backupStorage, {
      "access-key": pulumi.secret(accessKey),
      "secret-key": pulumi.secret(secretKey),
      ...(caCert !== undefined && { "ca.crt": pulumi.output(caCert) }),
    });
    this.hash = pulumi.all([mounted.metadata.name, token]).apply(([, text]) => contentHash(text));
    this.registerOutputs({});
  }
}

/**
 * Backups, drills, and the job that a restore is made from. Their account has no rights and no token for the API server. What
 * backs up sees the folder `backup` of pod 0's volume, and nothing else of it.
 */
export class BackupJobs extends pulumi.ComponentResource {
  constructor(name: string, args: BackupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:BackupJobs", name, {}, opts);
    const account = createAccount(this, name, { account: "backup", namespace: args.namespace });
    const { schedule, drillSchedule } = args.backups;
    const jobs = {
      [backupJobs.backup]: { schedule, pod: volumePod(args, { command: "backup", readOnly: true }) },
      [backupJobs.drill]: { schedule: drillSchedule, pod: drillPod(args) },
      [backupJobs.restore]: {
        schedule: "0 0 1 1 *",
        suspend: true,
        pod: volumePod(args, { command: "restore", readOnly: false }),
      },
    };
    for (const [job, { pod, ...spec }] of Object.entries(jobs)) {
      new k8s.batch.v1.CronJob(
        job === backupJobs.backup ? name : `${name}-${job.replace("backup-", "")}`,
        {
          metadata: { name: job, namespace: args.namespace, labels: commonLabels },
          spec: {
            ...spec,
            concurrencyPolicy: "Forbid",
            startingDeadlineSeconds: 300,
            successfulJobsHistoryLimit: 1,
            failedJobsHistoryLimit: 3,
            jobTemplate: {
              spec: {
                backoffLimit: 0,
                activeDeadlineSeconds: 4 * 3600,
                // Also jobs that are made from these by hand, or by `mesh restore`, which no history limit counts.
                ttlSecondsAfterFinished: 86_400,
                template: { metadata: { labels: backupLabels }, spec: pod },
              },
            },
          },
        },
        objectOptions(this, { dependsOn: [account] }),
      );
    }
    this.registerOutputs({});
  }
}

/** A pod beside pod 0, whose volume it shares: a claim that one node alone may mount must be mounted there. */
function volumePod(args: BackupsArgs, { command, readOnly }: { command: string; readOnly: boolean }): PodSpec {
  const volume = {
    volumes: [{ name: "storage", persistentVolumeClaim: { claimName: "storage-knot-0" } }],
    mounts: [{ name: "storage", mountPath: paths.backup, subPath: volumeFolders.backup, readOnly }],
  };
  const writer = { matchLabels: { "statefulset.kubernetes.io/pod-name": "knot-0" } };
  const beside = { topologyKey: "kubernetes.io/hostname", labelSelector: writer };
  return jobPod(args, {
    files: [volume],
    folder: paths.backup,
    command,
    pod: {
      initContainers: [resticContainer(args)],
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [beside] } },
    },
  });
}

/** Brings the last backup, then compares it in a Knot of its own, which ends with the comparison. */
function drillPod(args: BackupsArgs): PodSpec {
  const { config } = args;
  const scratch = {
    volumes: [{ name: "scratch", emptyDir: {} }],
    mounts: [{ name: "scratch", mountPath: paths.scratch }],
  };
  const pod = jobPod(args, { files: [scratch], folder: paths.scratch, command: "drill" });
  const [drill] = pod.containers as readonly Container[];
  const knot: Container = {
    name: "knot",
    image: config.images.knot,
    imagePullPolicy: config.imagePullPolicy,
    command: ["knotd", "-c", `${paths.scratch}/knot.conf`],
    resources: config.resources.knot,
    securityContext: containerSecurity,
    // Knot keeps its configuration in a temporary folder, and its root is read-only.
    volumeMounts: [...scratch.mounts, { name: "tmp", mountPath: "/tmp" }],
  };
  return {
    ...pod,
    initContainers: [
      resticContainer(args),
      { ...drill, name: "fetch", command: ["node", `${paths.bundle}/backup.js`, "fetch"] },
    ],
    containers: [...(drill ? [drill] : []), knot],
  };
}

function jobPod(
  { config, backups, site }: BackupsArgs,
  job: { files: readonly PodFiles[]; folder: string; command: string; pod?: Partial<PodSpec> },
): PodSpec {
  const { endpoint, bucket, folder = site, region, caCert } = backups;
  const emptyDirs = {
    volumes: [
      { name: "restic", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
    ],
    mounts: [
      { name: "restic", mountPath: paths.restic, readOnly: true },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
  return programPod({
    name: "backup",
    config,
    args: [`${paths.bundle}/backup.js`, job.command],
    env: variables(backupEnvironment, {
      packetFile: commonFiles.packetFile,
      repository: `s3:${endpoint}/${bucket}/${folder}`,
      passwordFile: `${paths.backupPassword}/password`,
      storageFolder: paths.backupStorage,
      tokenFile: backupTokenFile,
      restic: `${paths.restic}/restic`,
      folder: job.folder,
      retention: retentionRules(backups),
      ...(caCert !== undefined && { caFile: `${paths.backupStorage}/ca.crt` }),
      ...(region !== undefined && { region }),
    }),
    resources: config.resources.backup,
    hasToken: false,
    readsZones: false,
    dnsPolicy: dnsPolicy(storageReach(backups)),
    files: [
      secretFiles(objects.backupToken, paths.backupToken),
      secretFiles(objects.backupPassword, paths.backupPassword),
      secretFiles(objects.backupStorage, paths.backupStorage),
      configMapFiles(objects.backupBundle, paths.bundle),
      emptyDirs,
      ...job.files,
    ],
    pod: { restartPolicy: "Never", ...job.pod },
    container: { terminationMessagePolicy: "FallbackToLogsOnError" },
  });
}

/** Copies the static program out of its own image. */
function resticContainer({ config }: BackupsArgs): Container {
  return {
    ...programContainer({
      name: "restic",
      config,
      args: [],
      env: [],
      mounts: [{ name: "restic", mountPath: paths.restic }],
      resources: config.resources.backup,
    }),
    image: config.images.restic,
    command: ["cp", "/usr/bin/restic", `${paths.restic}/restic`],
  };
}
