import { type Histogram, renderMetricFamilies, type Sample, type Values } from "../../../base/prometheus";
import type { BackupFacts } from "../../../contract/backups";
import { agentMetrics } from "../../../contract/metrics";
import type { ReconcilerFacts } from "../../../contract/reconciler-report";
import type { VaultFacts } from "../credentials/vault-keeper";
import type { KnotLogCounts } from "../knot-log";
import { type Lag, type OpenEntry, type Target, targetKey } from "../notify/open-entries";
import type { PeerLook } from "../notify/peer-watch";
import { type AgentStatus, problemKinds } from "./status";

type Peer = Pick<Target, "site" | "pod">;
type AgentValues = Readonly<Record<keyof typeof agentMetrics, Values>>;

/** What {@link renderMetrics} shows. Times are in milliseconds since 1970. */
export interface MetricsInput {
  readonly status: AgentStatus;
  readonly zones: { readonly directory: string; readonly catalog: string } | undefined;
  readonly passes: PassCounts;
  readonly peers: PeerFigures;
  /** Of the pod's own Knot. */
  readonly answers: Histogram;
  readonly knotLog: KnotLogCounts;
  readonly ring: { readonly keys: number; readonly madeAt: number | undefined };
  readonly certificate: CertificateTimes | undefined;
  /** By signed zone whose parent has DS records: whether they fit. */
  readonly parents: ReadonlyMap<string, boolean>;
  /** Where key ring and certificate come from Vault. */
  readonly vault: VaultFacts | undefined;
  /** At the writer of a site that has backups. */
  readonly backups: BackupFacts | undefined;
  readonly reconciler: ReconcilerFacts;
  readonly now: number;
}

/** How passes ended. */
export interface PassCounts {
  readonly results: Readonly<Record<string, number>>;
  readonly succeededAt: number | undefined;
  /** Times that central zones were refused, by reason. */
  readonly refusals: ReadonlyMap<string, number>;
}

/** What is known of other sites, and of the other pods of this one. */
export interface PeerFigures {
  readonly targets: readonly Peer[];
  readonly looks: readonly PeerLook[];
  readonly lags: readonly Lag[];
  /** Zones that peers have lacked longest. */
  readonly longest: readonly Pick<OpenEntry, "target" | "zone" | "since">[];
  /** A pair for each zone in which a peer differs. */
  readonly disagreeing: readonly { readonly target: Peer }[];
  readonly publication: Values;
}

/** When the site's certificate begins and ends, and when the first of the roots ends. */
export interface CertificateTimes {
  readonly from: number;
  readonly to: number;
  readonly rootsTo: number;
}

/** The agent's figures in the text format of Prometheus. */
export function renderMetrics(input: MetricsInput): string {
  return renderMetricFamilies(agentMetrics, {
    ...podValues(input),
    ...passValues(input),
    ...peerValues(input.peers, input.now),
    ...credentialValues(input),
    ...dnssecValues(input),
    ...knotValues(input.knotLog),
    ...backupValues(input.backups),
    ...reconcilerValues(input.reconciler),
  });
}

function podValues({ status, answers }: MetricsInput) {
  const { volume, expiry, problems } = status;
  const kinds = problemKinds.map((kind) => ({ kind, open: problems.filter((problem) => problem.kind === kind) }));
  return {
    dns_mesh_agent_ready: status.ready ? 1 : 0,
    dns_mesh_agent_problem: kinds.map(({ kind, open }): Sample => [{ kind }, open.length > 0 ? 1 : 0]),
    dns_mesh_agent_problem_began_timestamp_seconds: kinds.flatMap(({ kind, open }): Sample[] =>
      open.length === 0 ? [] : [[{ kind }, Math.min(...open.map(({ since }) => secondsOf(since)))]],
    ),
    dns_mesh_agent_answer_seconds: answers,
    dns_mesh_agent_volume_size_bytes: volume?.size,
    dns_mesh_agent_volume_free_bytes: volume?.free,
    dns_mesh_agent_zone_expiry_timestamp_seconds: sample(expiry?.zone, expiry && Date.parse(expiry.at) / 1000),
  } satisfies Partial<AgentValues>;
}

