import { type AlertRule, type AlertScope, duration, proberLabel, type Writer, writerFor } from "./alert-rule";

/** The alerts of a mesh, by what they are about. Every one has its cases in `harness/monitoring/rule-cases.ts`. */
export function alertRules(scope: AlertScope): readonly AlertRule[] {
  const write = writerFor(scope);
  return [
    ...siteRules(scope, write),
    ...zoneRules(write),
    ...meshRules(write),
    ...trustRules(write),
    ...dnssecRules(write),
    ...recordRules(scope, write),
    ...podRules(write),
    ...resolverRules(write),
    ...scheduleRules(scope, write),
    ...probeRules(write),
  ];
}

/** The job that blackbox-exporter's probes of a mesh have. */
export const probeJob = "dns-mesh-probe";

const minute = 60;
const day = 86_400;

/** Problems of an agent that say: answers are wrong or missing, or will be. Others have alerts of their own, or are in {@link lesserProblems}. */
export const severeProblems = ["knot", "refused", "fenced", "apply", "zones", "unanswered"] as const;
/** Problems that leave answers as they are. */
export const lesserProblems = ["central", "doubtful", "inputs", "state", "nameservers", "primary"] as const;

function problem(write: Writer, kind: string, ...matchers: readonly string[]): string {
  return `${write.series("agent_problem", `kind="${kind}"`, ...matchers)} == 1`;
}

/** The site's own other pods are peers too. */
const otherSites = 'peer_pod=""';

/** Pods that none of their site's other pods gets an answer of, under their names. */
function missedPods(write: Writer): string {
  const missed = `max by (site, peer_pod) (${write.series("agent_peer_up", 'peer_pod!=""')}) == 0`;
  return `label_replace(${missed}, "pod", "knot-$1", "peer_pod", "(.+)")`;
}

function siteRules({ sites }: AlertScope, write: Writer): readonly AlertRule[] {
  return [
    ...sites.map((site): AlertRule => ({
      alert: "DnsMeshSiteDown",
      // A series that is gone counts as well: pods that nobody runs have no `up`.
      expr: `absent(dns_mesh_agent_ready{site="${site}"} == 1)`,
      forSeconds: 3 * minute,
      severity: "critical",
      // Of what is absent, there are no labels to take the name from.
      summary: `No pod of site ${site} is ready, or none is seen.`,
      runbook: "site-down.md",
      labels: { site },
    })),
    {
      alert: "DnsMeshPodNotReady",
      // A pod that does not start has no series of its own: the others miss it.
      expr: `${write.series("agent_ready")} == 0 or on (site, pod) ${missedPods(write)}`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "Pod {{ $labels.pod }} of site {{ $labels.site }} gets no traffic, or does not answer the other pods.",
      runbook: "site-down.md#one-pod-of-several",
    },
    {
      alert: "DnsMeshWriterAway",
      expr: `max by (site) (${write.series("records_writer_away")}) > 0`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Pod 0 of site {{ $labels.site }} takes no changes of {{ $value }} zones.",
      runbook: "pod-0-lost.md",
    },
    {
      alert: "DnsMeshPeerAway",
      expr: `max by (site, peer) (${write.series("agent_peer_up", otherSites)}) == 0`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Site {{ $labels.peer }} does not answer site {{ $labels.site }}.",
      runbook: "transfers-fail.md#a-site-does-not-answer-another",
    },
  ];
}

