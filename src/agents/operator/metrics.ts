/** Upper bounds of the histogram's buckets, in seconds. */
const bounds = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

/** Totals since the operator started. */
export class OperatorMetrics {
  readonly #buckets = bounds.map(() => 0);
  readonly #failures = new Map<string, number>();
  #count = 0;
  #seconds = 0;
  isLeader = false;
  updates = 0;
  drift = 0;
  /** Looks for what others changed. */
  looks = 0;

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
  render(o: {
    readonly records: number;
    readonly waiting: number;
    /** In zones that are retired. */
    readonly retiring: number;
    readonly apiReads: number;
    readonly apiWrites: number;
    readonly leaseRequests: number;
    readonly dnsRequests: number;
  }): string {
    const one = (name: string, type: string, value: number): string =>
      `# TYPE dns_mesh_records_${name} ${type}\ndns_mesh_records_${name} ${value}\n`;
    const histogram = "dns_mesh_records_programmed_seconds";
    return [
      one("leader", "gauge", this.isLeader ? 1 : 0),
      one("objects", "gauge", o.records),
      one("waiting", "gauge", o.waiting),
      one("retiring", "gauge", o.retiring),
      one("updates_total", "counter", this.updates),
      one("looks_total", "counter", this.looks),
      one("drift_total", "counter", this.drift),
      one("api_reads_total", "counter", o.apiReads),
      one("api_writes_total", "counter", o.apiWrites),
      one("lease_requests_total", "counter", o.leaseRequests),
      one("dns_requests_total", "counter", o.dnsRequests),
      "# TYPE dns_mesh_records_errors_total counter\n",
      ...[...this.#failures].map(([reason, n]) => `dns_mesh_records_errors_total{reason="${reason}"} ${n}\n`),
      `# TYPE ${histogram} histogram\n`,
      ...bounds.map((bound, i) => `${histogram}_bucket{le="${bound}"} ${this.#buckets[i] ?? 0}\n`),
      `${histogram}_bucket{le="+Inf"} ${this.#count}\n`,
      `${histogram}_sum ${this.#seconds}\n${histogram}_count ${this.#count}\n`,
    ].join("");
  }
}
