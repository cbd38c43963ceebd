import { version } from "../../package.json";
import { renderMetricFamilies } from "../base/prometheus";
import { programMetrics } from "../contract/metrics";

/** What every program says of itself, in Prometheus' text format. */
export function renderProgramMetrics(about: {
  readonly program: string;
  readonly site: string;
  /** Of the Knot beside it; empty where it is not known. */
  readonly knotVersion?: string;
}): string {
  const { program, site, knotVersion = "" } = about;
  const labels = { program, version, site, ...(knotVersion !== "" && { knot_version: knotVersion }) };
  const { user, system } = process.cpuUsage();
  return renderMetricFamilies(programMetrics, {
    dns_mesh_build_info: [[labels, 1]],
    process_start_time_seconds: Math.floor(performance.timeOrigin / 1000),
    process_cpu_seconds_total: (user + system) / 1e6,
    process_resident_memory_bytes: process.memoryUsage.rss(),
  });
}
