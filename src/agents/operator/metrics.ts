import { Histogram, renderMetricFamilies, type Sample } from "../../base/prometheus";
import { operatorMetrics } from "../../contract/metrics";
import type { OperatorCounts } from "./operator";
import type { PoolCounts } from "./pools/pool-operator";

/** Upper bounds of the histogram's buckets, in seconds. */
const bounds = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

/** What {@link OperatorMetrics} shows beside its own totals. The operator's own are missing in a replica that does not lead. */
export interface MetricsInput extends Partial<OperatorCounts> {
  readonly apiReads: number;
  readonly apiWrites: number;
  readonly leaseRequests: number;
  readonly dnsRequests: number;
  readonly pools?: PoolCounts;
}

const noPools: PoolCounts = {
  pools: 0,
  unhealthy: { TooFewHealthy: 0, NoneHealthy: 0, NotProbed: 0 },
  refused: 0,
  probed: 0,
  goodProbes: 0,
  badProbes: 0,
  changes: 0,
};

function poolValues(counts: PoolCounts) {
  const { pools, unhealthy, refused, probed, goodProbes, badProbes, changes } = counts;
  const probes: Sample[] = [
    [{ result: "good" }, goodProbes],
    [{ result: "bad" }, badProbes],
  ];
  return {
    dns_mesh_pools_objects: pools,
    dns_mesh_pools_unhealthy: Object.entries(unhealthy).map(([reason, count]): Sample => [{ reason }, count]),
    dns_mesh_pools_refused: refused,
    dns_mesh_pools_probed: probed,
    dns_mesh_pools_probes_total: probes,
    dns_mesh_pools_changes_total: changes,
  };
}

/** Totals since the operator started. */
export class OperatorMetrics {
  readonly #programmed = new Histogram(bounds);
  readonly #failures = new Map<string, number>();
  isLeader = false;
  updates = 0;
  drift = 0;
  /** Statuses that said for which sites an object waits. */
  waits = 0;

  /** Every site answers an object that was made or changed so many milliseconds ago. */
  programmed(ms: number): void {
    this.#programmed.observe(ms / 1000);
  }

  /** An object cannot be served, for a reason as in its conditions. */
  failed(reason: string): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  /** In Prometheus' text format. */
  render(input: MetricsInput): string {
    const failures = [...this.#failures].map(([reason, count]): Sample => [{ reason }, count]);
    const { waitingSince } = input;
    return renderMetricFamilies(operatorMetrics, {
      dns_mesh_records_leader: this.isLeader ? 1 : 0,
      dns_mesh_records_objects: input.records ?? 0,
      dns_mesh_records_waiting: input.waiting ?? 0,
      dns_mesh_records_waiting_since_timestamp_seconds:
        waitingSince === undefined ? undefined : Math.floor(waitingSince / 1000),
      dns_mesh_records_writer_away: input.writersAway ?? 0,
      dns_mesh_records_waiting_for_writer: input.waitingForWriter ?? 0,
      dns_mesh_records_retiring: input.retiring ?? 0,
      dns_mesh_records_mesh_refused: input.isMeshRefused === true ? 1 : 0,
      dns_mesh_records_sources_unlisted: input.sourcesUnlisted ?? 0,
      dns_mesh_records_updates_total: this.updates,
      dns_mesh_records_waits_total: this.waits,
      dns_mesh_records_looks_total: input.looks ?? 0,
      dns_mesh_records_drift_total: this.drift,
      dns_mesh_records_api_reads_total: input.apiReads,
      dns_mesh_records_api_writes_total: input.apiWrites,
      dns_mesh_records_lease_requests_total: input.leaseRequests,
      dns_mesh_records_dns_requests_total: input.dnsRequests,
      dns_mesh_records_errors_total: failures,
      dns_mesh_records_programmed_seconds: this.#programmed,
      ...poolValues(input.pools ?? noPools),
    });
  }
}
