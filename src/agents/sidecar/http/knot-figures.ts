import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import { type Metric, renderMetricFamilies, type Sample } from "../../../base/prometheus";
import { knotMetrics, knotStatMetrics, knotStatName } from "../../../contract/metrics";
import type { ZoneSeries } from "../../../knot/config/site-runtime";
import type { KnotStatistics, Statistic, ZoneFigures } from "../../../knot/control/knot-statistics";

/** What {@link KnotFigures} works with. */
export interface KnotFiguresParts {
  readonly knot: Pick<KnotStatistics, "server" | "zones" | "version">;
  readonly series: () => ZoneSeries;
  /** This site's own zones. */
  readonly own: () => readonly string[];
  /** Every zone that Knot has. */
  readonly all: () => readonly string[];
  /** Where Knot leaves its process id. */
  readonly pidFile: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** For so long an answer serves all who ask: anybody in the pod network may, and a look at 10,000 zones is work for Knot. */
const cacheMs = 5000;

/** For so long all that Knot is asked may take: who scrapes waits for ten seconds as a rule, and wants the agent's figures too. */
const budgetMs = 4000;

/** Knot's own figures, in the names of knot-exporter. */
export class KnotFigures {
  #made: { readonly at: number; readonly text: Promise<string> } | undefined;
  #version = "";

  constructor(private readonly parts: KnotFiguresParts) {}

  /** Knot's version; empty as long as it has not answered. */
  get version(): string {
    return this.#version;
  }

  /** In Prometheus' text format; empty while Knot does not answer, without zones where it has no time for those. Never rejects. */
  render(): Promise<string> {
    const now = this.parts.now();
    if (this.#made === undefined || Math.abs(now - this.#made.at) >= cacheMs)
      this.#made = { at: now, text: this.#ask().catch(() => "") };
    return this.#made.text;
  }

  async #ask(): Promise<string> {
    const { knot, pidFile, now } = this.parts;
    const end = now() + budgetMs;
    const left = (): number => Math.min(budgetMs, Math.max(1, end - now()));
    this.#version = await knot.version(left());
    const statistics = await knot.server(left());
    const { asked, leftOut } = this.#zones();
    const zones = await knot.zones(asked, left()).catch(() => []);
    return renderStatistics(statistics) + renderZones(zones, leftOut, await memoryOf(pidFile));
  }

  #zones(): { readonly asked: readonly string[]; readonly leftOut: number | undefined } {
    const { zones, most } = this.parts.series();
    if (zones === "off") return { asked: [], leftOut: undefined };
    const all = [...(zones === "own" ? this.parts.own() : this.parts.all())].sort();
    return { asked: all.slice(0, most), leftOut: Math.max(0, all.length - most) };
  }
}

/** Types that nobody asked for are left out: there are a hundred. */
const sparse: readonly string[] = ["query-type"];

function renderStatistics(statistics: readonly Statistic[]): string {
  const metrics: Record<string, Metric> = {};
  const values: Record<string, Sample[]> = {};
  for (const { section, item, kind, value } of statistics) {
    if (value === 0 && sparse.includes(item)) continue;
    if (values[knotStatName(item)] === undefined) Object.assign(metrics, knotStatMetrics(item));
    for (const name of Object.keys(knotStatMetrics(item)))
      (values[name] ??= []).push([{ module: section, type: kind }, value]);
  }
  return renderMetricFamilies(metrics, values);
}

function renderZones(
  zones: readonly ZoneFigures[],
  leftOut: number | undefined,
  memory: { readonly pid: string; readonly bytes: number } | undefined,
): string {
  const each = (
    value: (figures: ZoneFigures) => number | undefined,
    labels?: Readonly<Record<string, string>>,
  ): Sample[] =>
    zones.flatMap((figures): Sample[] => {
      const found = value(figures);
      return found === undefined ? [] : [[{ zone: figures.zone, ...labels }, found]];
    });
  const statistic = { module: "zone", type: "" };
  return renderMetricFamilies(knotMetrics, {
    knot_memory_usage_bytes: memory && [[{ pid: memory.pid }, memory.bytes]],
    knot_zone_serial: each(({ serial }) => serial),
    knot_zone_status_expiration_seconds: each(({ expirationSeconds }) => expirationSeconds),
    knot_zone_status_refresh_seconds: each(({ refreshSeconds }) => refreshSeconds),
    knot_zone_stats_size: each(({ size }) => size, statistic),
    knot_zone_stats_max_ttl: each(({ maxTtl }) => maxTtl, statistic),
    dns_mesh_agent_zones_without_series: leftOut,
  });
}

/** A pod's containers do not see each other's processes: what has the same number here may be another one. */
async function memoryOf(pidFile: string): Promise<{ readonly pid: string; readonly bytes: number } | undefined> {
  try {
    const pid = (await readFile(pidFile, "utf8")).trim();
    if (!/^\d+$/.test(pid)) return undefined;
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
    const isKnot = words.some((word) => basename(word) === "knotd");
    return isKnot && kib !== undefined ? { pid, bytes: Number(kib) * 1024 } : undefined;
  } catch {
    return undefined;
  }
}