function zoneRules(write: Writer): readonly AlertRule[] {
  return [
    {
      alert: "DnsMeshZoneLag",
      expr: `max by (site, peer) (${write.series("agent_peer_lag_seconds", otherSites)}) > 60`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Site {{ $labels.peer }} has lacked a change of {{ $labels.site }} for {{ $value | humanizeDuration }}.",
      runbook: "transfers-fail.md",
    },
    {
      alert: "DnsMeshZoneExpiresSoon",
      expr: problem(write, "expiring"),
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Copies of zones at site {{ $labels.site }} were not refreshed for long, and expire.",
      runbook: "zone-about-to-expire.md",
    },
    {
      alert: "DnsMeshZoneExpires",
      // A zone whose SOA expire is short has little time left by nature.
      expr:
        `(${write.series("agent_zone_expiry_timestamp_seconds")} - time() < ${day}) ` +
        `and on (instance) (${problem(write, "expiring")})`,
      forSeconds: 5 * minute,
      severity: "critical",
      summary: "Zone {{ $labels.zone }} expires at site {{ $labels.site }} in {{ $value | humanizeDuration }}.",
      runbook: "zone-about-to-expire.md",
    },
    {
      alert: "DnsMeshZoneEmpty",
      expr: `${write.series("agent_zones_empty")} > 0`,
      forSeconds: 10 * minute,
      severity: "critical",
      summary: "Site {{ $labels.site }} has no content of {{ $value }} zones, and answers SERVFAIL for them.",
      runbook: "zone-empty.md",
    },
    {
      alert: "DnsMeshSitesDisagree",
      expr: problem(write, "disagree"),
      forSeconds: 2 * minute,
      severity: "critical",
      summary: "Other sites answer another version of a zone than its owner {{ $labels.site }}.",
      runbook: "sites-disagree.md",
    },
  ];
}

function meshRules(write: Writer): readonly AlertRule[] {
  return [
    {
      alert: "DnsMeshTransfersFail",
      // One failure counts for a quarter of an hour: it takes others to make twenty minutes.
      expr: `rate(${write.series("agent_refresh_failures_total")}${write.range(15 * minute)}) > 0`,
      forSeconds: 20 * minute,
      severity: "warning",
      summary: "Site {{ $labels.site }} gets zones from none of the servers that have them.",
      runbook: "transfers-fail.md",
    },
    {
      alert: "DnsMeshPassesFail",
      expr: `rate(${write.series("agent_passes_total", 'result="failed"')}${write.range(5 * minute)}) > 0`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "Site {{ $labels.site }} cannot read or apply the central zones.",
      runbook: "transfers-fail.md",
    },
    {
      alert: "DnsMeshRemovalHeld",
      expr: `max by (site, kind) (${write.series("agent_held")}) > 0`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Site {{ $labels.site }} holds back the removal of {{ $value }} {{ $labels.kind }}.",
      runbook: "removal-held.md",
    },
    {
      alert: "DnsMeshChangeHeld",
      expr: problem(write, "guard"),
      forSeconds: minute,
      severity: "warning",
      summary: "A change of a zone of site {{ $labels.site }} takes away so much that it is held.",
      runbook: "change-held.md",
    },
    {
      alert: "DnsMeshAgentProblem",
      expr: `${write.series("agent_problem", `kind=~"${severeProblems.join("|")}"`)} == 1`,
      forSeconds: 5 * minute,
      severity: "critical",
      summary: 'The agent of site {{ $labels.site }} has the problem "{{ $labels.kind }}".',
      runbook: "agent-problem.md",
    },
    {
      alert: "DnsMeshAgentWarning",
      expr: `${write.series("agent_problem", `kind=~"${lesserProblems.join("|")}"`)} == 1`,
      forSeconds: 15 * minute,
      severity: "warning",
      summary: 'The agent of site {{ $labels.site }} has the problem "{{ $labels.kind }}".',
      runbook: "agent-problem.md",
    },
  ];
}

