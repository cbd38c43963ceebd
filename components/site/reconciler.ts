import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { reconcilerEnvironment } from "../../src/contract/environments";
import type { Report } from "../../src/contract/mesh-status";
import { readStatus } from "../../src/contract/mesh-status";
import { commonLabels, objects, paths, reconcilerLabels } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import type { DelegationRecords } from "../../src/mesh/name-servers";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions } from "../object-options";
import { commonFiles, configMapFiles, programPod, variables } from "./program-pod";
import { allow, createAccount } from "./role";

/** What {@link Reconciler} needs. */
export interface ReconcilerArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly packet: Pick<WelcomePacket, "site" | "vault" | "delegates">;
}

/**
 * Every few minutes, the Kubernetes side of healing: the network policy for peers, each pod's applied state against the plan, and reports.
 * Its role names each object that it may touch.
 */
export class Reconciler extends pulumi.ComponentResource {
  /** What the site's signed zones want of their parents, as the last pass reported it; left out where no zone is signed. */
  readonly signedZones?: pulumi.Output<Record<string, ZoneKeys>>;
  /** What parents outside the mesh should have, as the last pass reported it; left out where nobody sees to NS records. */
  readonly delegations?: pulumi.Output<Record<string, DelegationRecords>>;

  constructor(name: string, args: ReconcilerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Reconciler", name, {}, opts);
    const status = this.createStatus(name, args.namespace);
    const isSigned = args.packet.site.zones.some(({ dnssec }) => dnssec !== false);
    const delegates = args.packet.delegates === true;
    const report = isSigned || delegates ? this.readReport(name, status) : undefined;
    if (isSigned && report) this.signedZones = report.apply((known) => byZone(known?.dnssec));
    if (delegates && report) this.delegations = report.apply((known) => byZone(known?.delegations));
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
  private readReport(name: string, status: k8s.core.v1.ConfigMap): pulumi.Output<Report | undefined> {
    const now = k8s.core.v1.ConfigMap.get(`${name}-status-now`, status.id, { parent: this });
    return now.data.apply((data: Readonly<Record<string, string>> | undefined) => {
      // None in a preview of the first time.
      return readStatus({ ...(data !== undefined && { data }) }).report;
    });
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

/** Empty until the reconciler has reported. */
function byZone<T extends { readonly zone: string }>(zones: readonly T[] = []): Record<string, Omit<T, "zone">> {
  return Object.fromEntries(zones.map(({ zone, ...rest }) => [zone, rest]));
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
