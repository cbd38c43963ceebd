import { sha256 } from "../base/json";
import { knotLabels, operatorLabels, resolverLabels } from "../contract/names";
import { proberLabel } from "./alert-rule";
import { probeJob } from "./alert-rules";
import type { Probe } from "./probes";

/** The API of the Prometheus operator. */
export const operatorApi = "monitoring.coreos.com/v1";

/** Its kinds that a site's stack may make. */
export type OperatorKind = "PodMonitor" | "PrometheusRule" | "Probe";

/** Programs that have metrics, on the port `http` of their pods. */
export const scraped = {
  knot: { job: "dns-mesh-agent", podLabels: knotLabels },
  "record-operator": { job: "dns-mesh-operator", podLabels: operatorLabels },
  resolver: { job: "dns-mesh-resolver", podLabels: resolverLabels },
} as const;

/** A name of {@link scraped}. */
export type Scraped = keyof typeof scraped;

/** The `spec` of a PodMonitor: every series says of which site it is, which no pod knows of itself. */
export function podMonitorSpec(name: Scraped, site: string): object {
  const { job, podLabels } = scraped[name];
  return {
    selector: { matchLabels: podLabels },
    podMetricsEndpoints: [
      {
        port: "http",
        path: "/metrics",
        relabelings: [
          { targetLabel: "site", replacement: site },
          { targetLabel: "job", replacement: job },
        ],
      },
    ],
  };
}

/**
 * Annotations and labels of a Service by which the usual configuration of a Prometheus without its operator
 * (`kubernetes-service-endpoints`) finds the pods behind it, and takes the labels over into every series.
 */
export function scrapeMarks(
  name: Scraped,
  { site, port }: { readonly site: string; readonly port: number },
): { readonly annotations: Readonly<Record<string, string>>; readonly labels: Readonly<Record<string, string>> } {
  return {
    annotations: {
      "prometheus.io/scrape": "true",
      "prometheus.io/port": String(port),
      "prometheus.io/path": "/metrics",
    },
    labels: { site, job: scraped[name].job },
  };
}

/** The `spec` of a Probe. @param from - host and port of a blackbox-exporter, and the site whose stack has it ask */
export function probeSpec(
  { zone, site, module, targets }: Probe,
  from: { readonly prober: string; readonly site: string },
): object {
  return {
    jobName: probeJob,
    prober: { url: from.prober, path: "/probe" },
    module,
    targets: { staticConfig: { static: targets, labels: { zone, site, [proberLabel]: from.site } } },
  };
}

/** The name of a Probe object: what is not allowed in one is told apart by a hash. */
export function probeName({ zone, site }: Pick<Probe, "zone" | "site">): string {
  const plain = `dns-${zone}-at-${site}`;
  const name = plain.replaceAll(/[^a-z0-9.-]/g, "-");
  return name === plain && name.length <= 200 ? name : `${name.slice(0, 200)}-${sha256(plain).slice(0, 8)}`;
}
