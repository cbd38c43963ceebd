import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { reconcilerEnvironment } from "../../src/contract/environments";
import type { Report } from "../../src/contract/mesh-status";
import { readStatus } from "../../src/contract/mesh-status";
import { commonLabels, objects, paths, reconcilerLabels } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions } from "../object-options";
import { commonFiles, configMapFiles, programPod, variables } from "./program-pod";
import { allow, createAccount } from "./role";

/** What {@link Reconciler} needs. */
export interface ReconcilerArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly packet: Pick<WelcomePacket, "site" | "vault">;
}

/**
 * Every few minutes, the Kubernetes side of healing: the network policy for peers, each pod's applied state against the plan, and reports.
 * Its role names each object that it may touch.
 */
export class Reconciler extends pulumi.ComponentResource {
  /** What the site's signed zones want of their parents, as the last pass reported it; left out where no zone is signed. */
  readonly signedZones?: pulumi.Output<Record<string, ZoneKeys>>;

  constructor(name: string, args: ReconcilerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Reconciler", name, {}, opts);
    const status = this.createStatus(name, args.namespace);
    if (args.packet.site.zones.some(({ dnssec }) => dnssec !== false)) {
      this.signedZones = this.readSignedZones(name, status);
    }
    const access = this.createAccess(name, args);
    this.createCronJob(name, args, access);
    this.registerOutputs({});
  }

  /** Where the reconciler writes what it found. Its data is the reconciler's alone. */
  private createStatus(name: string, namespace: pulumi.Input<string>): k8s.core.v1.ConfigMap {
    return new k8s.core.v1.ConfigMap(
      `${name}-status`,
      { metadata: { name: objects.status, namespace, labels: commonLabels } },
      objectOptions(this, { ignoreChanges: ["data"] }),
    );
  }

  /** Reads what the cluster holds now: Pulumi's state has the data of the creation, which is none. */
  private readSignedZones(name: string, status: k8s.core.v1.ConfigMap): pulumi.Output<Record<string, ZoneKeys>> {
    const now = k8s.core.v1.ConfigMap.get(`${name}-status-now`, status.id, { parent: this });
    return now.data.apply((data) => zoneKeys(data));
  }

  private createAccess(name: string, { namespace, packet }: ReconcilerArgs): pulumi.Resource[] {
    const account = createAccount(this, name, { account: "reconciler", namespace });
    const rules = [...roleRules, ...(packet.vault === undefined ? [zoneKeysRule] : [])];
    const binding = allow(this, name, { account: "reconciler", namespace, rules });
    return [account, binding];
  }

  private createCronJob(name: string, args: ReconcilerArgs, access: pulumi.Resource[]): void {
    new k8s.batch.v1.CronJob(
      name,
      {
        metadata: { name: "reconciler", namespace: args.namespace, labels: commonLabels },
        spec: {
          schedule: args.config.reconcilerSchedule,
          concurrencyPolicy: "Forbid",
          startingDeadlineSeconds: 50,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            spec: {
              backoffLimit: 0,
              activeDeadlineSeconds: 55,
              template: { metadata: { labels: reconcilerLabels }, spec: podSpec(args) },
            },
          },
        },
      },
      objectOptions(this, { dependsOn: access }),
    );
  }
}

/** Keys of a zone, and the DS records that its parent should have. */
export type ZoneKeys = Omit<NonNullable<Report["dnssec"]>[number], "zone">;

/** Empty until the reconciler has reported, and in a preview of the first time. */
function zoneKeys(data: Readonly<Record<string, string>> | undefined): Record<string, ZoneKeys> {
  const { report } = readStatus({ ...(data !== undefined && { data }) });
  return Object.fromEntries((report?.dnssec ?? []).map(({ zone, ...keys }) => [zone, keys]));
}

/** Where the zones' keys are kept without Vault. What it reads there is sealed, and it has not what opens it. */
const zoneKeysRule = {
  apiGroups: [""],
  resources: ["secrets"],
  resourceNames: [objects.zoneKeys],
  verbs: ["get", "patch"],
};

const roleRules = [
  {
    apiGroups: ["networking.k8s.io"],
    resources: ["networkpolicies"],
    resourceNames: [objects.peerPolicy],
    verbs: ["get", "patch"],
  },
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [objects.status], verbs: ["get", "patch"] },
  // What is to be created has no name yet that a rule could list.
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
];

function podSpec({ config }: ReconcilerArgs): k8s.types.input.core.v1.PodSpec {
  return programPod({
    name: "reconciler",
    config,
    args: [`${paths.bundle}/reconciler.js`],
    env: variables(reconcilerEnvironment, commonFiles),
    resources: config.resources.reconciler,
    hasToken: true,
    files: [configMapFiles(objects.reconcilerBundle, paths.bundle)],
    pod: { restartPolicy: "Never" },
  });
}