function trustRules(write: Writer): readonly AlertRule[] {
  const expiry = write.series("agent_certificate_expiry_timestamp_seconds");
  return [
    {
      alert: "DnsMeshCertificateEndsSoon",
      expr: problem(write, "certificate"),
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "The certificate of site {{ $labels.site }} ends soon, and was not renewed.",
      runbook: "expired-ca.md",
    },
    {
      alert: "DnsMeshCertificateEnded",
      expr: `${expiry} - time() <= 0`,
      forSeconds: 0,
      severity: "critical",
      summary: "The certificate of site {{ $labels.site }} has ended: no site takes zones from it.",
      runbook: "expired-ca.md",
    },
    {
      alert: "DnsMeshRootEndsSoon",
      expr: `min by (site) (${write.series("agent_root_expiry_timestamp_seconds")}) - time() < ${30 * day}`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "A root that site {{ $labels.site }} trusts ends in {{ $value | humanizeDuration }}.",
      runbook: "expired-ca.md#the-root-has-expired",
    },
    {
      alert: "DnsMeshRingStale",
      expr: `time() - ${write.series("agent_ring_read_timestamp_seconds")} > 600`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Site {{ $labels.site }} has not read the key ring for {{ $value | humanizeDuration }}.",
      runbook: "vault-away.md",
    },
    {
      alert: "DnsMeshVaultAway",
      expr: problem(write, "vault"),
      forSeconds: 15 * minute,
      severity: "warning",
      summary: "Vault does not give site {{ $labels.site }} its key ring or a certificate.",
      runbook: "vault-away.md",
    },
  ];
}

function dnssecRules(write: Writer): readonly AlertRule[] {
  return [
    {
      alert: "DnsMeshSignaturesEnd",
      expr: `${write.series("agent_signature_expiry_timestamp_seconds")} - time() < ${3 * day}`,
      forSeconds: 10 * minute,
      severity: "critical",
      summary: "Signatures of zone {{ $labels.zone }} end in {{ $value | humanizeDuration }}, and are not renewed.",
      runbook: "signatures-end.md",
    },
    {
      alert: "DnsMeshSigningProblem",
      expr: problem(write, "dnssec"),
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "A zone of site {{ $labels.site }} is not signed as it should be.",
      runbook: "signatures-end.md",
    },
    {
      alert: "DnsMeshDsMismatch",
      expr: `${write.series("agent_ds_matches")} == 0`,
      forSeconds: 60 * minute,
      severity: "critical",
      summary: "The parent of zone {{ $labels.zone }} has DS records of other keys: resolvers find it bogus, or will.",
      runbook: "signatures-end.md#the-parent-has-another-ds-record",
    },
    {
      alert: "DnsMeshZoneKeysNotKept",
      expr: problem(write, "keys"),
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "DNSSEC keys of site {{ $labels.site }} have no copy in their second place.",
      runbook: "volume-lost.md#the-copy-is-not-replaced",
    },
  ];
}

function recordRules({ sites, hasOperator }: AlertScope, write: Writer): readonly AlertRule[] {
  if (hasOperator === false) return [];
  const leader = (name: string) => ({
    alert: "DnsMeshNoLeader",
    forSeconds: 5 * minute,
    severity: "warning" as const,
    summary: `No record operator of site ${name} leads: DnsRecords are not followed.`,
    runbook: "records-not-programmed.md#no-operator-leads",
  });
  return [
    {
      alert: "DnsMeshRecordsNotProgrammed",
      expr: `time() - min by (site) (${write.series("records_waiting_since_timestamp_seconds")}) > ${15 * minute}`,
      forSeconds: minute,
      severity: "warning",
      summary:
        "A DnsRecord of site {{ $labels.site }} has waited for {{ $value | humanizeDuration }} for every site to answer it.",
      runbook: "records-not-programmed.md",
    },
    {
      alert: "DnsMeshDrift",
      expr: `sum by (site) (increase(${write.series("records_drift_total")}${write.range(15 * minute)})) > 0`,
      forSeconds: 0,
      severity: "warning",
      summary: "Somebody else changes records of DnsRecords of site {{ $labels.site }}.",
      runbook: "records-not-programmed.md#somebody-else-changes-them",
    },
    {
      alert: "DnsMeshSourcesNotListed",
      expr: `max by (site) (${write.series("records_sources_unlisted")}) > 0`,
      forSeconds: 15 * minute,
      severity: "warning",
      summary: "The record operator of site {{ $labels.site }} cannot list sources of DnsRecords.",
      runbook: "records-not-programmed.md#sources-are-not-listed",
    },
    {
      alert: "DnsMeshPoolDown",
      expr: `max by (site) (${write.series("pools_unhealthy", 'reason="NoneHealthy"')}) > 0`,
      forSeconds: 2 * minute,
      severity: "critical",
      summary: "{{ $value }} pools of site {{ $labels.site }} lead to targets of which none is healthy.",
      runbook: "pool-unhealthy.md",
    },
    {
      alert: "DnsMeshPoolDegraded",
      expr: `max by (site) (${write.series("pools_unhealthy", 'reason!="NoneHealthy"')}) > 0`,
      forSeconds: 15 * minute,
      severity: "warning",
      summary: "Pools of site {{ $labels.site }} have too few healthy targets, or targets that nobody probes.",
      runbook: "pool-unhealthy.md#too-few-or-not-probed",
    },
    ...(hasOperator === true
      ? sites.map((site) => ({
          ...leader(site),
          expr: `absent(dns_mesh_records_leader{site="${site}"} == 1)`,
          labels: { site },
        }))
      : [{ ...leader("{{ $labels.site }}"), expr: `sum by (site) (${write.series("records_leader")}) == 0` }]),
  ];
}

