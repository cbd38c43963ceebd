/** An alert that is to be there at a time, as Alertmanager gets it. */
export interface ExpectedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly runbook: string;
}

/** What Prometheus sees, and which alerts of one name there are at which times. */
export interface RuleCase {
  readonly alert: string;
  readonly what: string;
  /** Between two samples, and two evaluations. @default 30s */
  readonly every?: "5m";
  /** Values by series, in the notation of `promtool test rules`. Time begins at 0, which is 1970. */
  readonly series: Readonly<Record<string, string>>;
  readonly expected: readonly { readonly at: string; readonly alerts: readonly ExpectedAlert[] }[];
}

const silent = (at: string) => ({ at, alerts: [] });
const fires = (at: string, alert: ExpectedAlert) => ({ at, alerts: [alert] });
const pod = 'site="site-b",pod="knot-0"';
const ofPod = { site: "site-b", pod: "knot-0" };

/** A problem of an agent that is there from the first sample on, and one that ends before the time is up. */
function problemCases(
  kind: string,
  {
    alert,
    soon,
    late,
    ...expected
  }: { alert: string; severity: string; soon: string; late: string } & Omit<ExpectedAlert, "labels">,
): readonly RuleCase[] {
  const { severity, summary, runbook } = expected;
  return [
    {
      alert,
      what: `fires once the problem ${kind} lasts`,
      series: { [`dns_mesh_agent_problem{${pod},kind="${kind}"}`]: "1x60" },
      expected: [silent(soon), fires(late, { labels: { ...ofPod, kind, severity }, summary, runbook })],
    },
    {
      alert,
      what: `is silent when the problem ${kind} goes by, and about others`,
      series: {
        [`dns_mesh_agent_problem{${pod},kind="${kind}"}`]: "1 0x60",
        [`dns_mesh_agent_problem{${pod},kind="other"}`]: "1x60",
      },
      expected: [silent("1m"), silent(late)],
    },
  ];
}

