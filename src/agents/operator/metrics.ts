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
  readonly #buckets = bounds.map(() => 0);
  readonly #failures = new Map<string, number>();
  #count = 0;
  #seconds = 0;
  isLeader = false;
  updates = 0;
  drift = 0;
  /** Statuses that said for which sites an object waits. */
  waits = 0;

  /** Every site answers an object that was made or changed so many milliseconds ago. */
  programmed(ms: number): void {
    const seconds = ms / 1000;
    this.#count++;
    this.#seconds += seconds;
    bounds.forEach((bound, i) => {
      if (seconds <= bound) this.#buckets[i] = (this.#buckets[i] ?? 0) + 1;
    });
  }

  /** An object cannot be served, for a reason as in its conditions. */
  failed(reason: string): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  /** In Prometheus' text format. */
  render(o: MetricsInput): string {
    const histogram = `${prefix}programmed_seconds`;
    const failures = [...this.#failures].map(([reason, count]) => ({ labels: `{reason="${reason}"}`, value: count }));
    return [
      family("leader", "gauge", "Whether this replica leads.", this.isLeader ? 1 : 0),
      family("objects", "gauge", "DnsRecords that are known.", o.records ?? 0),
      family("waiting", "gauge", "DnsRecords that not every site is known to answer.", o.waiting ?? 0),
      family("retiring", "gauge", "DnsRecords in zones that are retired.", o.retiring ?? 0),
      family(
        "mesh_refused",
        "gauge",
        "Whether directory and catalog are not followed.",
        o.isMeshRefused === true ? 1 : 0,
      ),
      family("updates_total", "counter", "DNS UPDATE messages.", this.updates),
      family("waits_total", "counter", "Statuses written that say for which sites an object waits.", this.waits),
      family("looks_total", "counter", "Looks at the mesh and every zone for changes of others.", o.looks ?? 0),
      family(
        "drift_total",
        "counter",
        "Looks at a zone that found records of DnsRecords changed by others.",
        this.drift,
      ),
      family("api_reads_total", "counter", "Requests to the Kubernetes API that read.", o.apiReads),
      family("api_writes_total", "counter", "Requests to the Kubernetes API that write.", o.apiWrites),
      family("lease_requests_total", "counter", "Requests to the Kubernetes API for the Lease.", o.leaseRequests),
      family("dns_requests_total", "counter", "DNS messages sent as the leader, since the turn began.", o.dnsRequests),
      family("errors_total", "counter", "Statuses written that say why an object is not served.", failures),
      heading(
        histogram,
        "histogram",
        "Seconds from when a version of an object was seen until every site answered it.",
      ),
      ...bounds.map((bound, i) => `${histogram}_bucket{le="${bound}"} ${this.#buckets[i] ?? 0}\n`),
      `${histogram}_bucket{le="+Inf"} ${this.#count}\n`,
      `${histogram}_sum ${this.#seconds}\n${histogram}_count ${this.#count}\n`,
    ].join("");
  }
}

type Samples = number | readonly { readonly labels: string; readonly value: number }[];

// eslint-disable-next-line max-params -- a table of four columns
function family(name: string, type: "gauge" | "counter", help: string, samples: Samples): string {
  const full = `${prefix}${name}`;
  const all = typeof samples === "number" ? [{ labels: "", value: samples }] : samples;
  return heading(full, type, help) + all.map(({ labels, value }) => `${full}${labels} ${value}\n`).join("");
}

function heading(name: string, type: "gauge" | "counter" | "histogram", help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
