import type { Metric } from "../base/prometheus";

/** A metric, with where it is missing; everywhere else it is there. */
export interface ListedMetric extends Metric {
  /** Where or when it is there; always at each pod when left out. */
  readonly when?: string;
}

/** Keeps the names as types: whoever renders a list must have a value for each, and none besides. */
function listed<Name extends string>(metrics: Readonly<Record<Name, ListedMetric>>) {
  return metrics;
}

const gauge = { type: "gauge" } as const;
const counter = { type: "counter" } as const;
const histogram = { type: "histogram" } as const;

/** Peers are other sites, and the other pods of the own one. */
const peer = ["peer", "peer_pod"];
const byPeer = { labels: peer, when: "for each site that this one announces zones to, and each other pod of the site" };
const withBackups = "at pod 0 of a site with `backups`";
const withVault = "where the key ring comes from Vault";
const withTls = "unless transfers run over plain TCP";
const signing = "at pod 0, for each signed own zone";

/** What every program has. */
export const programMetrics = listed({
  dns_mesh_build_info: {
    ...gauge,
    help: "1, with the release of this program, its site, and the version of the Knot beside it.",
    labels: ["program", "version", "site", "knot_version"],
  },
  process_start_time_seconds: { ...gauge, help: "When the program started, in seconds since 1970." },
  process_cpu_seconds_total: { ...counter, help: "Processor time of the program, user and system." },
  process_resident_memory_bytes: { ...gauge, help: "Memory of the program that is in RAM." },
});

