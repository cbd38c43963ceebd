import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import type { KubeClient } from "../kube/client";
import { sharedClient } from "../kube/cluster-client";
import { operatorApi, type OperatorKind } from "../monitoring/objects";
import type { MonitoringConfig } from "../settings/site-parts";
import type { SiteConfig } from "../settings/site-settings";

type Monitored = Pick<SiteConfig, "monitoring" | "context" | "kubeconfig">;

/** The kinds of the Prometheus operator that a site's settings ask for. */
export function kindsFor(monitoring: MonitoringConfig | undefined): readonly OperatorKind[] {
  if (monitoring?.scrape !== "operator") return [];
  return [
    "PodMonitor",
    ...(monitoring.rules ? (["PrometheusRule"] as const) : []),
    ...(monitoring.probes ? (["Probe"] as const) : []),
  ];
}

/**
 * Makes sure that a cluster has the definitions of what is to be made for its Prometheus operator: `up` would fail in the middle
 * otherwise, and `preview` not at all. Asks nothing where nothing is made.
 *
 * @throws UserError with the cure.
 */
export async function requireMonitoringKinds(config: Monitored, client?: Pick<KubeClient, "get">): Promise<void> {
  const wanted = kindsFor(config.monitoring);
  if (wanted.length === 0) return;
  const found = await kindsIn(config, client ?? (await sharedClient(config)));
  const missing = wanted.filter((kind) => !found.includes(kind));
  if (missing.length > 0)
    throw new UserError(
      `dns-mesh:monitoring.scrape is "operator", and context "${config.context}" has no ${missing.join(", ")} of ${operatorApi}. ` +
        `Nothing was changed; install the Prometheus operator first (kube-prometheus-stack has it), or set scrape to "annotations"`,
    );
}

/** Every cluster answers its discovery to whoever is let in. */
async function kindsIn({ context }: Monitored, client: Pick<KubeClient, "get">): Promise<readonly unknown[]> {
  try {
    const list = await client.get(`/apis/${operatorApi}`);
    const resources: unknown = list?.["resources"] ?? [];
    return Array.isArray(resources) ? resources.map((resource) => fields(resource)["kind"]) : [];
  } catch (error) {
    throw new UserError(
      `dns-mesh:monitoring.scrape: context "${context}" does not say which kinds of ${operatorApi} it has: ${messageOf(error)}. Nothing was changed`,
      { cause: error },
    );
  }
}
