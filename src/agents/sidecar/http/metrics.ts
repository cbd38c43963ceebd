import { type Family, renderMetricFamilies, type Sample } from "../../../base/prometheus";
import type { BackupFacts } from "../../../contract/backups";
import type { VaultFacts } from "../credentials/vault-keeper";
import { type Lag, targetKey } from "../notify/open-entries";
import { type AgentStatus, problemKinds } from "./status";

/** What {@link renderMetrics} shows. */
export interface MetricsInput {
  readonly status: AgentStatus;
  readonly zones: { readonly directory: string; readonly catalog: string } | undefined;
  readonly passes: Readonly<Record<string, number>>;
  readonly lags: readonly Lag[];
  /** Where key ring and certificate come from Vault. */
  readonly vault: VaultFacts | undefined;
  /** At the writer of a site that has backups. */
  readonly backups: BackupFacts | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The agent's figures in the text format of Prometheus. */
export function renderMetrics({ status, zones, passes, lags, vault, backups, now }: MetricsInput): string {
  const { applied, observed, counters } = status;
  const serials = (at: { directorySerial?: number; catalogSerial?: number } | undefined): Sample[] => [
    ...sample(zones?.directory, at?.directorySerial),
    ...sample(zones?.catalog, at?.catalogSerial),
  ];
  const peerLags = perPeer(lags);
  return renderMetricFamilies("dns_mesh_agent_", [
    {
      name: "applied_serial",
      type: "gauge",
      help: "Serial of the central zone that Knot's files are made from.",
      samples: serials(applied),
    },
    {
      name: "observed_serial",
      type: "gauge",
      help: "Serial of the central zone that this site's Knot answers.",
      samples: serials(observed),
    },
    { name: "ready", type: "gauge", help: "Whether the pod may get traffic.", samples: status.ready ? 1 : 0 },
    { name: "peers", type: "gauge", help: "Other sites.", samples: status.peers },
    { name: "zones", type: "gauge", help: "Zones of the mesh.", samples: status.zones },
    { name: "zones_empty", type: "gauge", help: "Zones without content here.", samples: status.emptyZones },
    {
      name: "zone_expiry_timestamp_seconds",
      type: "gauge",
      help: "When the copy of another server's zone expires that expires first, in seconds since 1970.",
      samples: status.expiry === undefined ? [] : sample(status.expiry.zone, Date.parse(status.expiry.at) / 1000),
    },
    {
      name: "certificate_expiry_timestamp_seconds",
      type: "gauge",
      help: "When the site's certificate ends, in seconds since 1970.",
      samples: status.certificateEnds === undefined ? [] : [[{}, Date.parse(status.certificateEnds) / 1000]],
    },
    {
      name: "signature_expiry_timestamp_seconds",
      type: "gauge",
      help: "When the first signature at the apex of an own zone ends, in seconds since 1970.",
      samples: (status.dnssec ?? []).flatMap(({ zone, signedUntil }) =>
        sample(zone, signedUntil === undefined ? undefined : Date.parse(signedUntil) / 1000),
      ),
    },
    {
      name: "zone_keys_kept_timestamp_seconds",
      type: "gauge",
      help: "When the present keys of signed zones were last seen in their second place, in seconds since 1970; 0 for never.",
      samples:
        status.zoneKeys === undefined ? [] : [[{}, Math.floor(Date.parse(status.zoneKeys.keptAt ?? epoch) / 1000)]],
    },
    {
      name: "volume_size_bytes",
      type: "gauge",
      help: "Size of the pod's volume.",
      samples: status.volume === undefined ? [] : status.volume.size,
    },
    {
      name: "volume_free_bytes",
      type: "gauge",
      help: "Room that is left on the pod's volume.",
      samples: status.volume === undefined ? [] : status.volume.free,
    },
    {
      name: "held",
      type: "gauge",
      help: "Entries whose removal is held back.",
      samples: (["sites", "zones"] as const).map((kind) => [
        { kind },
        status.held.filter((held) => held.kind === kind).reduce((sum, { names }) => sum + names.length, 0),
      ]),
    },
    {
      name: "changes_held",
      type: "gauge",
      help: "How often a change of a zone was tried that is held until it is let through.",
      samples: (status.guard ?? []).flatMap(({ zone, tries }) => sample(zone, tries)),
    },
    {
      name: "problem",
      type: "gauge",
      help: "Whether there is a problem of the kind.",
      samples: problemKinds.map((kind) => [{ kind }, status.problems.some((problem) => problem.kind === kind) ? 1 : 0]),
    },
    {
      name: "passes_total",
      type: "counter",
      help: "Passes by result.",
      samples: Object.entries(passes).map(([result, count]) => [{ result }, count]),
    },
    { name: "dns_queries_total", type: "counter", help: "DNS queries.", samples: counters.dnsQueries },
    { name: "transfers_total", type: "counter", help: "Zone transfers.", samples: counters.transfers },
    { name: "notifies_total", type: "counter", help: "NOTIFY messages to lagging peers.", samples: counters.notifies },
    {
      name: "reloads_total",
      type: "counter",
      help: "Reloads of Knot or of the local catalog.",
      samples: counters.reloads,
    },
    {
      name: "peer_lag_seconds",
      type: "gauge",
      help: "For how long a peer has not answered the serial of a zone, that which it lacks longest.",
      samples: peerLags.map(({ labels, since }) => [labels, Math.round((now - since) / 1000)]),
    },
    {
      name: "peer_lagging_zones",
      type: "gauge",
      help: "Zones whose serial a peer has not answered.",
      samples: peerLags.map((lag) => [lag.labels, lag.zones]),
    },
    ...(vault === undefined ? [] : vaultFamilies(vault)),
    ...(backups === undefined ? [] : backupFamilies(backups)),
  ]);
}

const epoch = new Date(0).toISOString();

function vaultFamilies({ up, ringReadAt }: VaultFacts): readonly Family[] {
  const readAt: readonly Sample[] = ringReadAt === undefined ? [] : [[{}, Math.round(ringReadAt / 1000)]];
  return [
    { name: "vault_up", type: "gauge", help: "Whether Vault gave what was asked for last.", samples: up ? 1 : 0 },
    {
      name: "ring_read_timestamp_seconds",
      type: "gauge",
      help: "When the key ring was read from Vault last, in seconds since 1970.",
      samples: readAt,
    },
  ];
}

function backupFamilies({ backup, drill }: BackupFacts): readonly Family[] {
  const at = (time: string | undefined): number => Math.floor(Date.parse(time ?? epoch) / 1000);
  const gauge = (name: string, help: string, samples: number): Family => ({ name, type: "gauge", help, samples });
  const made = [
    gauge(
      "backup_last_success_timestamp_seconds",
      "When the last backup was pushed, in seconds since 1970; 0 for never.",
      at(backup?.at),
    ),
    gauge(
      "backup_drill_last_success_timestamp_seconds",
      "When the last restore drill found no difference, in seconds since 1970; 0 for never.",
      at(drill?.at),
    ),
  ];
  if (backup === undefined) return made;
  return [
    ...made,
    gauge("backup_zones", "Zones in the last backup.", backup.zones),
    gauge("backup_size_bytes", "Octets of the last backup.", backup.size),
    gauge("backup_added_bytes", "Octets that the last backup added to what is stored.", backup.added),
    gauge("backup_duration_seconds", "How long the last backup took.", backup.seconds),
    gauge(
      "backup_prune_refused",
      "Whether what is too old could not be removed.",
      backup.notPruned === undefined ? 0 : 1,
    ),
  ];
}

/** A site may lag with its owner's zones and with those that this site passes on. */
function perPeer(lags: readonly Lag[]) {
  const peers = new Map<string, { labels: Record<string, string>; zones: number; since: number }>();
  for (const { site, pod, zones, since } of lags) {
    const key = targetKey({ site, ...(pod !== undefined && { pod }) });
    const before = peers.get(key) ?? { zones: 0, since };
    const labels = { peer: site, ...(pod !== undefined && { pod: String(pod) }) };
    peers.set(key, { labels, zones: before.zones + zones, since: Math.min(before.since, since) });
  }
  return [...peers.values()];
}

function sample(zone: string | undefined, value: number | undefined): Sample[] {
  return zone === undefined || value === undefined ? [] : [[{ zone }, value]];
}