/** Of the agent beside Knot. */
export const agentMetrics = listed({
  // The pod.
  dns_mesh_agent_ready: { ...gauge, help: "Whether the pod may get traffic." },
  dns_mesh_agent_problem: {
    ...gauge,
    help: "Whether there is a problem of the kind; docs/runbooks/agent-problem.md lists the kinds.",
    labels: ["kind"],
  },
  dns_mesh_agent_problem_began_timestamp_seconds: {
    ...gauge,
    help: "Since when there is a problem of the kind, in seconds since 1970: the oldest that is open.",
    labels: ["kind"],
    when: "for each kind of which there is a problem",
  },
  dns_mesh_agent_answer_seconds: {
    ...histogram,
    help: "How long the pod's own Knot took to answer a question for an SOA record, once in five seconds; what was not answered in time counts beyond all bounds.",
  },
  dns_mesh_agent_volume_size_bytes: { ...gauge, help: "Size of the pod's volume.", when: "after the first look" },
  dns_mesh_agent_volume_free_bytes: {
    ...gauge,
    help: "Room that is left on the pod's volume.",
    when: "after the first look",
  },

  // Passes and central zones.
  dns_mesh_agent_passes_total: {
    ...counter,
    help: "Passes by result: idle (nothing to do), changed, failed.",
    labels: ["result"],
  },
  dns_mesh_agent_pass_last_success_timestamp_seconds: {
    ...gauge,
    help: "When a pass ended last that did not fail, in seconds since 1970; 0 for never.",
  },
  dns_mesh_agent_applied_serial: {
    ...gauge,
    help: "Serial of the central zone that Knot's files are made from.",
    labels: ["zone"],
    when: "once central zones were applied",
  },
  dns_mesh_agent_applied_timestamp_seconds: {
    ...gauge,
    help: "When Knot took files from other central zones last, in seconds since 1970.",
    when: "once central zones were applied",
  },
  dns_mesh_agent_observed_serial: {
    ...gauge,
    help: "Serial of the central zone that this site's Knot answers.",
    labels: ["zone"],
    when: "while Knot answers it",
  },
  dns_mesh_agent_central_refusals_total: {
    ...counter,
    help: "How often central zones were refused, by reason.",
    labels: ["reason"],
  },
  dns_mesh_agent_peers: { ...gauge, help: "Other sites." },
  dns_mesh_agent_zones: { ...gauge, help: "Zones of the mesh." },
  dns_mesh_agent_zones_empty: { ...gauge, help: "Zones without content here." },
  dns_mesh_agent_held: { ...gauge, help: "Entries whose removal is held back.", labels: ["kind"] },
  dns_mesh_agent_changes_held: {
    ...gauge,
    help: "How often a change of a zone was tried that is held until it is let through.",
    labels: ["zone"],
    when: "for each own zone of which a change is held",
  },
  dns_mesh_agent_dns_queries_total: { ...counter, help: "DNS queries of the agent." },
  dns_mesh_agent_transfers_total: { ...counter, help: "Zone transfers that the agent made." },
  dns_mesh_agent_notifies_total: { ...counter, help: "NOTIFY messages to lagging peers." },
  dns_mesh_agent_reloads_total: { ...counter, help: "Reloads of Knot or of the local catalog." },

  // Peers.
  dns_mesh_agent_peer_up: {
    ...gauge,
    help: "Whether a peer answered the last question for an SOA record, which is asked once in 30 seconds.",
    ...byPeer,
  },
  dns_mesh_agent_peer_answer_seconds: {
    ...gauge,
    help: "How long the peer took for its last answer.",
    labels: peer,
    when: "for each peer that has answered since the agent started",
  },
  dns_mesh_agent_peer_lag_seconds: {
    ...gauge,
    help: "For how long a peer has not answered the serial of a zone, that which it lacks longest; 0 while it lacks none.",
    ...byPeer,
  },
  dns_mesh_agent_peer_lag_serials: {
    ...gauge,
    help: "By how much a peer's serial of a zone is lower, of that which it is furthest behind with, as it answered last; with serials that are times, seconds between the versions.",
    ...byPeer,
  },
  dns_mesh_agent_peer_lagging_zones: {
    ...gauge,
    help: "Zones whose serial a peer has not answered.",
    ...byPeer,
  },
  dns_mesh_agent_peer_disagreeing_zones: {
    ...gauge,
    help: "Zones that a peer, which answers, has in another version for too long, or with another content under the same serial.",
    ...byPeer,
  },
  dns_mesh_agent_zone_lag_seconds: {
    ...gauge,
    help: "For how long a peer has not answered the serial of this zone; the 20 longest.",
    labels: ["zone", ...peer],
    when: "while a peer lacks a zone",
  },
  dns_mesh_agent_publication_seconds: {
    ...histogram,
    help: "From when the agent saw a new serial until a site answered it; one change is followed at a time. Sites that do not answer are left out.",
    labels: ["peer"],
    when: "where zones begin, and at hubs, for each site that had a change since the agent started",
  },

  // Times.
  dns_mesh_agent_zone_expiry_timestamp_seconds: {
    ...gauge,
    help: "When the copy of another server's zone expires that expires first, in seconds since 1970.",
    labels: ["zone"],
    when: "where there are copies of others' zones",
  },
  dns_mesh_agent_certificate_issued_timestamp_seconds: {
    ...gauge,
    help: "When the site's certificate begins, in seconds since 1970.",
    when: withTls,
  },
  dns_mesh_agent_certificate_expiry_timestamp_seconds: {
    ...gauge,
    help: "When the site's certificate ends, in seconds since 1970.",
    when: withTls,
  },
  dns_mesh_agent_root_expiry_timestamp_seconds: {
    ...gauge,
    help: "When the first of the root certificates ends that other sites' certificates are checked against, in seconds since 1970.",
    when: withTls,
  },
  dns_mesh_agent_signature_expiry_timestamp_seconds: {
    ...gauge,
    help: "When the first signature at the apex of an own zone ends, in seconds since 1970.",
    labels: ["zone"],
    when: signing,
  },
  dns_mesh_agent_ds_matches: {
    ...gauge,
    help: "Whether the parent's DS records are among those that the zone asks for. 0: resolvers find the zone bogus, or will.",
    labels: ["zone"],
    when: `${signing} with \`parents\`, or whose parent is a zone of the mesh, while the parent has DS records`,
  },
  dns_mesh_agent_zone_keys_kept_timestamp_seconds: {
    ...gauge,
    help: "When the present keys of signed zones were last seen in their second place, in seconds since 1970; 0 for never.",
    when: "at pod 0 of a site with signed zones",
  },
  dns_mesh_agent_ring_keys: { ...gauge, help: "TSIG keys that the site accepts." },
  dns_mesh_agent_ring_key_made_timestamp_seconds: {
    ...gauge,
    help: "When the TSIG key was made that the site signs with, in seconds since 1970.",
    when: withVault,
  },
  dns_mesh_agent_ring_read_timestamp_seconds: {
    ...gauge,
    help: "When the key ring was read from Vault last, in seconds since 1970.",
    when: withVault,
  },
  dns_mesh_agent_vault_up: { ...gauge, help: "Whether Vault gave what was asked for last.", when: withVault },

  // What Knot refuses, and what fails.
  dns_mesh_agent_refused_requests_total: {
    ...counter,
    help: "Requests that Knot refused by its access rules or for their signature: queries, transfers, NOTIFYs, UPDATEs.",
    labels: ["action"],
  },
  dns_mesh_agent_knot_transfers_total: {
    ...counter,
    help: "Zone transfers of Knot by direction (in, out) and result (finished, failed).",
    labels: ["direction", "result"],
  },
  dns_mesh_agent_refresh_failures_total: {
    ...counter,
    help: "How often none of a zone's primaries gave what Knot asked for.",
  },

  // Backups.
  dns_mesh_agent_backup_last_success_timestamp_seconds: {
    ...gauge,
    help: "When the last backup was pushed, in seconds since 1970; 0 for never.",
    when: withBackups,
  },
  dns_mesh_agent_backup_drill_last_success_timestamp_seconds: {
    ...gauge,
    help: "When the last restore drill found no difference, in seconds since 1970; 0 for never.",
    when: withBackups,
  },
  dns_mesh_agent_backup_zones: { ...gauge, help: "Zones in the last backup.", when: withBackups },
  dns_mesh_agent_backup_size_bytes: { ...gauge, help: "Octets of the last backup.", when: withBackups },
  dns_mesh_agent_backup_added_bytes: {
    ...gauge,
    help: "Octets that the last backup added to what is stored.",
    when: withBackups,
  },
  dns_mesh_agent_backup_duration_seconds: { ...gauge, help: "How long the last backup took.", when: withBackups },
  dns_mesh_agent_backup_prune_refused: {
    ...gauge,
    help: "Whether what is too old could not be removed.",
    when: withBackups,
  },

  // The reconciler, which reports to each agent.
  dns_mesh_agent_reconciler_run_timestamp_seconds: {
    ...gauge,
    help: "When the reconciler ended a pass last, whatever it found, in seconds since 1970; 0 for never since the agent started.",
  },
  dns_mesh_agent_reconciler_success_timestamp_seconds: {
    ...gauge,
    help: "When the reconciler found everything in order last, in seconds since 1970; 0 for never since the agent started.",
  },
  dns_mesh_agent_reconciler_duration_seconds: {
    ...gauge,
    help: "How long the reconciler's last pass took.",
    when: "once it reported",
  },
  dns_mesh_agent_reconciler_findings: {
    ...gauge,
    help: "What the reconciler found wrong in its last pass, by kind.",
    labels: ["kind"],
    when: "for each kind that it found",
  },
});