/** For a mesh of the sites site-a and site-b, whose operators are known and whose schedules are the default ones. */
export const ruleCases: readonly RuleCase[] = [
  {
    alert: "DnsMeshSiteDown",
    what: "fires when no pod of a site is ready",
    series: {
      'dns_mesh_agent_ready{site="site-a",pod="knot-0"}': "1x20",
      'dns_mesh_agent_ready{site="site-b",pod="knot-0"}': "1x4 0x16",
      'dns_mesh_agent_ready{site="site-b",pod="knot-1"}': "0x20",
    },
    expected: [
      silent("5m"),
      fires("6m", {
        labels: { site: "site-b", severity: "critical" },
        summary: "No pod of site site-b is ready, or none is seen.",
        runbook: "site-down.md",
      }),
    ],
  },
  {
    alert: "DnsMeshSiteDown",
    what: "fires when nothing is seen of a site",
    series: {
      'dns_mesh_agent_ready{site="site-a",pod="knot-0"}': "1x4 stale",
      'dns_mesh_agent_ready{site="site-b",pod="knot-0"}': "1x20",
    },
    expected: [
      silent("5m"),
      fires("6m", {
        labels: { site: "site-a", severity: "critical" },
        summary: "No pod of site site-a is ready, or none is seen.",
        runbook: "site-down.md",
      }),
    ],
  },
  {
    alert: "DnsMeshSiteDown",
    what: "is silent while pods are replaced one after the other",
    series: {
      'dns_mesh_agent_ready{site="site-a",pod="knot-0"}': "1x20",
      'dns_mesh_agent_ready{site="site-b",pod="knot-0"}': "1x8 0x4 1x8",
      'dns_mesh_agent_ready{site="site-b",pod="knot-1"}': "0x4 1x16",
    },
    expected: [silent("3m"), silent("6m"), silent("9m")],
  },
  {
    alert: "DnsMeshPodNotReady",
    what: "fires for the pod that stays away",
    series: { [`dns_mesh_agent_ready{${pod}}`]: "0x30", 'dns_mesh_agent_ready{site="site-b",pod="knot-1"}': "1x30" },
    expected: [
      silent("9m"),
      fires("10m", {
        labels: { ...ofPod, severity: "warning" },
        summary: "Pod knot-0 of site site-b gets no traffic, or does not answer the other pods.",
        runbook: "site-down.md#one-pod-of-several",
      }),
    ],
  },
  {
    alert: "DnsMeshPodNotReady",
    what: "is silent while a pod starts",
    series: { [`dns_mesh_agent_ready{${pod}}`]: "0x10 1x20" },
    expected: [silent("5m"), silent("12m")],
  },
  {
    alert: "DnsMeshPodNotReady",
    what: "fires for a pod that does not start, and has no series",
    series: {
      'dns_mesh_agent_ready{site="site-b",pod="knot-0"}': "1x30",
      'dns_mesh_agent_ready{site="site-b",pod="knot-2"}': "1x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-b",peer_pod="1"}': "0x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-2",peer="site-b",peer_pod="1"}': "1x3 0x26",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-b",peer_pod="2"}': "1x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-2",peer="site-b",peer_pod="0"}': "1x30",
    },
    expected: [
      silent("11m30s"),
      fires("12m30s", {
        labels: { site: "site-b", pod: "knot-1", peer_pod: "1", severity: "warning" },
        summary: "Pod knot-1 of site site-b gets no traffic, or does not answer the other pods.",
        runbook: "site-down.md#one-pod-of-several",
      }),
    ],
  },
  {
    alert: "DnsMeshPodNotReady",
    what: "fires once for a pod that says itself what the others say of it",
    series: {
      [`dns_mesh_agent_ready{${pod}}`]: "0x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-1",peer="site-b",peer_pod="0"}': "0x30",
    },
    expected: [
      fires("10m", {
        labels: { ...ofPod, severity: "warning" },
        summary: "Pod knot-0 of site site-b gets no traffic, or does not answer the other pods.",
        runbook: "site-down.md#one-pod-of-several",
      }),
    ],
  },
  {
    alert: "DnsMeshPodNotReady",
    what: "is silent about another site that does not answer",
    series: {
      [`dns_mesh_agent_ready{${pod}}`]: "1x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-a"}': "0x30",
    },
    expected: [silent("12m")],
  },
  {
    alert: "DnsMeshWriterAway",
    what: "fires when the writer stays away, whichever replica says so",
    series: {
      'dns_mesh_records_writer_away{site="site-b",pod="one"}': "0x30",
      'dns_mesh_records_writer_away{site="site-b",pod="two"}': "0x2 2x28",
    },
    expected: [
      silent("6m"),
      fires("7m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "Pod 0 of site site-b takes no changes of 2 zones.",
        runbook: "pod-0-lost.md",
      }),
    ],
  },
  {
    alert: "DnsMeshWriterAway",
    what: "is silent while pod 0 restarts",
    series: { 'dns_mesh_records_writer_away{site="site-b",pod="one"}': "2x4 0x30" },
    expected: [silent("2m"), silent("10m")],
  },
  {
    alert: "DnsMeshZoneLag",
    what: "fires for the site that does not come to a change",
    series: {
      'dns_mesh_agent_peer_lag_seconds{site="site-b",pod="knot-0",peer="site-a"}': "0+30x30",
      'dns_mesh_agent_peer_lag_seconds{site="site-b",pod="knot-0",peer="site-c"}': "0 30 0x30",
    },
    expected: [
      silent("6m"),
      fires("7m", {
        labels: { site: "site-b", peer: "site-a", severity: "warning" },
        summary: "Site site-a has lacked a change of site-b for 7m 0s.",
        runbook: "transfers-fail.md",
      }),
    ],
  },
  {
    alert: "DnsMeshZoneLag",
    what: "is silent about a pod of the own site",
    series: {
      'dns_mesh_agent_peer_lag_seconds{site="site-b",pod="knot-0",peer="site-b",peer_pod="1"}': "0+30x30",
    },
    expected: [silent("7m"), silent("12m")],
  },
  {
    alert: "DnsMeshZoneLag",
    what: "is silent when one change follows another, and each arrives",
    series: {
      'dns_mesh_agent_peer_lag_seconds{site="site-b",pod="knot-0",peer="site-a"}': "30 60 0 30 60 0 30 60 0x20",
    },
    expected: [silent("1m"), silent("4m"), silent("8m")],
  },
  ...problemCases("expiring", {
    alert: "DnsMeshZoneExpiresSoon",
    severity: "warning",
    soon: "4m",
    late: "5m",
    summary: "Copies of zones at site site-b were not refreshed for long, and expire.",
    runbook: "zone-about-to-expire.md",
  }),
  {
    alert: "DnsMeshZoneExpires",
    what: "fires on the last day of a zone that nobody refreshes",
    series: {
      [`dns_mesh_agent_zone_expiry_timestamp_seconds{${pod},instance="b:8053",zone="example.org"}`]: "86700x60",
      [`dns_mesh_agent_problem{${pod},instance="b:8053",kind="expiring"}`]: "1x60",
    },
    expected: [
      silent("10m"),
      fires("12m", {
        labels: { ...ofPod, instance: "b:8053", zone: "example.org", severity: "critical" },
        summary: "Zone example.org expires at site site-b in 23h 53m 0s.",
        runbook: "zone-about-to-expire.md",
      }),
    ],
  },
  {
    alert: "DnsMeshZoneExpires",
    what: "is silent about a zone whose SOA expire is an hour, and which is refreshed",
    series: {
      [`dns_mesh_agent_zone_expiry_timestamp_seconds{${pod},instance="b:8053",zone="example.org"}`]: "3600+30x60",
      [`dns_mesh_agent_problem{${pod},instance="b:8053",kind="expiring"}`]: "0x60",
      [`dns_mesh_agent_problem{${pod},instance="a:8053",kind="expiring"}`]: "1x60",
    },
    expected: [silent("12m")],
  },
  {
    alert: "DnsMeshZoneEmpty",
    what: "fires when zones stay without content",
    series: { [`dns_mesh_agent_zones_empty{${pod}}`]: "3x30" },
    expected: [
      silent("9m"),
      fires("10m", {
        labels: { ...ofPod, severity: "critical" },
        summary: "Site site-b has no content of 3 zones, and answers SERVFAIL for them.",
        runbook: "zone-empty.md",
      }),
    ],
  },
  {
    alert: "DnsMeshZoneEmpty",
    what: "is silent while a new site takes its zones",
    series: { [`dns_mesh_agent_zones_empty{${pod}}`]: "900 700 500 200 20 0x30" },
    expected: [silent("2m"), silent("12m")],
  },
  ...problemCases("disagree", {
    alert: "DnsMeshSitesDisagree",
    severity: "critical",
    soon: "1m",
    late: "2m",
    summary: "Other sites answer another version of a zone than its owner site-b.",
    runbook: "sites-disagree.md",
  }),
  {
    alert: "DnsMeshPeerAway",
    what: "is silent about a pod of the own site",
    series: { 'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-b",peer_pod="1"}': "0x30" },
    expected: [silent("6m"), silent("12m")],
  },
  {
    alert: "DnsMeshPeerAway",
    what: "fires when no pod of a site reaches another site",
    series: {
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-a"}': "1x4 0x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-1",peer="site-a"}': "0x40",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-c"}': "0x40",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-1",peer="site-c"}': "1x40",
    },
    expected: [
      silent("7m"),
      fires("8m", {
        labels: { site: "site-b", peer: "site-a", severity: "warning" },
        summary: "Site site-a does not answer site site-b.",
        runbook: "transfers-fail.md#a-site-does-not-answer-another",
      }),
    ],
  },
  {
    alert: "DnsMeshPeerAway",
    what: "is silent when the other site restarts, or leaves",
    series: {
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-a"}': "1x4 0x6 1x30",
      'dns_mesh_agent_peer_up{site="site-b",pod="knot-0",peer="site-c"}': "1x4 0x2 stale",
    },
    expected: [silent("4m"), silent("12m")],
  },
  {
    alert: "DnsMeshTransfersFail",
    what: "fires when refreshes fail again and again",
    series: { [`dns_mesh_agent_refresh_failures_total{${pod}}`]: "0+1x80" },
    expected: [
      silent("19m"),
      fires("22m", {
        labels: { ...ofPod, severity: "warning" },
        summary: "Site site-b gets zones from none of the servers that have them.",
        runbook: "transfers-fail.md",
      }),
    ],
  },
  {
    alert: "DnsMeshTransfersFail",
    what: "is silent about refreshes that failed while a link was cut for five minutes",
    series: { [`dns_mesh_agent_refresh_failures_total{${pod}}`]: "0 1 2 3 4 5 6 7 8 9x80" },
    expected: [silent("10m"), silent("20m"), silent("24m"), silent("35m")],
  },
  {
    alert: "DnsMeshPassesFail",
    what: "fires when passes fail again and again",
    series: {
      [`dns_mesh_agent_passes_total{${pod},result="failed"}`]: "0+5x40",
      [`dns_mesh_agent_passes_total{${pod},result="idle"}`]: "0+30x40",
    },
    expected: [
      silent("9m"),
      fires("11m", {
        labels: { ...ofPod, result: "failed", severity: "warning" },
        summary: "Site site-b cannot read or apply the central zones.",
        runbook: "transfers-fail.md",
      }),
    ],
  },
  {
    alert: "DnsMeshPassesFail",
    what: "is silent about passes that failed while a site started",
    series: { [`dns_mesh_agent_passes_total{${pod},result="failed"}`]: "0 3 6x60" },
    expected: [silent("2m"), silent("11m"), silent("20m")],
  },
  {
    alert: "DnsMeshRemovalHeld",
    what: "fires while removals are held, once for all pods",
    series: {
      'dns_mesh_agent_held{site="site-b",pod="knot-0",kind="zones"}': "4x30",
      'dns_mesh_agent_held{site="site-b",pod="knot-1",kind="zones"}': "4x30",
      'dns_mesh_agent_held{site="site-b",pod="knot-0",kind="sites"}': "0x30",
    },
    expected: [
      silent("4m"),
      fires("5m", {
        labels: { site: "site-b", kind: "zones", severity: "warning" },
        summary: "Site site-b holds back the removal of 4 zones.",
        runbook: "removal-held.md",
      }),
    ],
  },
  {
    alert: "DnsMeshRemovalHeld",
    what: "is silent when what is held is confirmed soon",
    series: { 'dns_mesh_agent_held{site="site-b",pod="knot-0",kind="zones"}': "4x6 0x30" },
    expected: [silent("3m"), silent("6m")],
  },
  ...problemCases("guard", {
    alert: "DnsMeshChangeHeld",
    severity: "warning",
    soon: "30s",
    late: "1m",
    summary: "A change of a zone of site site-b takes away so much that it is held.",
    runbook: "change-held.md",
  }),
  ...["knot", "refused", "fenced", "apply", "zones", "unanswered"].flatMap((kind) =>
    problemCases(kind, {
      alert: "DnsMeshAgentProblem",
      severity: "critical",
      soon: "4m",
      late: "5m",
      summary: `The agent of site site-b has the problem "${kind}".`,
      runbook: "agent-problem.md",
    }),
  ),
  ...["central", "doubtful", "inputs", "state", "nameservers"].flatMap((kind) =>
    problemCases(kind, {
      alert: "DnsMeshAgentWarning",
      severity: "warning",
      soon: "14m",
      late: "15m",
      summary: `The agent of site site-b has the problem "${kind}".`,
      runbook: "agent-problem.md",
    }),
  ),
  ...problemCases("certificate", {
    alert: "DnsMeshCertificateEndsSoon",
    severity: "warning",
    soon: "9m",
    late: "10m",
    summary: "The certificate of site site-b ends soon, and was not renewed.",
    runbook: "expired-ca.md",
  }),
  {
    alert: "DnsMeshCertificateEnded",
    what: "fires at once when the certificate has ended",
    series: { [`dns_mesh_agent_certificate_expiry_timestamp_seconds{${pod}}`]: "600x40" },
    expected: [
      silent("9m"),
      fires("10m", {
        labels: { ...ofPod, severity: "critical" },
        summary: "The certificate of site site-b has ended: no site takes zones from it.",
        runbook: "expired-ca.md",
      }),
    ],
  },
  {
    alert: "DnsMeshCertificateEnded",
    what: "is silent when it is renewed in time",
    series: { [`dns_mesh_agent_certificate_expiry_timestamp_seconds{${pod}}`]: "600x15 90000x30" },
    expected: [silent("7m"), silent("12m")],
  },
  {
    alert: "DnsMeshRootEndsSoon",
    what: "fires a month before the first root ends",
    series: {
      'dns_mesh_agent_root_expiry_timestamp_seconds{site="site-b",pod="knot-0"}': "2592300x60",
      'dns_mesh_agent_root_expiry_timestamp_seconds{site="site-b",pod="knot-1"}': "9592300x60",
    },
    expected: [
      silent("15m"),
      fires("16m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "A root that site site-b trusts ends in 29d 23h 49m 0s.",
        runbook: "expired-ca.md#the-root-has-expired",
      }),
    ],
  },
  {
    alert: "DnsMeshRootEndsSoon",
    what: "is silent when a new root has taken its place",
    series: { [`dns_mesh_agent_root_expiry_timestamp_seconds{${pod}}`]: "2592300x14 99999999x60" },
    expected: [silent("9m"), silent("20m")],
  },
  {
    alert: "DnsMeshRingStale",
    what: "fires when the ring was not read for long",
    series: { [`dns_mesh_agent_ring_read_timestamp_seconds{${pod}}`]: "0x60" },
    expected: [
      silent("15m"),
      fires("16m", {
        labels: { ...ofPod, severity: "warning" },
        summary: "Site site-b has not read the key ring for 16m 0s.",
        runbook: "vault-away.md",
      }),
    ],
  },
  {
    alert: "DnsMeshRingStale",
    what: "is silent while the ring is read",
    series: { [`dns_mesh_agent_ring_read_timestamp_seconds{${pod}}`]: "0+30x60" },
    expected: [silent("20m")],
  },
  ...problemCases("vault", {
    alert: "DnsMeshVaultAway",
    severity: "warning",
    soon: "14m",
    late: "15m",
    summary: "Vault does not give site site-b its key ring or a certificate.",
    runbook: "vault-away.md",
  }),
  {
    alert: "DnsMeshSignaturesEnd",
    what: "fires three days before signatures end",
    series: { [`dns_mesh_agent_signature_expiry_timestamp_seconds{${pod},zone="example.org"}`]: "259500x60" },
    expected: [
      silent("15m"),
      fires("16m", {
        labels: { ...ofPod, zone: "example.org", severity: "critical" },
        summary: "Signatures of zone example.org end in 2d 23h 49m 0s, and are not renewed.",
        runbook: "signatures-end.md",
      }),
    ],
  },
  {
    alert: "DnsMeshSignaturesEnd",
    what: "is silent as long as Knot makes them anew",
    series: { [`dns_mesh_agent_signature_expiry_timestamp_seconds{${pod},zone="example.org"}`]: "1209600+30x60" },
    expected: [silent("16m")],
  },
  ...problemCases("dnssec", {
    alert: "DnsMeshSigningProblem",
    severity: "warning",
    soon: "9m",
    late: "10m",
    summary: "A zone of site site-b is not signed as it should be.",
    runbook: "signatures-end.md",
  }),
  {
    alert: "DnsMeshDsMismatch",
    what: "fires when the parent keeps DS records of other keys",
    series: {
      [`dns_mesh_agent_ds_matches{${pod},zone="example.org"}`]: "0x200",
      [`dns_mesh_agent_ds_matches{${pod},zone="example.net"}`]: "1x200",
    },
    expected: [
      silent("59m"),
      fires("1h1m", {
        labels: { ...ofPod, zone: "example.org", severity: "critical" },
        summary: "The parent of zone example.org has DS records of other keys: resolvers find it bogus, or will.",
        runbook: "signatures-end.md#the-parent-has-another-ds-record",
      }),
    ],
  },
  {
    alert: "DnsMeshDsMismatch",
    what: "is silent while a roll-over reaches the parent",
    series: { [`dns_mesh_agent_ds_matches{${pod},zone="example.org"}`]: "1x10 0x60 1x200" },
    expected: [silent("30m"), silent("1h10m")],
  },
  ...problemCases("keys", {
    alert: "DnsMeshZoneKeysNotKept",
    severity: "warning",
    soon: "9m",
    late: "10m",
    summary: "DNSSEC keys of site site-b have no copy in their second place.",
    runbook: "volume-lost.md#the-copy-is-not-replaced",
  }),
  {
    alert: "DnsMeshRecordsNotProgrammed",
    what: "fires when an object stays without every site's answer",
    series: { 'dns_mesh_records_waiting_since_timestamp_seconds{site="site-b",pod="one"}': "60x60" },
    expected: [
      silent("16m"),
      fires("18m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "A DnsRecord of site site-b has waited for 17m 0s for every site to answer it.",
        runbook: "records-not-programmed.md",
      }),
    ],
  },
  {
    alert: "DnsMeshRecordsNotProgrammed",
    what: "is silent while objects come and are programmed, however many",
    series: { 'dns_mesh_records_waiting_since_timestamp_seconds{site="site-b",pod="one"}': "0+30x60" },
    expected: [silent("10m"), silent("25m")],
  },
  {
    alert: "DnsMeshDrift",
    what: "fires when records were changed elsewhere, and is over a quarter of an hour later",
    series: {
      'dns_mesh_records_drift_total{site="site-b",pod="one"}': "0x10 1x60",
      'dns_mesh_records_drift_total{site="site-b",pod="two"}': "0x70",
    },
    expected: [
      silent("5m"),
      fires("7m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "Somebody else changes records of DnsRecords of site site-b.",
        runbook: "records-not-programmed.md#somebody-else-changes-them",
      }),
      silent("25m"),
    ],
  },
  {
    alert: "DnsMeshDrift",
    what: "is silent as long as nobody does, also when an operator starts anew",
    series: { 'dns_mesh_records_drift_total{site="site-b",pod="one"}': "3x20 0x40" },
    expected: [silent("8m"), silent("12m"), silent("25m")],
  },
  {
    alert: "DnsMeshSourcesNotListed",
    what: "fires when a kind of sources could not be listed for a quarter of an hour",
    series: {
      'dns_mesh_records_sources_unlisted{site="site-b",pod="one"}': "0x4 2x60",
      'dns_mesh_records_sources_unlisted{site="site-b",pod="two"}': "0x40",
    },
    expected: [
      silent("17m"),
      fires("18m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "The record operator of site site-b cannot list sources of DnsRecords.",
        runbook: "records-not-programmed.md#sources-are-not-listed",
      }),
    ],
  },
  {
    alert: "DnsMeshSourcesNotListed",
    what: "is silent while the API server is away for some minutes",
    series: { 'dns_mesh_records_sources_unlisted{site="site-b",pod="one"}': "0x4 3x8 0x40" },
    expected: [silent("10m"), silent("25m")],
  },
  {
    alert: "DnsMeshPoolDown",
    what: "fires when no target of pools has been healthy for two minutes, whichever replica leads",
    series: {
      'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="NoneHealthy"}': "0x4 3x20",
      'dns_mesh_pools_unhealthy{site="site-b",pod="two",reason="NoneHealthy"}': "0x30",
    },
    expected: [
      silent("4m"),
      fires("5m", {
        labels: { site: "site-b", severity: "critical" },
        summary: "3 pools of site site-b lead to targets of which none is healthy.",
        runbook: "pool-unhealthy.md",
      }),
    ],
  },
  {
    alert: "DnsMeshPoolDown",
    what: "is silent while targets are gone for a minute, and while too few are healthy",
    series: {
      'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="NoneHealthy"}': "0x4 1 0x30",
      'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="TooFewHealthy"}': "1x40",
    },
    expected: [silent("4m"), silent("6m"), silent("14m")],
  },
  {
    alert: "DnsMeshPoolDegraded",
    what: "fires when one reason or the other stays for a quarter of an hour",
    series: {
      'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="NotProbed"}': "1x12 0x40",
      'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="TooFewHealthy"}': "0x10 2x40",
    },
    expected: [
      silent("14m"),
      fires("16m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "Pools of site site-b have too few healthy targets, or targets that nobody probes.",
        runbook: "pool-unhealthy.md#too-few-or-not-probed",
      }),
    ],
  },
  {
    alert: "DnsMeshPoolDegraded",
    what: "is silent while pools are made and probed for the first time",
    series: { 'dns_mesh_pools_unhealthy{site="site-b",pod="one",reason="NotProbed"}': "0x4 1 0 1 0x40" },
    expected: [silent("10m"), silent("20m")],
  },
  {
    alert: "DnsMeshNoLeader",
    what: "fires when neither replica leads",
    series: {
      'dns_mesh_records_leader{site="site-a",pod="one"}': "1x30",
      'dns_mesh_records_leader{site="site-b",pod="one"}': "1x4 0x26",
      'dns_mesh_records_leader{site="site-b",pod="two"}': "0x30",
    },
    expected: [
      silent("7m"),
      fires("8m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "No record operator of site site-b leads: DnsRecords are not followed.",
        runbook: "records-not-programmed.md#no-operator-leads",
      }),
    ],
  },
  {
    alert: "DnsMeshNoLeader",
    what: "is silent when the other one takes over",
    series: {
      'dns_mesh_records_leader{site="site-a",pod="one"}': "1x30",
      'dns_mesh_records_leader{site="site-b",pod="one"}': "1x4 0x26",
      'dns_mesh_records_leader{site="site-b",pod="two"}': "0x6 1x24",
    },
    expected: [silent("4m"), silent("10m")],
  },
  {
    alert: "DnsMeshResolverServfail",
    what: "fires when a tenth of the answers is SERVFAIL",
    series: {
      'dns_mesh_resolver_answers_total{site="site-b",pod="r-1",worker="0",result="noerror"}': "0+2700x40",
      'dns_mesh_resolver_answers_total{site="site-b",pod="r-1",worker="1",result="servfail"}': "0+300x40",
      'dns_mesh_resolver_answers_total{site="site-a",pod="r-1",worker="0",result="noerror"}': "0+2700x40",
    },
    expected: [
      silent("5m"),
      fires("7m", {
        labels: { site: "site-b", severity: "critical" },
        summary: "The resolver of site site-b answers 10% of all questions with SERVFAIL.",
        runbook: "resolver.md",
      }),
    ],
  },
  {
    alert: "DnsMeshResolverServfail",
    what: "is silent about one of few questions, and a few of many",
    series: {
      'dns_mesh_resolver_answers_total{site="site-b",pod="r-1",worker="0",result="noerror"}': "0+1x40",
      'dns_mesh_resolver_answers_total{site="site-b",pod="r-1",worker="0",result="servfail"}': "0+1x40",
      'dns_mesh_resolver_answers_total{site="site-a",pod="r-1",worker="0",result="noerror"}': "0+2970x40",
      'dns_mesh_resolver_answers_total{site="site-a",pod="r-1",worker="0",result="servfail"}': "0+30x40",
    },
    expected: [silent("7m"), silent("15m")],
  },
  {
    alert: "DnsMeshResolverNotReady",
    what: "fires for a pod that stays without questions",
    series: {
      'dns_mesh_resolver_ready{site="site-b",pod="r-1"}': "1x60",
      'dns_mesh_resolver_ready{site="site-b",pod="r-2"}': "0x60",
    },
    expected: [
      silent("9m"),
      fires("11m", {
        labels: { site: "site-b", pod: "r-2", severity: "warning" },
        summary: "Pod r-2 of the resolver of site site-b gets no questions.",
        runbook: "resolver.md#a-pod-is-not-ready",
      }),
    ],
  },
  {
    alert: "DnsMeshResolverNotReady",
    what: "is silent about a pod that takes its time",
    series: { 'dns_mesh_resolver_ready{site="site-b",pod="r-1"}': "0x10 1x50" },
    expected: [silent("4m"), silent("15m")],
  },
  {
    alert: "DnsMeshResolverStale",
    what: "fires when no pod follows the mesh",
    series: {
      'dns_mesh_resolver_mesh_followed{site="site-b",pod="r-1"}': "0x60",
      'dns_mesh_resolver_mesh_followed{site="site-b",pod="r-2"}': "0x60",
    },
    expected: [
      silent("14m"),
      fires("16m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "The resolver of site site-b does not follow the mesh: zones, sites and keys stay as they were.",
        runbook: "resolver.md#it-does-not-follow-the-mesh",
      }),
    ],
  },
  {
    alert: "DnsMeshResolverStale",
    what: "is silent as long as one of them does",
    series: {
      'dns_mesh_resolver_mesh_followed{site="site-b",pod="r-1"}': "0x60",
      'dns_mesh_resolver_mesh_followed{site="site-b",pod="r-2"}': "1x60",
    },
    expected: [silent("16m"), silent("25m")],
  },
  {
    alert: "DnsMeshServfail",
    what: "fires when a tenth of the answers is SERVFAIL",
    series: {
      'knot_stats_response_code_total{site="site-b",pod="knot-0",module="mod-stats",type="NOERROR"}': "0+2700x40",
      'knot_stats_response_code_total{site="site-b",pod="knot-0",module="mod-stats",type="SERVFAIL"}': "0+300x40",
      'knot_stats_response_code_total{site="site-a",pod="knot-0",module="mod-stats",type="NOERROR"}': "0+2700x40",
    },
    expected: [
      silent("5m"),
      fires("7m", {
        labels: { site: "site-b", severity: "critical" },
        summary: "Site site-b answers 10% of all questions with SERVFAIL.",
        runbook: "servfail.md",
      }),
    ],
  },
  {
    alert: "DnsMeshServfail",
    what: "is silent about one of few questions, and a few of many",
    series: {
      'knot_stats_response_code_total{site="site-b",pod="knot-0",module="mod-stats",type="NOERROR"}': "0+1x40",
      'knot_stats_response_code_total{site="site-b",pod="knot-0",module="mod-stats",type="SERVFAIL"}': "0+1x40",
      'knot_stats_response_code_total{site="site-a",pod="knot-0",module="mod-stats",type="NOERROR"}': "0+9700x40",
      'knot_stats_response_code_total{site="site-a",pod="knot-0",module="mod-stats",type="SERVFAIL"}': "0+300x40",
    },
    expected: [silent("10m"), silent("15m")],
  },
  {
    alert: "DnsMeshKnotSlow",
    what: "fires when answers of the own Knot take long or do not come",
    series: {
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="0.5"}': "0+4x40",
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="1"}': "0+5x40",
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="+Inf"}': "0+6x40",
    },
    expected: [
      silent("5m"),
      fires("7m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "A tenth of the answers of Knot at site site-b take more than half a second, or do not come.",
        runbook: "answers-from-outside.md#slow-answers",
      }),
    ],
  },
  {
    alert: "DnsMeshKnotSlow",
    what: "is silent about one slow answer in twenty",
    series: {
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="0.5"}': "0+19x40",
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="1"}': "0+20x40",
      'dns_mesh_agent_answer_seconds_bucket{site="site-b",pod="knot-0",le="+Inf"}': "0+20x40",
    },
    expected: [silent("10m")],
  },
  {
    alert: "DnsMeshVolumeFilling",
    what: "fires when less than 15 percent are left",
    series: {
      [`dns_mesh_agent_volume_free_bytes{${pod}}`]: "100x30",
      [`dns_mesh_agent_volume_size_bytes{${pod}}`]: "1000x30",
    },
    expected: [
      silent("9m"),
      fires("10m", {
        labels: { ...ofPod, severity: "warning" },
        summary: "The volume of knot-0 at site site-b has 10% left.",
        runbook: "volume-damaged.md#a-larger-volume",
      }),
    ],
  },
  {
    alert: "DnsMeshVolumeFilling",
    what: "is silent when a fifth is left",
    series: {
      [`dns_mesh_agent_volume_free_bytes{${pod}}`]: "200x30",
      [`dns_mesh_agent_volume_size_bytes{${pod}}`]: "1000x30",
    },
    expected: [silent("12m")],
  },
  ...problemCases("volume", {
    alert: "DnsMeshVolumeProblem",
    severity: "critical",
    soon: "30s",
    late: "1m",
    summary: "The volume of knot-0 at site site-b is full or nearly so, or cannot be written.",
    runbook: "volume-damaged.md",
  }),
  ...problemCases("backup", {
    alert: "DnsMeshBackupFails",
    severity: "warning",
    soon: "4m",
    late: "5m",
    summary: "The last backup or restore drill of site site-b failed.",
    runbook: "backup-failing.md",
  }),
  {
    alert: "DnsMeshBackupStale",
    what: "fires when the last backup is older than three runs",
    every: "5m",
    series: { [`dns_mesh_agent_backup_last_success_timestamp_seconds{${pod}}`]: "60x50" },
    expected: [
      silent("3h10m"),
      fires("3h20m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "Site site-b has had no backup for more than 3h.",
        runbook: "backup-failing.md",
      }),
    ],
  },
  {
    alert: "DnsMeshBackupStale",
    what: "fires when there never was one, and gives a new site as long",
    every: "5m",
    series: { [`dns_mesh_agent_backup_last_success_timestamp_seconds{${pod}}`]: "0x50" },
    expected: [
      silent("2h55m"),
      fires("3h20m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "Site site-b has had no backup for more than 3h.",
        runbook: "backup-failing.md",
      }),
    ],
  },
  {
    alert: "DnsMeshBackupStale",
    what: "is silent while backups are made",
    every: "5m",
    series: { [`dns_mesh_agent_backup_last_success_timestamp_seconds{${pod}}`]: "60x11 3660x11 7260x13" },
    expected: [silent("1h"), silent("2h55m")],
  },
  {
    alert: "DnsMeshDrillStale",
    what: "fires when no drill succeeded for three days",
    every: "5m",
    series: { [`dns_mesh_agent_backup_drill_last_success_timestamp_seconds{${pod}}`]: "60x900" },
    expected: [
      silent("3d10m"),
      fires("3d20m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "No backup of site site-b has been restored in a drill for more than 3d.",
        runbook: "backup-failing.md",
      }),
    ],
  },
  {
    alert: "DnsMeshDrillStale",
    what: "is silent in the first three days",
    every: "5m",
    series: { [`dns_mesh_agent_backup_drill_last_success_timestamp_seconds{${pod}}`]: "0x900" },
    expected: [silent("1d"), silent("2d23h")],
  },
  {
    alert: "DnsMeshReconcilerStale",
    what: "fires when no pod has heard of a pass for three runs",
    series: {
      'dns_mesh_agent_reconciler_run_timestamp_seconds{site="site-b",pod="knot-0"}': "60x60",
      'dns_mesh_agent_reconciler_run_timestamp_seconds{site="site-b",pod="knot-1"}': "0x60",
    },
    expected: [
      silent("20m"),
      fires("22m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "The reconciler of site site-b has not ended a pass for more than 15m.",
        runbook: "reconciler-stale.md",
      }),
    ],
  },
  {
    alert: "DnsMeshReconcilerStale",
    what: "fires when there never was a pass",
    series: { 'dns_mesh_agent_reconciler_run_timestamp_seconds{site="site-b",pod="knot-0"}': "0x60" },
    expected: [
      silent("19m"),
      fires("21m", {
        labels: { site: "site-b", severity: "warning" },
        summary: "The reconciler of site site-b has not ended a pass for more than 15m.",
        runbook: "reconciler-stale.md",
      }),
    ],
  },
  {
    alert: "DnsMeshReconcilerStale",
    what: "is silent while passes end, also when an agent starts anew",
    series: {
      'dns_mesh_agent_reconciler_run_timestamp_seconds{site="site-b",pod="knot-0"}': "60x9 360x9 660x9 0x9 1260x9",
    },
    expected: [silent("10m"), silent("18m"), silent("24m")],
  },
  {
    alert: "DnsMeshProbeFails",
    what: "fires for the zone and the address that give no answer",
    series: {
      'probe_success{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-c",zone="example.org"}':
        "0x20",
      'probe_success{job="dns-mesh-probe",instance="192.0.2.2:53",prober_site="site-b",site="site-a",zone="example.org"}':
        "1x20",
      'probe_success{job="shop",instance="shop",site="site-b",zone="other"}': "0x20",
    },
    expected: [
      silent("2m"),
      fires("3m", {
        labels: {
          ...{ job: "dns-mesh-probe", instance: "192.0.2.1:53" },
          ...{ prober_site: "site-b", site: "site-c", zone: "example.org", severity: "critical" },
        },
        summary: "Site site-c does not answer for example.org at 192.0.2.1:53 from outside.",
        runbook: "answers-from-outside.md",
      }),
    ],
  },
  {
    alert: "DnsMeshProbeFails",
    what: "is silent about a lost packet",
    series: {
      'probe_success{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-c",zone="example.org"}':
        "1 0 1x20",
    },
    expected: [silent("30s"), silent("4m")],
  },
  {
    alert: "DnsMeshProberAway",
    what: "fires for each zone that is not asked for, since the prober is gone or has no such module",
    series: {
      'up{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-a",zone="example.org"}': "0x40",
      'up{job="dns-mesh-probe",instance="192.0.2.3:53",prober_site="site-b",site="site-c",zone="example.org"}': "0x40",
      'up{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-a",zone="example.net"}': "1x40",
      'up{job="shop",instance="shop",prober_site="site-b",zone="other"}': "0x40",
    },
    expected: [
      silent("9m"),
      fires("10m", {
        labels: { prober_site: "site-b", zone: "example.org", severity: "warning" },
        summary:
          "blackbox-exporter does not ask for example.org at 2 addresses: it is away, or lacks the zone's module.",
        runbook: "answers-from-outside.md#the-prober-is-away",
      }),
    ],
  },
  {
    alert: "DnsMeshProberAway",
    what: "is silent while the prober restarts, and about answers that fail",
    series: {
      'up{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-a",zone="example.org"}':
        "0x10 1x30",
      'probe_success{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-a",zone="example.org"}':
        "0x40",
    },
    expected: [silent("4m"), silent("12m")],
  },
  {
    alert: "DnsMeshAnswersSlow",
    what: "fires when answers take more than half a second",
    series: {
      'probe_duration_seconds{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-c",zone="example.org"}':
        "2x30",
    },
    expected: [
      silent("4m"),
      fires("6m", {
        labels: {
          ...{ job: "dns-mesh-probe", instance: "192.0.2.1:53" },
          ...{ prober_site: "site-b", site: "site-c", zone: "example.org", severity: "warning" },
        },
        summary: "Site site-c takes 2s to answer from outside.",
        runbook: "answers-from-outside.md#slow-answers",
      }),
    ],
  },
  {
    alert: "DnsMeshAnswersSlow",
    what: "is silent about one slow answer",
    series: {
      'probe_duration_seconds{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-b",site="site-c",zone="example.org"}':
        "0.01x5 3 0.01x30",
    },
    expected: [silent("4m"), silent("10m")],
  },
];
