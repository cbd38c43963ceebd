import { renderMetricFamilies, type Sample } from "../../base/prometheus";
import { resolverMetrics } from "../../contract/metrics";

/** Counters of a process of Knot Resolver by the names that its module `stats` has for them. */
export type WorkerCounts = ReadonlyMap<string, number>;

/** How many zones are known, and of how many of them no keys. */
export interface ZoneCounts {
  readonly known: number;
  readonly withoutKeys: number;
}

/** What is known before there is anything. */
export const noZones: ZoneCounts = { known: 0, withoutKeys: 0 };

/** What {@link renderResolverMetrics} shows. */
export interface ResolverFigures {
  /** Whether the pod may get questions. */
  readonly isReady: boolean;
  /** Whether directory, catalog and keys are those of now. */
  readonly isFollowing: boolean;
  readonly zones: ZoneCounts;
  /** By process; undefined for one that does not answer. */
  readonly workers: readonly (WorkerCounts | undefined)[];
}

const transports = ["udp", "tcp", "dot"] as const;
const results = ["noerror", "nodata", "nxdomain", "servfail"] as const;

/** In Prometheus' text format. */
export function renderResolverMetrics(figures: ResolverFigures): string {
  const { isReady, isFollowing, zones, workers } = figures;
  const present = workers.flatMap((counts, worker) => (counts ? [{ counts, worker: String(worker) }] : []));
  const samples = (label: string, kind: string, names: readonly string[]): readonly Sample[] =>
    present.flatMap(({ counts, worker }) =>
      names.map((name): Sample => [{ worker, [label]: name }, counts.get(`${kind}.${name}`) ?? 0]),
    );
  const single = (name: string): readonly Sample[] =>
    present.map(({ counts, worker }): Sample => [{ worker }, counts.get(name) ?? 0]);
  return renderMetricFamilies(resolverMetrics, {
    dns_mesh_resolver_ready: isReady ? 1 : 0,
    dns_mesh_resolver_mesh_followed: isFollowing ? 1 : 0,
    dns_mesh_resolver_zones: zones.known,
    dns_mesh_resolver_zones_without_keys: zones.withoutKeys,
    dns_mesh_resolver_worker_up: workers.map((counts, worker): Sample => [
      { worker: String(worker) },
      counts === undefined ? 0 : 1,
    ]),
    dns_mesh_resolver_questions_total: samples("transport", "request", transports),
    dns_mesh_resolver_answers_total: samples("result", "answer", results),
    dns_mesh_resolver_cached_answers_total: single("answer.cached"),
    dns_mesh_resolver_slow_answers_total: single("answer.slow"),
  });
}