const zonesWanted = "with `metrics.zones`, for each zone that it names, up to `metrics.most`";

/** Of Knot, in the names of knot-exporter: the zone in its label `zone` ends in a dot there. */
export const knotMetrics = listed({
  knot_memory_usage_bytes: {
    ...gauge,
    help: "Memory of Knot that is in RAM.",
    labels: ["pid"],
    when: "where the agent sees Knot's process: not in a pod, where `container_memory_working_set_bytes` of the kubelet has it",
  },
  knot_zone_serial: { ...gauge, help: "Serial of the zone.", labels: ["zone"], when: zonesWanted },
  knot_zone_status_expiration_seconds: {
    ...gauge,
    help: "Until the zone expires unless one of its primaries answers.",
    labels: ["zone"],
    when: `${zonesWanted} and that comes from other servers`,
  },
  knot_zone_status_refresh_seconds: {
    ...gauge,
    help: "Until the zone's primaries are asked for a newer serial.",
    labels: ["zone"],
    when: `${zonesWanted} and that comes from other servers`,
  },
  knot_zone_stats_size: {
    ...gauge,
    help: "Octets that the zone takes in DNS messages.",
    labels: ["zone", "module", "type"],
    when: zonesWanted,
  },
  knot_zone_stats_max_ttl: {
    ...gauge,
    help: "Largest TTL in the zone, in seconds.",
    labels: ["zone", "module", "type"],
    when: zonesWanted,
  },
  dns_mesh_agent_zones_without_series: {
    ...gauge,
    help: "Zones that `metrics.zones` names and that have no series of their own, being more than `metrics.most`.",
    when: "with `metrics.zones`",
  },
});

