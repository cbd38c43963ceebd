/** How loud an alert is: `critical` wakes somebody up, `warning` waits until somebody is at work. */
export type Severity = "critical" | "warning";

/** An alert and when it fires. */
export interface AlertRule {
  readonly alert: string;
  /** PromQL. */
  readonly expr: string;
  /** For how many seconds the expression must hold. */
  readonly forSeconds: number;
  readonly severity: Severity;
  /** A sentence for people, a template of Prometheus. */
  readonly summary: string;
  /** A file below `docs/runbooks`, with the heading where it is not the first. */
  readonly runbook: string;
  /** Labels that the expression does not have. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Times in seconds after which what runs on a schedule is late. */
export interface Ages {
  readonly backup: number;
  readonly drill: number;
  readonly reconciler: number;
}

/** Which sites rules are for, and what is known of them. */
export interface AlertScope {
  /** Sites that must be there. */
  readonly sites: readonly string[];
  /** Whether the rules look at series of these sites alone: a Prometheus may have several rule files, of a site each. */
  readonly isOnlyThese: boolean;
  /** Whether each of these sites has a record operator; undefined where that is not known. */
  readonly hasOperator?: boolean;
  readonly ages: Ages;
  /** By which all times that have to pass are multiplied; for tests that cannot wait. @default 1 */
  readonly timeFactor?: number;
}

/** What expressions are written with. */
export interface Writer {
  /** A series of ours: `series("agent_held", 'kind="sites"')`. */
  series(name: string, ...matchers: readonly string[]): string;
  /** A series that has another name than ours. */
  foreign(name: string, ...matchers: readonly string[]): string;
  /** A series of probes: their `site` is the one that is asked, and may be any. */
  probed(name: string, ...matchers: readonly string[]): string;
  /** A range: `[10m]`. */
  range(seconds: number): string;
}

/** Three runs, where schedules are the default ones: hourly backups, daily drills, a reconciler every five minutes. */
export const defaultAges: Ages = { backup: 3 * 3600, drill: 3 * 86_400, reconciler: 15 * 60 };

/** Which site's stack made a probe. */
export const proberLabel = "prober_site";

/** What expressions of a scope are written with. */
export function writerFor({ sites, isOnlyThese, timeFactor = 1 }: AlertScope): Writer {
  const by =
    (label: string): Writer["foreign"] =>
    (name, ...matchers) => {
      const all = [...(isOnlyThese ? [siteMatcher(label, sites)] : []), ...matchers];
      return all.length === 0 ? name : `${name}{${all.join(",")}}`;
    };
  const foreign = by("site");
  return {
    foreign,
    probed: by(proberLabel),
    series: (name, ...matchers) => foreign(`dns_mesh_${name}`, ...matchers),
    range: (seconds) => `[${duration(seconds * timeFactor)}]`,
  };
}

/** Names of sites are DNS labels: nothing in them means anything in a regular expression. */
function siteMatcher(label: string, sites: readonly string[]): string {
  return sites.length === 1 ? `${label}="${sites[0] ?? ""}"` : `${label}=~"${sites.join("|")}"`;
}

/** A duration as Prometheus reads it, whole milliseconds of a second at least. */
export function duration(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
  ] as const;
  const [size, unit] = units.find(([each]) => ms >= each && ms % each === 0) ?? ([1, "ms"] as const);
  return ms === 0 ? "0s" : `${ms / size}${unit}`;
}
