import { isNewerSerial } from "../../dns/serial";
import type { StatusReport } from "../status-report";

/** How a mesh was at one look, in numbers. */
export interface HistoryPoint {
  /** ISO 8601. */
  readonly at: string;
  /** Copies of zones that were asked for, that are older than their owner's, and that are not answered. */
  readonly asked: number;
  readonly behind: number;
  readonly missing: number;
  /** Sites that did not answer at all. */
  readonly silent: number;
  readonly findings: number;
  /** Nothing is known of this time: the look failed. */
  readonly failed?: true;
}

/** A new serial of a zone, and when every site that was asked had it: in a large mesh not all are. */
export interface ZoneChange {
  readonly zone: string;
  readonly serial: number;
  /** When it was first seen at its owner, and everywhere. ISO 8601. */
  readonly seenAt: string;
  readonly everywhereAt?: string;
  /** A newer serial came before it was everywhere. */
  readonly overtaken?: true;
}

/** A copy that is older than its owner's or is not answered, and since which look. */
export interface Lag {
  readonly zone: string;
  readonly site: string;
  readonly kind: "behind" | "missing";
  /** ISO 8601. */
  readonly since: string;
}

/** What is remembered of former looks. Oldest first, changes newest first. */
export interface HistoryView {
  readonly points: readonly HistoryPoint[];
  readonly changes: readonly ZoneChange[];
  readonly lags: readonly Lag[];
}

/** Points and changes that are kept. */
export const [mostPoints, mostChanges] = [480, 100];

/**
 * What a row of looks tells beyond the last one. It never grows beyond {@link mostPoints}: of the older half two points become
 * one, the worse of both, so that a short trouble of yesterday is still seen.
 */
export class History {
  #points: readonly HistoryPoint[] = [];
  #changes: readonly ZoneChange[] = [];
  #lags: readonly Lag[] = [];
  #serials: ReadonlyMap<string, number> = new Map();

  /** Takes one more look. */
  add(report: StatusReport): void {
    this.#keep(pointOf(report));
    this.#lags = lagsOf(report, this.#lags);
    this.#takeChanges(report);
  }

  /** A look that failed: nothing is known of this time. */
  addFailure(at: string): void {
    this.#keep({ at, asked: 0, behind: 0, missing: 0, silent: 0, findings: 0, failed: true });
  }

  /** What is known now. */
  view(): HistoryView {
    return { points: this.#points, changes: this.#changes, lags: this.#lags };
  }

  #keep(point: HistoryPoint): void {
    this.#points = thinned([...this.#points, point]);
  }

  #takeChanges({ at, zones }: StatusReport): void {
    const serials = new Map(
      zones.flatMap(({ name, serial }) => {
        const last = serial ?? this.#serials.get(name);
        return last === undefined ? [] : [[name, last] as const];
      }),
    );
    const fresh = [...serials].flatMap(([zone, serial]): readonly ZoneChange[] => {
      const before = this.#serials.get(zone);
      return before !== undefined && isNewerSerial(serial, before) ? [{ zone, serial, seenAt: at }] : [];
    });
    this.#serials = serials;
    const renewed = new Set(fresh.map(({ zone }) => zone));
    const known = this.#changes.map((change): ZoneChange => {
      const isOpen = change.everywhereAt === undefined && change.overtaken === undefined;
      return isOpen && renewed.has(change.zone) ? { ...change, overtaken: true } : change;
    });
    const late = new Set(this.#lags.map(({ zone }) => zone));
    const answered = new Set(zones.filter(({ serial }) => serial !== undefined).map(({ name }) => name));
    this.#changes = [...fresh, ...known].slice(0, mostChanges).map((change) => {
      const isOpen = change.everywhereAt === undefined && change.overtaken === undefined;
      return isOpen && answered.has(change.zone) && !late.has(change.zone) ? { ...change, everywhereAt: at } : change;
    });
  }
}

function pointOf({ at, sites, zones, findings }: StatusReport): HistoryPoint {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return {
    at,
    asked: sum(sites.map((site) => site.zones.asked)),
    behind: sum(zones.map(({ behind }) => behind.length)),
    missing: sum(zones.map(({ missing }) => missing.length)),
    silent: sites.filter(({ answers }) => !answers).length,
    findings: findings.length,
  };
}

function lagsOf({ at, zones }: StatusReport, before: readonly Lag[]): readonly Lag[] {
  const keyOf = ({ zone, site }: Pick<Lag, "zone" | "site">): string => `${zone} ${site}`;
  const since = new Map(before.map((lag) => [keyOf(lag), lag.since]));
  return zones.flatMap(({ name: zone, behind, missing }) =>
    [
      ...behind.map(({ site }) => ({ zone, site, kind: "behind" as const })),
      ...missing.map((site) => ({ zone, site, kind: "missing" as const })),
    ].map((lag): Lag => ({ ...lag, since: since.get(keyOf(lag)) ?? at })),
  );
}

function thinned(points: readonly HistoryPoint[]): readonly HistoryPoint[] {
  if (points.length <= mostPoints) return points;
  const half = Math.floor(points.length / 4) * 2;
  const older = Array.from({ length: half / 2 }, (_, i) => worse(points[2 * i], points[2 * i + 1]));
  return [...older.flatMap((point) => point ?? []), ...points.slice(half)];
}

function worse(a: HistoryPoint | undefined, b: HistoryPoint | undefined): HistoryPoint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.failed || b.failed) return a.failed ? b : a;
  const most = (of: (point: HistoryPoint) => number): number => Math.max(of(a), of(b));
  return {
    at: a.at,
    asked: most(({ asked }) => asked),
    behind: most(({ behind }) => behind),
    missing: most(({ missing }) => missing),
    silent: most(({ silent }) => silent),
    findings: most(({ findings }) => findings),
  };
}