/** Knot's statistics of the server, of mod-stats, of cookies and of the rate limit, by Knot's names for them. */
const knotCounters: Readonly<Record<string, string>> = {
  "zone-update-error": "Updates of zones that failed.",
  "tcp-io-timeout": "TCP connections that were closed in the middle of a message.",
  "tcp-idle-timeout": "TCP connections that were closed since nothing came.",
  "request-protocol": "Requests by transport.",
  "server-operation": "Requests by operation: query, update, notify, axfr, ixfr, invalid.",
  "request-bytes": "Octets of requests, by operation.",
  "response-bytes": "Octets of answers, by kind.",
  "response-code": "Answers by response code.",
  "reply-nodata": "Answers without data, by type asked for.",
  "query-type": "Queries by type.",
  presence: "Queries that showed a cookie.",
  slipped: "Answers that the rate limit cut to nothing, so that who asked comes back over TCP.",
  dropped: "Queries that a module (mod-cookies, mod-rrl) did not answer.",
  "dropped-time": "Queries that were not answered since those before them took too much time.",
};

/** What a statistic of Knot is called in knot-exporter: `base`, and `base` with `_total` for what only grows. */
export function knotStatName(item: string): string {
  return `knot_stats_${item.replaceAll("-", "_")}`;
}

/** Number of zones, which is no counter. */
const zoneCount = "zone-count";

/** How a statistic is shown: knot-exporter has each twice, since its panels of old know no `_total`. */
export function knotStatMetrics(item: string): Readonly<Record<string, ListedMetric>> {
  const name = knotStatName(item);
  const labels = ["module", "type"];
  if (item === zoneCount) return { [name]: { type: "untyped", help: "Zones of the server.", labels } };
  const help = knotCounters[item] ?? `Knot's statistic ${item}.`;
  return {
    [name]: { type: "untyped", help: `${help} The same as ${name}_total.`, labels },
    [`${name}_total`]: { ...counter, help, labels },
  };
}

/** Of all statistics that Knot has as it is configured here. */
export const knotStats: Readonly<Record<string, ListedMetric>> = Object.assign(
  {},
  ...[zoneCount, ...Object.keys(knotCounters)].map(knotStatMetrics),
) as Readonly<Record<string, ListedMetric>>;

const perProcess = "for each process of Knot Resolver that answers";

/** Of a site's resolver, by the agent beside it. */
export const resolverMetrics = listed({
  dns_mesh_resolver_ready: { ...gauge, help: "Whether the pod may get questions." },
  dns_mesh_resolver_mesh_followed: {
    ...gauge,
    help: "Whether directory, catalog and the zones' keys are followed; 0 while the site's Knot cannot be asked, when what was known stays.",
  },
  dns_mesh_resolver_zones: { ...gauge, help: "Zones of the mesh that the resolver knows." },
  dns_mesh_resolver_zones_without_keys: {
    ...gauge,
    help: "Zones whose keys are not known yet, so that they are answered with SERVFAIL.",
  },
  dns_mesh_resolver_worker_up: {
    ...gauge,
    help: "Whether a process of Knot Resolver answers the agent.",
    labels: ["worker"],
  },
  dns_mesh_resolver_questions_total: {
    ...counter,
    help: "Questions of clients by transport (udp, tcp, dot), since the process started.",
    labels: ["worker", "transport"],
    when: perProcess,
  },
  dns_mesh_resolver_answers_total: {
    ...counter,
    help: "Answers by result (noerror, nodata, nxdomain, servfail), since the process started.",
    labels: ["worker", "result"],
    when: perProcess,
  },
  dns_mesh_resolver_cached_answers_total: {
    ...counter,
    help: "Answers that came from the cache.",
    labels: ["worker"],
    when: perProcess,
  },
  dns_mesh_resolver_slow_answers_total: {
    ...counter,
    help: "Answers that took more than one and a half seconds.",
    labels: ["worker"],
    when: perProcess,
  },
});

