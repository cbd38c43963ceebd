import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { longestGap } from "../../src/base/schedule";
import { commonLabels, podPorts } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import { type Ages, defaultAges } from "../../src/monitoring/alert-rule";
import { dashboardFile, dashboardText } from "../../src/monitoring/dashboard";
import {
  operatorApi,
  type OperatorKind,
  podMonitorSpec,
  probeName,
  probeSpec,
  type Scraped,
  scraped,
  scrapeMarks,
} from "../../src/monitoring/objects";
import { type ProbedSite, probesOf, requireFewProbes } from "../../src/monitoring/probes";
import { ruleFile } from "../../src/monitoring/rule-file";
import type { MonitoringConfig } from "../../src/settings/site-parts";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions, unawaited } from "../object-options";

/** What {@link Monitoring} needs. */
export interface MonitoringArgs {
  readonly namespace: pulumi.Output<string>;
  readonly config: SiteConfig;
  readonly monitoring: MonitoringConfig;
  readonly packet: Pick<WelcomePacket, "site">;
  /** Every site of the mesh, where probes ask them. */
  readonly sites: readonly ProbedSite[];
}

/**
 * What a cluster's Prometheus and Grafana find of the site. Pods stay as they are: an annotation of theirs would restart them, and
 * which site they are they do not know.
 */
export class Monitoring extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Monitoring", name, {}, opts);
    const { config, monitoring } = args;
    const programs: readonly Scraped[] = [
      "knot",
      ...(config.records === false ? [] : (["record-operator"] as const)),
      ...(config.resolver ? (["resolver"] as const) : []),
    ];
    for (const program of programs) {
      if (monitoring.scrape === "annotations") this.createService(`${name}-${program}`, program, args);
      if (monitoring.scrape === "operator")
        this.create(`${name}-${program}`, args, {
          kind: "PodMonitor",
          object: program,
          spec: podMonitorSpec(program, config.site),
        });
    }
    if (monitoring.scrape === "operator") {
      if (monitoring.rules) this.createRules(`${name}-rules`, args);
      this.createProbes(name, args);
    }
    if (monitoring.dashboard) this.createDashboard(`${name}-dashboard`, args.namespace);
    this.registerOutputs({});
  }

  private create(
    name: string,
    { namespace, monitoring }: MonitoringArgs,
    { kind, object, spec }: { readonly kind: OperatorKind; readonly object: string; readonly spec: object },
  ): void {
    const labels = { ...monitoring.labels, ...commonLabels };
    new k8s.apiextensions.CustomResource(
      name,
      { apiVersion: operatorApi, kind, metadata: { name: object, namespace, labels }, spec },
      objectOptions(this),
    );
  }

  private createRules(name: string, args: MonitoringArgs): void {
    const { config, monitoring } = args;
    const { groups } = ruleFile(
      {
        sites: [config.site],
        isOnlyThese: true,
        hasOperator: config.records !== false,
        ages: agesOf(config),
      },
      monitoring.runbooks,
    );
    this.create(name, args, { kind: "PrometheusRule", object: "dns-mesh", spec: { groups } });
  }

  private createProbes(name: string, args: MonitoringArgs): void {
    const { config, monitoring, packet, sites } = args;
    if (monitoring.probes === undefined) return;
    const { prober } = monitoring.probes;
    for (const probe of probesOf(probedZones(monitoring, packet), { sites, port: config.remotePort })) {
      const object = probeName(probe);
      this.create(`${name}-${object}`, args, {
        kind: "Probe",
        object,
        spec: probeSpec(probe, { prober, site: config.site }),
      });
    }
  }

  /** Headless, for pods that are not ready as well: those have the most to say. */
  private createService(name: string, program: Scraped, { namespace, config }: MonitoringArgs): void {
    const { annotations, labels } = scrapeMarks(program, { site: config.site, port: podPorts.http });
    new k8s.core.v1.Service(
      name,
      {
        metadata: {
          name: `${program}-metrics`,
          namespace,
          labels: { ...labels, ...commonLabels },
          annotations: { ...annotations, ...unawaited },
        },
        spec: {
          type: "ClusterIP",
          clusterIP: "None",
          publishNotReadyAddresses: true,
          selector: scraped[program].podLabels,
          ports: [{ name: "http", port: podPorts.http, protocol: "TCP", targetPort: podPorts.http }],
        },
      },
      objectOptions(this),
    );
  }

  /** The sidecar of Grafana's usual charts takes ConfigMaps with this label. */
  private createDashboard(name: string, namespace: pulumi.Input<string>): void {
    new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { name: "dns-mesh-dashboard", namespace, labels: { ...commonLabels, grafana_dashboard: "1" } },
        data: { [dashboardFile]: dashboardText() },
      },
      objectOptions(this),
    );
  }
}

/** Which zones the site's Probes ask for. */
function probedZones({ probes }: MonitoringConfig, packet: Pick<WelcomePacket, "site">): readonly string[] {
  return probes === undefined ? [] : (probes.zones ?? packet.site.zones.map(({ name }) => name));
}

/**
 * Looks at settings that only the mesh shows to be too much.
 *
 * @throws UserError when there would be too many Probes.
 */
export function requireFewObjects(args: Pick<MonitoringArgs, "monitoring" | "packet" | "sites">): void {
  requireFewProbes(probedZones(args.monitoring, args.packet), args.sites);
}

/** Three runs that are missing are no accident. */
function agesOf({ backups, reconcilerSchedule }: Pick<SiteConfig, "backups" | "reconcilerSchedule">): Ages {
  const late = (schedule: string): number => (3 * longestGap(schedule)) / 1000;
  return {
    ...defaultAges,
    reconciler: late(reconcilerSchedule),
    ...(backups && { backup: late(backups.schedule), drill: late(backups.drillSchedule) }),
  };
}