function passValues({ status, zones, passes }: MetricsInput) {
  const { applied, observed, counters } = status;
  const serials = (at: { directorySerial?: number; catalogSerial?: number } | undefined): Sample[] => [
    ...sample(zones?.directory, at?.directorySerial),
    ...sample(zones?.catalog, at?.catalogSerial),
  ];
  return {
    dns_mesh_agent_passes_total: Object.entries(passes.results).map(([result, count]): Sample => [{ result }, count]),
    dns_mesh_agent_pass_last_success_timestamp_seconds: seconds(passes.succeededAt) ?? 0,
    dns_mesh_agent_applied_serial: serials(applied),
    dns_mesh_agent_applied_timestamp_seconds:
      applied === undefined || applied.at === "" ? undefined : secondsOf(applied.at),
    dns_mesh_agent_observed_serial: serials(observed),
    dns_mesh_agent_central_refusals_total: [...passes.refusals].map(([reason, count]): Sample => [{ reason }, count]),
    dns_mesh_agent_peers: status.peers,
    dns_mesh_agent_zones: status.zones,
    dns_mesh_agent_zones_empty: status.emptyZones,
    dns_mesh_agent_held: (["sites", "zones"] as const).map((kind): Sample => [
      { kind },
      status.held.filter((held) => held.kind === kind).reduce((sum, { names }) => sum + names.length, 0),
    ]),
    dns_mesh_agent_changes_held: (status.guard ?? []).flatMap(({ zone, tries }) => sample(zone, tries)),
    dns_mesh_agent_dns_queries_total: counters.dnsQueries,
    dns_mesh_agent_transfers_total: counters.transfers,
    dns_mesh_agent_notifies_total: counters.notifies,
    dns_mesh_agent_reloads_total: counters.reloads,
  } satisfies Partial<AgentValues>;
}

function peerValues({ targets, looks, lags, longest, disagreeing, publication }: PeerFigures, now: number) {
  const age = (since: number): number => Math.max(0, Math.round((now - since) / 1000));
  const found = perPeer(lags);
  const differing = new Map<string, number>();
  for (const { target } of disagreeing) differing.set(targetKey(target), (differing.get(targetKey(target)) ?? 0) + 1);
  const all = new Map(
    [...targets, ...[...found.values()].map(({ peer }) => peer)].map((peer) => [targetKey(peer), peer]),
  );
  const each = (value: (key: string) => number): Sample[] =>
    [...all].map(([key, peer]) => [peerLabels(peer), value(key)]);
  return {
    dns_mesh_agent_peer_up: looks.map((look): Sample => [peerLabels(look), look.isUp ? 1 : 0]),
    dns_mesh_agent_peer_answer_seconds: looks.flatMap((look): Sample[] =>
      look.answerMs === undefined ? [] : [[peerLabels(look), look.answerMs / 1000]],
    ),
    dns_mesh_agent_peer_lag_seconds: each((key) => age(found.get(key)?.since ?? now)),
    dns_mesh_agent_peer_lag_serials: each((key) => found.get(key)?.behind ?? 0),
    dns_mesh_agent_peer_lagging_zones: each((key) => found.get(key)?.zones ?? 0),
    dns_mesh_agent_peer_disagreeing_zones: each((key) => differing.get(key) ?? 0),
    dns_mesh_agent_zone_lag_seconds: longest.map(({ target, zone, since }): Sample => [
      { zone, ...peerLabels(target) },
      age(since),
    ]),
    dns_mesh_agent_publication_seconds: publication,
  } satisfies Partial<AgentValues>;
}

function credentialValues({ status, certificate, ring, vault }: MetricsInput) {
  const { certificateEnds } = status;
  return {
    dns_mesh_agent_certificate_issued_timestamp_seconds: seconds(certificate?.from),
    dns_mesh_agent_certificate_expiry_timestamp_seconds:
      certificateEnds === undefined ? undefined : secondsOf(certificateEnds),
    dns_mesh_agent_root_expiry_timestamp_seconds: seconds(certificate?.rootsTo),
    dns_mesh_agent_ring_keys: ring.keys,
    dns_mesh_agent_ring_key_made_timestamp_seconds: seconds(ring.madeAt),
    dns_mesh_agent_ring_read_timestamp_seconds:
      vault?.ringReadAt === undefined ? undefined : Math.round(vault.ringReadAt / 1000),
    dns_mesh_agent_vault_up: vault && (vault.up ? 1 : 0),
  };
}