const leads = "0 at a replica that does not lead";

/** Of the record operator. */
export const operatorMetrics = listed({
  dns_mesh_records_leader: { ...gauge, help: "Whether this replica leads." },
  dns_mesh_records_objects: { ...gauge, help: "DnsRecords that are known.", when: leads },
  dns_mesh_records_waiting: { ...gauge, help: "DnsRecords that not every site is known to answer.", when: leads },
  dns_mesh_records_waiting_since_timestamp_seconds: {
    ...gauge,
    help: "Since when the DnsRecord waits that has waited longest for every site to answer it, in seconds since 1970.",
    when: "while one waits",
  },
  dns_mesh_records_writer_away: {
    ...gauge,
    help: "Zones whose writer, pod 0 of the site, does not take changes.",
    when: leads,
  },
  dns_mesh_records_waiting_for_writer: {
    ...gauge,
    help: "DnsRecords that wait until the writer of their zone takes changes.",
    when: leads,
  },
  dns_mesh_records_retiring: { ...gauge, help: "DnsRecords in zones that are retired.", when: leads },
  dns_mesh_records_mesh_refused: {
    ...gauge,
    help: "Whether directory and catalog are not followed.",
    when: leads,
  },
  dns_mesh_records_sources_unlisted: {
    ...gauge,
    help: "Kinds of sources that cannot be listed, each in each of the namespaces; what was made of them stays.",
    when: leads,
  },
  dns_mesh_records_updates_total: { ...counter, help: "DNS UPDATE messages." },
  dns_mesh_records_waits_total: {
    ...counter,
    help: "Statuses written that say for which sites an object waits.",
  },
  dns_mesh_records_looks_total: {
    ...counter,
    help: "Checks of the mesh and every zone for changes made elsewhere, since the turn as leader began.",
    when: leads,
  },
  dns_mesh_records_drift_total: {
    ...counter,
    help: "Checks of a zone that found records of DnsRecords changed elsewhere.",
  },
  dns_mesh_records_api_reads_total: { ...counter, help: "Requests to the Kubernetes API that read." },
  dns_mesh_records_api_writes_total: { ...counter, help: "Requests to the Kubernetes API that write." },
  dns_mesh_records_lease_requests_total: { ...counter, help: "Requests to the Kubernetes API for the Lease." },
  dns_mesh_records_dns_requests_total: {
    ...counter,
    help: "DNS messages sent as the leader, since the turn began.",
    when: leads,
  },
  dns_mesh_records_errors_total: {
    ...counter,
    help: "Statuses written that say why an object is not served.",
    labels: ["reason"],
    when: "for each reason since the operator started",
  },
  dns_mesh_records_programmed_seconds: {
    ...histogram,
    help: "Seconds from when a version of an object was seen until every site answered it.",
  },
  dns_mesh_pools_objects: { ...gauge, help: "DnsPools that are known.", when: leads },
  dns_mesh_pools_unhealthy: {
    ...gauge,
    help: "DnsPools whose answer cannot be narrowed to healthy targets, by the reason of their condition Healthy: none is (NoneHealthy), too few are (TooFewHealthy), or it is not known (NotProbed).",
    labels: ["reason"],
    when: leads,
  },
  dns_mesh_pools_refused: { ...gauge, help: "DnsPools that are not accepted.", when: leads },
  dns_mesh_pools_probed: { ...gauge, help: "Targets that this site probes, for pools of every site.", when: leads },
  dns_mesh_pools_probes_total: {
    ...counter,
    help: "Probes of targets as the leader, since the turn began.",
    labels: ["result"],
    when: leads,
  },
  dns_mesh_pools_changes_total: {
    ...counter,
    help: "Answers of DnsPools written as the leader, since the turn began.",
    when: leads,
  },
});