function podRules(write: Writer): readonly AlertRule[] {
  const answers = write.series("agent_answer_seconds_bucket");
  const codes = (...matchers: readonly string[]): string =>
    `sum by (site) (rate(${write.foreign("knot_stats_response_code_total", ...matchers)}${write.range(5 * minute)}))`;
  const [free, size] = [write.series("agent_volume_free_bytes"), write.series("agent_volume_size_bytes")];
  return [
    {
      alert: "DnsMeshServfail",
      // A few of them among few questions are no outage.
      expr: `${codes('type="SERVFAIL"')} / ${codes()} > 0.05 and ${codes('type="SERVFAIL"')} > 0.05`,
      forSeconds: 5 * minute,
      severity: "critical",
      summary: "Site {{ $labels.site }} answers {{ $value | humanizePercentage }} of all questions with SERVFAIL.",
      runbook: "servfail.md",
    },
    {
      alert: "DnsMeshKnotSlow",
      expr: `histogram_quantile(0.9, sum by (site, le) (rate(${answers}${write.range(5 * minute)}))) > 0.5`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary:
        "A tenth of the answers of Knot at site {{ $labels.site }} take more than half a second, or do not come.",
      runbook: "answers-from-outside.md#slow-answers",
    },
    {
      alert: "DnsMeshVolumeFilling",
      expr: `${free} / ${size} < 0.15`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "The volume of {{ $labels.pod }} at site {{ $labels.site }} has {{ $value | humanizePercentage }} left.",
      runbook: "volume-damaged.md#a-larger-volume",
    },
    {
      alert: "DnsMeshVolumeProblem",
      expr: problem(write, "volume"),
      forSeconds: minute,
      severity: "critical",
      summary: "The volume of {{ $labels.pod }} at site {{ $labels.site }} is full or nearly so, or cannot be written.",
      runbook: "volume-damaged.md",
    },
  ];
}

function resolverRules(write: Writer): readonly AlertRule[] {
  const answers = (...matchers: readonly string[]): string =>
    `sum by (site) (rate(${write.series("resolver_answers_total", ...matchers)}${write.range(5 * minute)}))`;
  const failed = answers('result="servfail"');
  return [
    {
      alert: "DnsMeshResolverServfail",
      // As of Knot: a few of them among few questions are no outage.
      expr: `${failed} / ${answers()} > 0.05 and ${failed} > 0.05`,
      forSeconds: 5 * minute,
      severity: "critical",
      summary:
        "The resolver of site {{ $labels.site }} answers {{ $value | humanizePercentage }} of all questions with SERVFAIL.",
      runbook: "resolver.md",
    },
    {
      alert: "DnsMeshResolverNotReady",
      expr: `${write.series("resolver_ready")} == 0`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary: "Pod {{ $labels.pod }} of the resolver of site {{ $labels.site }} gets no questions.",
      runbook: "resolver.md#a-pod-is-not-ready",
    },
    {
      alert: "DnsMeshResolverStale",
      expr: `max by (site) (${write.series("resolver_mesh_followed")}) == 0`,
      forSeconds: 15 * minute,
      severity: "warning",
      summary:
        "The resolver of site {{ $labels.site }} does not follow the mesh: zones, sites and keys stay as they were.",
      runbook: "resolver.md#it-does-not-follow-the-mesh",
    },
  ];
}

