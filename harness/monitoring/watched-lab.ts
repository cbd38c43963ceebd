import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { writeAtomically } from "../../src/base/files";
import { defaultAges } from "../../src/monitoring/alert-rule";
import { scraped } from "../../src/monitoring/objects";
import { probeScrapeConfig, probesOf } from "../../src/monitoring/probes";
import { ruleFile } from "../../src/monitoring/rule-file";
import { eventually } from "../eventually";
import { BlackboxExporter } from "./blackbox";
import { type Alert, PrometheusServer } from "./prometheus";

/** A lab's root is made for a day. */
const ofEveryLab = "DnsMeshRootEndsSoon";

/** What is watched of a site's pod. */
interface WatchedPod {
  readonly name: string;
  readonly podName: string;
  readonly agent: { readonly address: string; readonly port: number };
}

/** As much of a lab as is watched. */
export interface Watchable {
  readonly folder: string;
  readonly sites: ReadonlyMap<string, WatchedPod>;
  readonly mesh: {
    readonly sites: readonly {
      readonly name: string;
      readonly addresses: readonly string[];
      readonly zones: readonly { readonly name: string }[];
    }[];
  };
  site(name: string): { readonly server: { readonly port: number } };
}

/** How a lab is watched. */
export interface WatchOptions {
  /** By which the times of rules are multiplied. */
  readonly timeFactor: number;
  /** Zones that are asked for at every site. @default none */
  readonly probed?: readonly string[];
  /** A record operator, and the site that it is of. @default none */
  readonly operator?: { readonly site: string; readonly socket: string };
}

/** A mesh of real servers under a real Prometheus with our rules, which finds pods as they come and go. */
export class WatchedLab implements AsyncDisposable {
  readonly #kubelet: NodeJS.Timeout;

  private constructor(
    private readonly lab: Watchable,
    readonly prometheus: PrometheusServer,
    private readonly prober: BlackboxExporter | undefined,
  ) {
    // An agent says whether it is ready as it was when it was asked last, which is the kubelet's task.
    this.#kubelet = setInterval(() => {
      for (const { agent } of lab.sites.values())
        void fetch(`http://${agent.address}:${agent.port}/ready`, { signal: AbortSignal.timeout(2000) }).catch(
          () => undefined,
        );
    }, 1000);
  }

  static async start(lab: Watchable, options: WatchOptions): Promise<WatchedLab> {
    const { timeFactor, probed = [], operator } = options;
    const folder = join(lab.folder, "prometheus");
    await mkdir(folder, { recursive: true });
    writeFileSync(targetsOf(lab), targets(lab));
    const sites = lab.mesh.sites.map(({ name }) => name);
    const prober = probed.length === 0 ? undefined : await BlackboxExporter.start(folder, probed);
    const [first = ""] = sites;
    const probes = probesOf(probed, { sites: lab.mesh.sites, port: lab.site(first).server.port });
    const prometheus = await PrometheusServer.start(folder, {
      scrapeConfigs: [
        {
          job_name: scraped.knot.job,
          file_sd_configs: [{ files: [targetsOf(lab)], refresh_interval: "1s" }],
        },
        ...(operator ? [operatorJob(operator)] : []),
        ...(prober
          ? [{ ...probeScrapeConfig(probes, prober.socket), scrape_interval: "2s", scrape_timeout: "2s" }]
          : []),
      ],
      rules: [
        ruleFile({ sites, isOnlyThese: false, ages: defaultAges, timeFactor }),
        // As the stack of the operator's site makes them.
        ...(operator
          ? [ruleFile({ sites: [operator.site], isOnlyThese: true, hasOperator: true, ages: defaultAges, timeFactor })]
          : []),
      ],
    });
    const watched = new WatchedLab(lab, prometheus, prober);
    await eventually(30, async () => {
      const seen = await prometheus.query("dns_mesh_agent_ready");
      if (seen.length < lab.sites.size) throw new Error(`prometheus sees ${seen.length} pods of ${lab.sites.size}`);
    }).catch(async (error: unknown) => {
      await watched[Symbol.asyncDispose]();
      throw error;
    });
    return watched;
  }

  /** What fires and should not while all is well, as `PrometheusServer.firing` names it. */
  async unexpected(): Promise<readonly string[]> {
    return (await this.prometheus.firing()).filter((alert) => alert.split(" ")[0] !== ofEveryLab);
  }

  /** Alerts that are pending or fire, but for what every lab has. */
  async alerts(): Promise<readonly Alert[]> {
    return (await this.prometheus.alerts()).filter(({ labels }) => labels["alertname"] !== ofEveryLab);
  }

  /** Pods that came are scraped from now on, and those that went no longer. */
  async follow(): Promise<void> {
    await writeAtomically(targetsOf(this.lab), targets(this.lab));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#kubelet);
    await this.prometheus[Symbol.asyncDispose]();
    await this.prober?.[Symbol.asyncDispose]();
  }
}

function operatorJob({ site, socket }: NonNullable<WatchOptions["operator"]>): object {
  const static_configs = [{ targets: [socket], labels: { site, pod: "record-operator-0" } }];
  return { job_name: scraped["record-operator"].job, static_configs };
}

function targetsOf(lab: Watchable): string {
  return join(lab.folder, "prometheus", "targets.json");
}

/** With the labels that a PodMonitor gives. */
function targets(lab: Watchable): string {
  const pods = [...lab.sites.values()].map(({ name, podName, agent }) => ({
    targets: [`${agent.address}:${agent.port}`],
    labels: { site: name, pod: `knot-${podName.split("/")[1] ?? "0"}` },
  }));
  return JSON.stringify(pods);
}
