import { type Lag, targetKey } from "./open-entries";
import { problemKinds, type AgentStatus } from "./status";
import type { VaultFacts } from "./vault-keeper";

/** What {@link renderMetrics} shows. */
export interface MetricsInput {
  readonly status: AgentStatus;
  readonly zones: { readonly directory: string; readonly catalog: string } | undefined;
  readonly passes: Readonly<Record<string, number>>;
  readonly lags: readonly Lag[];
  /** Where key ring and certificate come from Vault. */
  readonly vault: VaultFacts | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The agent's figures in the text format of Prometheus. */
export function renderMetrics({ status, zones, passes, lags, vault, now }: MetricsInput): string {
  const { applied, observed, counters } = status;
  const serials = (at: { directorySerial?: number; catalogSerial?: number } | undefined): Sample[] => [
    ...sample(zones?.directory, at?.directorySerial),
    ...sample(zones?.catalog, at?.catalogSerial),
  ];
  const peerLags = perPeer(lags);
  return [
    family("applied_serial", "gauge", "Serial of the central zone that Knot's files are made from.", serials(applied)),
    family("observed_serial", "gauge", "Serial of the central zone that this site's Knot answers.", serials(observed)),
    family("ready", "gauge", "Whether traffic may come.", [[{}, status.ready ? 1 : 0]]),
    family("peers", "gauge", "Other sites.", [[{}, status.peers]]),
    family("zones", "gauge", "Zones of the mesh.", [[{}, status.zones]]),
    family("zones_empty", "gauge", "Zones without content here.", [[{}, status.emptyZones]]),
    family(
      "certificate_expiry_timestamp_seconds",
      "gauge",
      "When the site's certificate ends, in seconds since 1970.",
      status.certificateEnds === undefined ? [] : [[{}, Date.parse(status.certificateEnds) / 1000]],
    ),
    family(
      "signature_expiry_timestamp_seconds",
      "gauge",
      "When the first signature at the apex of an own zone ends, in seconds since 1970.",
      (status.dnssec ?? []).flatMap(({ zone, signedUntil }) =>
        sample(zone, signedUntil === undefined ? undefined : Date.parse(signedUntil) / 1000),
      ),
    ),
    family(
      "held",
      "gauge",
      "Entries whose removal is held back.",
      (["sites", "zones"] as const).map((kind) => [
        { kind },
        status.held.filter((held) => held.kind === kind).reduce((sum, { names }) => sum + names.length, 0),
      ]),
    ),
    family(
      "problem",
      "gauge",
      "Whether there is a problem of the kind.",
      problemKinds.map((kind) => [{ kind }, status.problems.some((problem) => problem.kind === kind) ? 1 : 0]),
    ),
    family(
      "passes_total",
      "counter",
      "Passes by result.",
      Object.entries(passes).map(([result, count]) => [{ result }, count]),
    ),
    family("dns_queries_total", "counter", "DNS queries.", [[{}, counters.dnsQueries]]),
    family("transfers_total", "counter", "Zone transfers.", [[{}, counters.transfers]]),
    family("notifies_total", "counter", "NOTIFY messages to lagging peers.", [[{}, counters.notifies]]),
    family("reloads_total", "counter", "Reloads of Knot or of the local catalog.", [[{}, counters.reloads]]),
    family(
      "peer_lag_seconds",
      "gauge",
      "For how long a peer has not answered the serial of a zone, that which it lacks longest.",
      peerLags.map(({ labels, since }) => [labels, Math.round((now - since) / 1000)]),
    ),
    family(
      "peer_lagging_zones",
      "gauge",
      "Zones whose serial a peer has not answered.",
      peerLags.map((lag) => [lag.labels, lag.zones]),
    ),
    ...(vault === undefined ? [] : vaultFamilies(vault, now)),
  ].join("");
}

function vaultFamilies({ up, ringReadAt }: VaultFacts, now: number): string[] {
  const age: Sample[] = ringReadAt === undefined ? [] : [[{}, Math.round((now - ringReadAt) / 1000)]];
  return [
    family("vault_up", "gauge", "Whether Vault gave what was asked for last.", [[{}, up ? 1 : 0]]),
    family("ring_age_seconds", "gauge", "Since the key ring was read from Vault.", age),
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

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

function sample(zone: string | undefined, value: number | undefined): Sample[] {
  return zone === undefined || value === undefined ? [] : [[{ zone }, value]];
}

// eslint-disable-next-line max-params -- a table of four columns
function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const full = `dns_mesh_agent_${name}`;
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels).map(([label, content]) => `${label}="${escape(content)}"`);
    return `${full}${text.length > 0 ? `{${text.join(",")}}` : ""} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}