function scheduleRules({ ages }: AlertScope, write: Writer): readonly AlertRule[] {
  const backup = "agent_backup_last_success_timestamp_seconds";
  const drill = "agent_backup_drill_last_success_timestamp_seconds";
  return [
    {
      alert: "DnsMeshBackupFails",
      expr: problem(write, "backup"),
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "The last backup or restore drill of site {{ $labels.site }} failed.",
      runbook: "backup-failing.md",
    },
    {
      alert: "DnsMeshBackupStale",
      expr: lateSince(write.series(backup), ages.backup),
      forSeconds: 10 * minute,
      severity: "warning",
      summary: `Site {{ $labels.site }} has had no backup for more than ${lateFor(ages.backup)}.`,
      runbook: "backup-failing.md",
    },
    {
      alert: "DnsMeshDrillStale",
      expr: lateSince(write.series(drill), ages.drill),
      forSeconds: 10 * minute,
      severity: "warning",
      summary: `No backup of site {{ $labels.site }} has been restored in a drill for more than ${lateFor(ages.drill)}.`,
      runbook: "backup-failing.md",
    },
    {
      alert: "DnsMeshReconcilerStale",
      expr: lateSince(write.series("agent_reconciler_run_timestamp_seconds"), ages.reconciler),
      forSeconds: 5 * minute,
      severity: "warning",
      summary: `The reconciler of site {{ $labels.site }} has not ended a pass for more than ${lateFor(ages.reconciler)}.`,
      runbook: "reconciler-stale.md",
    },
  ];
}

/** How far rules look back: a Prometheus need not keep more than some days. */
const mostOffset = 3 * day;

/** For how long something is late, and that what never was is so sooner. */
function lateFor(seconds: number): string {
  return seconds > mostOffset ? `${duration(seconds)}, or ever` : duration(seconds);
}

/**
 * As the site's pod says that heard of it last: too long ago; or never (0), and so for as long as that is too long, or for
 * as long as rules look back: what is new has done nothing yet.
 */
function lateSince(series: string, seconds: number): string {
  const offset = duration(Math.min(seconds, mostOffset));
  const [now, then] = [`max by (site) (${series})`, `max by (site) (${series} offset ${offset})`];
  return `time() - (${now} > 0) > ${seconds} or (${now} == 0 and ${then} == 0)`;
}

function probeRules(write: Writer): readonly AlertRule[] {
  const job = `job="${probeJob}"`;
  return [
    {
      alert: "DnsMeshProbeFails",
      expr: `${write.probed("probe_success", job)} == 0`,
      forSeconds: 3 * minute,
      severity: "critical",
      summary: "Site {{ $labels.site }} does not answer for {{ $labels.zone }} at {{ $labels.instance }} from outside.",
      runbook: "answers-from-outside.md",
    },
    {
      alert: "DnsMeshProberAway",
      // Neither a prober that is gone nor one without the zone's module gives a `probe_success`.
      expr: `count by (${proberLabel}, zone) (${write.probed("up", job)} == 0)`,
      forSeconds: 10 * minute,
      severity: "warning",
      summary:
        "blackbox-exporter does not ask for {{ $labels.zone }} at {{ $value }} addresses: it is away, or lacks the zone's module.",
      runbook: "answers-from-outside.md#the-prober-is-away",
    },
    {
      alert: "DnsMeshAnswersSlow",
      expr: `avg_over_time(${write.probed("probe_duration_seconds", job)}${write.range(5 * minute)}) > 0.5`,
      forSeconds: 5 * minute,
      severity: "warning",
      summary: "Site {{ $labels.site }} takes {{ $value | humanizeDuration }} to answer from outside.",
      runbook: "answers-from-outside.md#slow-answers",
    },
  ];
}
