import {
  agentMetrics,
  knotMetrics,
  knotStats,
  type ListedMetric,
  operatorMetrics,
  programMetrics,
  resolverMetrics,
} from "../../src/contract/metrics";

/** The document of all metrics, relative to the repository. */
export const metricsDocument = "docs/metrics.md";

/** What programs show, under the heading that it has in the document. */
export const metricTables: Readonly<Record<string, Readonly<Record<string, ListedMetric>>>> = {
  "Of every program": programMetrics,
  "Of the agent": agentMetrics,
  "Of Knot, by the agent": { ...knotMetrics, ...knotStats },
  "Of the record operator": operatorMetrics,
  "Of a resolver": resolverMetrics,
};

const heading = "\n## Reference\n";

/** The document's text with the tables of today's metrics; everything before them is left as it is. */
export function withMetrics(text: string): string {
  const at = text.indexOf(heading);
  if (at === -1) throw new Error(`${metricsDocument} has no heading "Reference"`);
  const tables = Object.entries(metricTables).map(([title, metrics]) => `### ${title}\n\n${tableOf(metrics)}`);
  return `${text.slice(0, at)}${heading}\n${tables.join("\n\n")}\n`;
}

function tableOf(metrics: Readonly<Record<string, ListedMetric>>): string {
  const head = ["metric", "type", "unit", "labels", "what it says", "there"];
  const rows = Object.entries(metrics).map(([name, { type, help, labels = [], when = "always" }]) => [
    `\`${name}\``,
    type,
    unitOf(name, type),
    labels.map((label) => `\`${label}\``).join(", "),
    help,
    when,
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`.replace(/ {2,}/g, " ")).join("\n");
}

/** By the end of the name, as Prometheus has it. */
function unitOf(name: string, type: ListedMetric["type"]): string {
  const base = name.replace(/_total$/, "");
  if (base.endsWith("_timestamp_seconds") || name === "process_start_time_seconds") return "seconds since 1970";
  if (base.endsWith("_seconds")) return "seconds";
  if (base.endsWith("_bytes")) return "octets";
  if (name === "knot_zone_stats_max_ttl") return "seconds";
  if (name === "knot_zone_stats_size") return "octets";
  if (base.endsWith("_serial")) return "serial";
  return type === "counter" ? "count" : "";
}
