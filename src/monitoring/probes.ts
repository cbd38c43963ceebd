import { UserError } from "../base/errors";
import { urlHost } from "../base/text";
import { probeJob } from "./alert-rules";

/** Where a site is asked from outside. */
export interface ProbedSite {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** A zone that is asked for at every address of a site. */
export interface Probe {
  readonly zone: string;
  readonly site: string;
  /** The module of blackbox-exporter. */
  readonly module: string;
  /** `192.0.2.1:53` */
  readonly targets: readonly string[];
}

/** What blackbox-exporter does for a zone: its DNS prober takes the name from the module, so that each zone has one. */
export interface BlackboxModule {
  readonly prober: "dns";
  readonly timeout: string;
  readonly dns: Readonly<Record<string, unknown>>;
}

/** Every zone at every site. @param port - that sites answer on */
export function probesOf(
  zones: readonly string[],
  { sites, port }: { readonly sites: readonly ProbedSite[]; readonly port: number },
): readonly Probe[] {
  return zones.flatMap((zone) =>
    sites.map(({ name, addresses }) => ({
      zone,
      site: name,
      module: moduleOf(zone),
      targets: addresses.map((address) => `${urlHost(address)}:${port}`),
    })),
  );
}

/** Objects of the cluster and series that a site's probes may be. */
const mostProbes = 500;

/**
 * Each of these probes becomes an object of the cluster.
 *
 * @throws UserError when they are too many.
 */
export function requireFewProbes(zones: readonly string[], sites: readonly ProbedSite[]): void {
  const count = zones.length * sites.length;
  if (count <= mostProbes) return;
  throw new UserError(
    `monitoring.probes: ${zones.length} zones at ${sites.length} sites are ${count} Probes, more than ${mostProbes}; ` +
      "name those that matter in probes.zones, one of each owner for example",
  );
}

/** A zone's module. */
function moduleOf(zone: string): string {
  return `dns-mesh-${zone}`;
}

/** The configuration of a blackbox-exporter that asks for these zones: their SOA over UDP, as an authority answers it. */
export function blackboxConfig(zones: readonly string[]): {
  readonly modules: Readonly<Record<string, BlackboxModule>>;
} {
  const modules = zones.map((zone) => [
    moduleOf(zone),
    {
      prober: "dns",
      timeout: "5s",
      dns: {
        query_name: `${zone}.`,
        query_type: "SOA",
        recursion_desired: false,
        transport_protocol: "udp",
        valid_rcodes: ["NOERROR"],
        validate_answer_rrs: { fail_if_none_matches_regexp: ["\\sSOA\\s"] },
      },
    } satisfies BlackboxModule,
  ]);
  return { modules: Object.fromEntries(modules) as Readonly<Record<string, BlackboxModule>> };
}

/** A job of Prometheus that has a blackbox-exporter ask. @param prober - host and port of the exporter */
export function probeScrapeConfig(probes: readonly Probe[], prober: string): object {
  return {
    job_name: probeJob,
    metrics_path: "/probe",
    static_configs: probes.map(({ zone, site, module, targets }) => ({ targets, labels: { zone, site, module } })),
    relabel_configs: [
      { source_labels: ["__address__"], target_label: "__param_target" },
      { source_labels: ["__address__"], target_label: "instance" },
      { source_labels: ["module"], target_label: "__param_module" },
      { regex: "module", action: "labeldrop" },
      { target_label: "__address__", replacement: prober },
    ],
  };
}
