/** A query of a panel, with what its series are called. */
export interface PanelQuery {
  readonly expr: string;
  /** A template of Grafana. */
  readonly legend: string;
}

/** What a panel shows. */
export interface PanelPlan {
  readonly title: string;
  /** What a reader is to make of it. */
  readonly description: string;
  readonly kind: "stat" | "lines" | "table";
  /** A unit of Grafana: `s`, `bytes`, `percentunit`, `short`. */
  readonly unit: string;
  /** Of 24. */
  readonly width: number;
  /** Values from which a stat is red. */
  readonly badFrom?: number;
  readonly queries: readonly PanelQuery[];
  /** What a mesh must have for it to show anything, beside an operator, backups, a signed zone and probes. */
  readonly needs?: "vault";
}

/** A row of panels. */
export interface RowPlan {
  readonly title: string;
  readonly panels: readonly PanelPlan[];
}

const site = 'site=~"$site"';
const age = (series: string): string => `time() - ${series}`;

/** The dashboard from its top: what is wrong first, then answers, zones, peers, times, records, pods. */
export const rows: readonly RowPlan[] = [
  {
    title: "What is wrong",
    panels: [
      {
        title: "Sites without a ready pod",
        description: "All other sites answer their zones; changes of these wait.",
        kind: "stat",
        unit: "short",
        width: 6,
        badFrom: 1,
        queries: [{ expr: `count(max by (site) (dns_mesh_agent_ready{${site}}) == 0) or vector(0)`, legend: "" }],
      },
      {
        title: "Problems of agents",
        description: "By kind, at how many pods; /status and the log have the sentences.",
        kind: "stat",
        unit: "short",
        width: 6,
        badFrom: 1,
        queries: [{ expr: `sum(dns_mesh_agent_problem{${site}})`, legend: "" }],
      },
      {
        title: "Zones without content",
        description: "Their sites answer SERVFAIL for them.",
        kind: "stat",
        unit: "short",
        width: 6,
        badFrom: 1,
        queries: [{ expr: `sum(max by (site) (dns_mesh_agent_zones_empty{${site}}))`, legend: "" }],
      },
      {
        title: "Held removals",
        description: "Sites and zones that left the list in numbers, and are kept until that is confirmed.",
        kind: "stat",
        unit: "short",
        width: 6,
        badFrom: 1,
        queries: [{ expr: `max(dns_mesh_agent_held{${site}})`, legend: "" }],
      },
      {
        title: "Problems by site",
        description: "Every kind that a pod has now.",
        kind: "table",
        unit: "short",
        width: 12,
        queries: [{ expr: `max by (site, pod, kind) (dns_mesh_agent_problem{${site}})`, legend: "" }],
      },
      {
        title: "Ready pods",
        description: "By site.",
        kind: "lines",
        unit: "short",
        width: 12,
        queries: [{ expr: `sum by (site) (dns_mesh_agent_ready{${site}})`, legend: "{{site}}" }],
      },
    ],
  },
  {
    title: "Answers",
    panels: [
      {
        title: "Questions a second",
        description: "That Knot got, all transports and types.",
        kind: "lines",
        unit: "reqps",
        width: 8,
        queries: [
          {
            expr: `sum by (site) (rate(knot_stats_server_operation_total{${site},type="query"}[$__rate_interval]))`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Answers by code",
        description: "SERVFAIL is an outage; NXDOMAIN is what clients ask for.",
        kind: "lines",
        unit: "reqps",
        width: 8,
        queries: [
          {
            expr: `sum by (type) (rate(knot_stats_response_code_total{${site}}[$__rate_interval]))`,
            legend: "{{type}}",
          },
        ],
      },
      {
        title: "Time to answer",
        description: "Of the own Knot, without any network: nine of ten answers are faster.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `histogram_quantile(0.9, sum by (site, le) (rate(dns_mesh_agent_answer_seconds_bucket{${site}}[$__rate_interval])))`,
            legend: "{{site}}",
          },
        ],
      },
    ],
  },
  {
    title: "Zones and peers",
    panels: [
      {
        title: "Publication",
        description: "From a new serial until a site answers it: nine of ten are faster.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `histogram_quantile(0.9, sum by (peer, le) (rate(dns_mesh_agent_publication_seconds_bucket{${site}}[1h])))`,
            legend: "{{peer}}",
          },
        ],
      },
      {
        title: "Lag",
        description: "For how long a site has lacked a change of another one.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          { expr: `max by (site, peer) (dns_mesh_agent_peer_lag_seconds{${site}})`, legend: "{{peer}} of {{site}}" },
        ],
      },
      {
        title: "Peers that do not answer",
        description: "0: no pod of the site gets an answer of the peer.",
        kind: "lines",
        unit: "short",
        width: 8,
        queries: [{ expr: `max by (site, peer) (dns_mesh_agent_peer_up{${site}})`, legend: "{{site}} to {{peer}}" }],
      },
      {
        title: "Time to the first expiry",
        description: "Of copies of other sites' zones, unless one of their sources is reached.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `min by (site) (dns_mesh_agent_zone_expiry_timestamp_seconds{${site}}) - time()`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Zones of the mesh",
        description: "As each site knows them: the numbers are one but for moments.",
        kind: "lines",
        unit: "short",
        width: 8,
        queries: [{ expr: `max by (site) (dns_mesh_agent_zones{${site}})`, legend: "{{site}}" }],
      },
      {
        title: "Zone transfers",
        description: "Of Knot, by direction and result.",
        kind: "lines",
        unit: "ops",
        width: 8,
        queries: [
          {
            expr: `sum by (direction, result) (rate(dns_mesh_agent_knot_transfers_total{${site}}[$__rate_interval]))`,
            legend: "{{direction}} {{result}}",
          },
        ],
      },
    ],
  },
  {
    title: "Agents",
    panels: [
      {
        title: "Passes",
        description: "By result; failed ones are alerted on.",
        kind: "lines",
        unit: "ops",
        width: 8,
        queries: [
          {
            expr: `sum by (result) (rate(dns_mesh_agent_passes_total{${site}}[$__rate_interval]))`,
            legend: "{{result}}",
          },
        ],
      },
      {
        title: "NOTIFYs to sites that lag",
        description: "A change takes one for each site; more are repetitions.",
        kind: "lines",
        unit: "ops",
        width: 8,
        queries: [
          {
            expr: `sum by (site) (rate(dns_mesh_agent_notifies_total{${site}}[$__rate_interval]))`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Refusals and failures",
        description:
          "Requests that Knot refused by its access rules or for their signature, and refreshes for which nobody gave the zone.",
        kind: "lines",
        unit: "ops",
        width: 8,
        queries: [
          {
            expr: `sum by (site) (rate(dns_mesh_agent_refused_requests_total{${site}}[$__rate_interval]))`,
            legend: "{{site}} refused",
          },
          {
            expr: `sum by (site) (rate(dns_mesh_agent_refresh_failures_total{${site}}[$__rate_interval]))`,
            legend: "{{site}} not refreshed",
          },
        ],
      },
    ],
  },
  {
    title: "Certificates, volumes, memory",
    panels: [
      {
        title: "Until certificates end",
        description: "The first at each site.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `min by (site) (dns_mesh_agent_certificate_expiry_timestamp_seconds{${site}}) - time()`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Room on volumes",
        description: "Of each pod's; alerted on below 15 percent.",
        kind: "lines",
        unit: "percentunit",
        width: 8,
        queries: [
          {
            expr: `dns_mesh_agent_volume_free_bytes{${site}} / dns_mesh_agent_volume_size_bytes{${site}}`,
            legend: "{{site}} {{pod}}",
          },
        ],
      },
      {
        title: "Memory of the agents",
        description: "What is in RAM.",
        kind: "lines",
        unit: "bytes",
        width: 8,
        queries: [
          {
            expr: `process_resident_memory_bytes{${site},job="dns-mesh-agent"}`,
            legend: "{{site}} {{pod}}",
          },
        ],
      },
    ],
  },
  {
    title: "DnsRecords (sites with a record operator)",
    panels: [
      {
        title: "Waiting",
        description: "DnsRecords that not every site is known to answer.",
        kind: "lines",
        unit: "short",
        width: 8,
        queries: [{ expr: `max by (site) (dns_mesh_records_waiting{${site}})`, legend: "{{site}}" }],
      },
      {
        title: "Time until programmed",
        description: "From when an object was seen until every site answers it: nine of ten are faster.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `histogram_quantile(0.9, sum by (site, le) (rate(dns_mesh_records_programmed_seconds_bucket{${site}}[1h])))`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Leaders and drift",
        description: "One replica leads; drift is somebody else's changes, mended.",
        kind: "lines",
        unit: "short",
        width: 8,
        queries: [
          { expr: `sum by (site) (dns_mesh_records_leader{${site}})`, legend: "{{site}} leaders" },
          { expr: `sum by (site) (increase(dns_mesh_records_drift_total{${site}}[1h]))`, legend: "{{site}} drift" },
        ],
      },
    ],
  },
  {
    title: "Backups, keys, Vault, signatures (where there are any)",
    panels: [
      {
        title: "Age of the last backup and drill",
        description: "Three runs of their schedules are too old.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: age(`max by (site) (dns_mesh_agent_backup_last_success_timestamp_seconds{${site}} > 0)`),
            legend: "{{site}} backup",
          },
          {
            expr: age(`max by (site) (dns_mesh_agent_backup_drill_last_success_timestamp_seconds{${site}} > 0)`),
            legend: "{{site}} drill",
          },
        ],
      },
      {
        title: "Age of the key ring's last look",
        description: "Agents look every 15 to 20 seconds.",
        needs: "vault",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          { expr: age(`max by (site) (dns_mesh_agent_ring_read_timestamp_seconds{${site}})`), legend: "{{site}}" },
        ],
      },
      {
        title: "Until signatures end",
        description: "Knot makes them anew 14 days before.",
        kind: "lines",
        unit: "s",
        width: 8,
        queries: [
          {
            expr: `min by (site, zone) (dns_mesh_agent_signature_expiry_timestamp_seconds{${site}}) - time()`,
            legend: "{{zone}}",
          },
        ],
      },
    ],
  },
  {
    title: "From outside (with probes)",
    panels: [
      {
        title: "Answers",
        description: "Part of the questions of blackbox-exporters that were answered.",
        kind: "lines",
        unit: "percentunit",
        width: 12,
        queries: [
          {
            expr: `avg by (site) (avg_over_time(probe_success{job="dns-mesh-probe",${site}}[$__rate_interval]))`,
            legend: "{{site}}",
          },
        ],
      },
      {
        title: "Time to answer",
        description: "The way there and back included.",
        kind: "lines",
        unit: "s",
        width: 12,
        queries: [{ expr: `max by (site) (probe_duration_seconds{job="dns-mesh-probe",${site}})`, legend: "{{site}}" }],
      },
    ],
  },
];

/** A query as Grafana sends it: for every site, over a range that fits scrapes of a second. */
export function askedQuery({ expr }: PanelQuery): string {
  return expr.replaceAll("$site", ".*").replaceAll("$__rate_interval", "30s");
}