function dnssecValues({ status, parents }: MetricsInput) {
  const { dnssec = [], zoneKeys } = status;
  return {
    dns_mesh_agent_signature_expiry_timestamp_seconds: dnssec.flatMap(({ zone, signedUntil }) =>
      sample(zone, signedUntil === undefined ? undefined : Date.parse(signedUntil) / 1000),
    ),
    dns_mesh_agent_ds_matches: [...parents].map(([zone, fits]): Sample => [{ zone }, fits ? 1 : 0]),
    dns_mesh_agent_zone_keys_kept_timestamp_seconds: zoneKeys && secondsOf(zoneKeys.keptAt ?? epoch),
  } satisfies Partial<AgentValues>;
}

function knotValues({ refused, transfers, refreshFailures }: KnotLogCounts) {
  return {
    dns_mesh_agent_refused_requests_total: [...refused].map(([action, count]): Sample => [{ action }, count]),
    dns_mesh_agent_knot_transfers_total: transfers.map(({ direction, result, count }): Sample => [
      { direction, result },
      count,
    ]),
    dns_mesh_agent_refresh_failures_total: refreshFailures,
  } satisfies Partial<AgentValues>;
}

function backupValues(facts: BackupFacts | undefined) {
  const { backup, drill } = facts ?? {};
  const at = (time: string | undefined): number | undefined => facts && secondsOf(time ?? epoch);
  return {
    dns_mesh_agent_backup_last_success_timestamp_seconds: at(backup?.at),
    dns_mesh_agent_backup_drill_last_success_timestamp_seconds: at(drill?.at),
    dns_mesh_agent_backup_zones: backup?.zones,
    dns_mesh_agent_backup_size_bytes: backup?.size,
    dns_mesh_agent_backup_added_bytes: backup?.added,
    dns_mesh_agent_backup_duration_seconds: backup?.seconds,
    dns_mesh_agent_backup_prune_refused: backup && (backup.notPruned === undefined ? 0 : 1),
  } satisfies Partial<AgentValues>;
}

function reconcilerValues({ last, succeededAt }: ReconcilerFacts) {
  return {
    dns_mesh_agent_reconciler_run_timestamp_seconds: seconds(last?.at) ?? 0,
    dns_mesh_agent_reconciler_success_timestamp_seconds: seconds(succeededAt) ?? 0,
    dns_mesh_agent_reconciler_duration_seconds: last?.seconds,
    dns_mesh_agent_reconciler_findings: Object.entries(last?.findings ?? {}).map(([kind, count]): Sample => [
      { kind },
      count,
    ]),
  } satisfies Partial<AgentValues>;
}

const epoch = new Date(0).toISOString();

function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms / 1000);
}

/** A site may lag with its owner's zones and with those that this site passes on. */
function perPeer(lags: readonly Lag[]) {
  const peers = new Map<string, { peer: Peer; zones: number; since: number; behind: number }>();
  for (const { site, pod, zones, since, behind = 0 } of lags) {
    const peer = { site, ...(pod !== undefined && { pod }) };
    const before = peers.get(targetKey(peer)) ?? { zones: 0, since, behind };
    peers.set(targetKey(peer), {
      peer,
      zones: before.zones + zones,
      since: Math.min(before.since, since),
      behind: Math.max(before.behind, behind),
    });
  }
  return peers;
}

/** Prometheus has a label `pod` of its own for whom it scrapes. */
function peerLabels({ site, pod }: Peer): Readonly<Record<string, string>> {
  return { peer: site, ...(pod !== undefined && { peer_pod: String(pod) }) };
}

function sample(zone: string | undefined, value: number | undefined): Sample[] {
  return zone === undefined || value === undefined ? [] : [[{ zone }, value]];
}
