import { Histogram, renderMetricFamilies, type Sample } from "../../base/prometheus";
import type { OperatorCounts } from "./operator";

/** Upper bounds of the histogram's buckets, in seconds. */
const bounds = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

const prefix = "dns_mesh_records_";

/** What {@link OperatorMetrics} shows beside its own totals. The operator's own are missing in a replica that does not lead. */
export interface MetricsInput extends Partial<OperatorCounts> {
  readonly apiReads: number;
  readonly apiWrites: number;
  readonly leaseRequests: number;
  readonly dnsRequests: number;
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
    return renderMetricFamilies(prefix, [
      { name: "leader", type: "gauge", help: "Whether this replica leads.", samples: this.isLeader ? 1 : 0 },
      { name: "objects", type: "gauge", help: "DnsRecords that are known.", samples: input.records ?? 0 },
      {
        name: "waiting",
        type: "gauge",
        help: "DnsRecords that not every site is known to answer.",
        samples: input.waiting ?? 0,
      },
      {
        name: "writer_away",
        type: "gauge",
        help: "Zones whose writer, pod 0 of the site, does not take changes.",
        samples: input.writersAway ?? 0,
      },
      {
        name: "waiting_for_writer",
        type: "gauge",
        help: "DnsRecords that wait until the writer of their zone takes changes.",
        samples: input.waitingForWriter ?? 0,
      },
      { name: "retiring", type: "gauge", help: "DnsRecords in zones that are retired.", samples: input.retiring ?? 0 },
      {
        name: "mesh_refused",
        type: "gauge",
        help: "Whether directory and catalog are not followed.",
        samples: input.isMeshRefused === true ? 1 : 0,
      },
      { name: "updates_total", type: "counter", help: "DNS UPDATE messages.", samples: this.updates },
      {
        name: "waits_total",
        type: "counter",
        help: "Statuses written that say for which sites an object waits.",
        samples: this.waits,
      },
      {
        name: "looks_total",
        type: "counter",
        help: "Checks of the mesh and every zone for changes made elsewhere.",
        samples: input.looks ?? 0,
      },
      {
        name: "drift_total",
        type: "counter",
        help: "Checks of a zone that found records of DnsRecords changed elsewhere.",
        samples: this.drift,
      },
      {
        name: "api_reads_total",
        type: "counter",
        help: "Requests to the Kubernetes API that read.",
        samples: input.apiReads,
      },
      {
        name: "api_writes_total",
        type: "counter",
        help: "Requests to the Kubernetes API that write.",
        samples: input.apiWrites,
      },
      {
        name: "lease_requests_total",
        type: "counter",
        help: "Requests to the Kubernetes API for the Lease.",
        samples: input.leaseRequests,
      },
      {
        name: "dns_requests_total",
        type: "counter",
        help: "DNS messages sent as the leader, since the turn began.",
        samples: input.dnsRequests,
      },
      {
        name: "errors_total",
        type: "counter",
        help: "Statuses written that say why an object is not served.",
        samples: failures,
      },
      {
        name: "programmed_seconds",
        type: "histogram",
        help: "Seconds from when a version of an object was seen until every site answered it.",
        histogram: this.#programmed,
      },
    ]);
  }
}
