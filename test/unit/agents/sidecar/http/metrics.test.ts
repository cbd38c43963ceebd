import { expect } from "chai";

import { type MetricsInput, renderMetrics } from "../../../../../src/agents/sidecar/http/metrics";
import type { AgentStatus } from "../../../../../src/agents/sidecar/http/status";
import { Histogram } from "../../../../../src/base/prometheus";

const status: AgentStatus = {
  ...{ site: "a", pod: "knot-0", ready: true, peers: 2, zones: 3, emptyZones: 0 },
  applied: { directorySerial: 5, catalogSerial: 6, hash: "", at: "1970-01-01T00:00:20Z" },
  observed: { directorySerial: 7 },
  held: [{ kind: "sites", names: ["x", "y"], reason: "" }],
  problems: [
    { kind: "held", message: "one", since: "1970-01-01T00:00:12Z" },
    { kind: "held", message: "other", since: "1970-01-01T00:00:11Z" },
  ],
  counters: { dnsQueries: 4, transfers: 2, notifies: 1, passes: 9, reloads: 1 },
};

const input: MetricsInput = {
  status,
  zones: { directory: "dir", catalog: "cat" },
  passes: { results: { idle: 8, failed: 1 }, succeededAt: 30_500, refusals: new Map([["older", 2]]) },
  peers: {
    targets: [{ site: "calm" }, { site: 'p"' }],
    looks: [
      { site: "calm", isUp: true, answerMs: 5 },
      { site: "a", pod: 1, isUp: false },
    ],
    lags: [
      { site: 'p"', zones: 3, since: 1000, behind: 7 },
      { site: 'p"', zones: 2, since: 11_000 },
      { site: "a", pod: 1, zones: 1, since: 30_000 },
    ],
    longest: [{ target: { site: 'p"', servers: [] }, zone: "z", since: 1000 }],
    disagreeing: [{ target: { site: "calm" } }, { target: { site: "calm" } }],
    publication: [[{ peer: "calm" }, new Histogram([1])]],
  },
  answers: new Histogram([1]),
  knotLog: {
    refused: new Map([["transfer", 3]]),
    transfers: [{ direction: "in", result: "failed", count: 4 }],
    refreshFailures: 5,
  },
  ring: { keys: 2, madeAt: 6000 },
  certificate: { from: 1000, to: 9000, rootsTo: 12_000 },
  parents: new Map([["signed", false]]),
  vault: { up: false, ringReadAt: 1000 },
  backups: {
    backup: {
      kind: "backup",
      ...{ at: "1970-01-01T00:00:09Z", repository: "r", snapshot: "s" },
      ...{ zones: 3, size: 400, added: 50, seconds: 1.5, notPruned: "denied" },
    },
    failures: {},
  },
  reconciler: { last: { at: 29_000, seconds: 0.5, findings: { lagging: 2 } } },
  now: 31_000,
};

describe("agent metrics", () => {
  it("are text that Prometheus reads, with each kind of problem", () => {
    const text = renderMetrics(input);
    for (const line of [
      'dns_mesh_agent_applied_serial{zone="cat"} 6',
      "dns_mesh_agent_applied_timestamp_seconds 20",
      'dns_mesh_agent_observed_serial{zone="dir"} 7',
      "dns_mesh_agent_backup_last_success_timestamp_seconds 9",
      "dns_mesh_agent_backup_drill_last_success_timestamp_seconds 0",
      "dns_mesh_agent_backup_duration_seconds 1.5",
      "dns_mesh_agent_backup_prune_refused 1",
      'dns_mesh_agent_held{kind="sites"} 2',
      'dns_mesh_agent_problem{kind="held"} 1',
      'dns_mesh_agent_problem{kind="refused"} 0',
      'dns_mesh_agent_problem_began_timestamp_seconds{kind="held"} 11',
      'dns_mesh_agent_passes_total{result="failed"} 1',
      "dns_mesh_agent_pass_last_success_timestamp_seconds 30",
      'dns_mesh_agent_central_refusals_total{reason="older"} 2',
      "dns_mesh_agent_vault_up 0",
      "dns_mesh_agent_ring_read_timestamp_seconds 1",
      "dns_mesh_agent_ring_keys 2",
      "dns_mesh_agent_ring_key_made_timestamp_seconds 6",
      "dns_mesh_agent_root_expiry_timestamp_seconds 12",
      'dns_mesh_agent_ds_matches{zone="signed"} 0',
      'dns_mesh_agent_refused_requests_total{action="transfer"} 3',
      'dns_mesh_agent_knot_transfers_total{direction="in",result="failed"} 4',
      "dns_mesh_agent_refresh_failures_total 5",
      "dns_mesh_agent_reconciler_run_timestamp_seconds 29",
      "dns_mesh_agent_reconciler_success_timestamp_seconds 0",
      'dns_mesh_agent_reconciler_findings{kind="lagging"} 2',
    ])
      expect(text.split("\n")).to.include(line);
    for (const line of text.trimEnd().split("\n"))
      expect(line).to.match(/^(# (HELP|TYPE) |[a-z_]+(\{.*\})? -?[0-9.]+$)/);
  });

  it("have each peer, whether it lags or not, and a pod of the own site under a label that is no scraper's", () => {
    const lines = renderMetrics(input).split("\n");
    for (const line of [
      'peer_up{peer="calm"} 1',
      'peer_up{peer="a",peer_pod="1"} 0',
      'peer_answer_seconds{peer="calm"} 0.005',
      'peer_lag_seconds{peer="calm"} 0',
      'peer_lag_seconds{peer="p\\""} 30',
      'peer_lagging_zones{peer="p\\""} 5',
      'peer_lagging_zones{peer="a",peer_pod="1"} 1',
      'peer_lag_serials{peer="p\\""} 7',
      'peer_lag_serials{peer="a",peer_pod="1"} 0',
      'peer_disagreeing_zones{peer="calm"} 2',
      'zone_lag_seconds{zone="z",peer="p\\""} 30',
      'publication_seconds_count{peer="calm"} 0',
    ])
      expect(lines).to.include(`dns_mesh_agent_${line}`);
    expect(lines.filter((line) => line.startsWith("dns_mesh_agent_peer_answer_seconds"))).to.have.length(1);
  });

  it("leave out what there is not", () => {
    const text = renderMetrics({
      ...input,
      certificate: undefined,
      vault: undefined,
      backups: undefined,
      parents: new Map(),
      ring: { keys: 1, madeAt: undefined },
    });
    expect(text).not.to.match(
      /dns_mesh_agent_(certificate|root_expiry|vault|backup|ds_matches|ring_key_made|ring_read)/,
    );
  });
});
