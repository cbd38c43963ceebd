import { fields } from "../../base/json";
import { foldName } from "../../base/names";

/** Who wrote a line. */
export interface LogOrigin {
  readonly site: string;
  readonly pod: string;
  readonly container: string;
}

/** What every program of a mesh says of a line, in one set of words. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** A line, read. */
export interface LogEntry extends LogOrigin {
  /** When it was written, as the container's runtime noted it: ISO 8601 in UTC with nine digits, so that texts order as times do. */
  readonly time: string;
  /** Missing where the line has none, as a stack. */
  readonly level?: LogLevel;
  readonly message: string;
  /** Zones that the line says it is about. */
  readonly zones: readonly string[];
  /** What else a JSON line says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A line with the time that was put before it. */
export interface StampedLine {
  readonly time: string;
  readonly text: string;
}

/** How `kubectl logs --timestamps` and a lab's files begin each line; the zone is the node's. */
const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)/;

/** Takes the time off a line; undefined for one that has none. */
export function unstamp(line: string): StampedLine | undefined {
  const [whole, second, fraction = "", zone] = stamp.exec(line) ?? [];
  if (whole === undefined) return undefined;
  const at = Date.parse(`${second ?? ""}${zone ?? ""}`);
  return Number.isNaN(at) ? undefined : { time: timeText(at, fraction), text: line.slice(whole.length) };
}

/** A time as entries have it. @param fraction - Digits after the second; the milliseconds of `ms` when left out. */
export function timeText(ms: number, fraction?: string): string {
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 19)}.${(fraction ?? text.slice(20, 23)).padEnd(9, "0")}Z`;
}

/** Knot's own lines: when, how bad, of which zone, what. */
const knotLine = /^\d{4}-\d\d-\d\dT\S+ (critical|error|warning|notice|info|debug): (.*)$/;
const ofZone = /^\[([^\]\s]+)\] /;

const levels: Readonly<Record<string, LogLevel>> = {
  critical: "error",
  error: "error",
  warning: "warn",
  warn: "warn",
  notice: "info",
  info: "info",
  debug: "debug",
};

/** What entries have in places of their own, or what the origin says better. */
const known = ["time", "level", "message", "program"];

/** Reads a line of Knot, of one of our programs (JSON), or of anything else, which is a message without a level. */
export function readLine(origin: LogOrigin, { time, text }: StampedLine): LogEntry {
  const entry = { time, ...origin };
  const said = jsonIn(text);
  const message = said?.["message"];
  if (typeof message === "string") {
    const rest = Object.fromEntries(Object.entries(said ?? {}).filter(([field]) => !known.includes(field)));
    const level = levels[String(said?.["level"])];
    return { ...entry, ...(level && { level }), message, zones: zonesOf(message, rest), fields: rest };
  }
  const [, severity, content] = knotLine.exec(text) ?? [];
  const level = levels[severity ?? ""];
  const all = content ?? text;
  const zones = zonesOf(all, {});
  const bare = content !== undefined && zones.length > 0 ? all.replace(ofZone, "") : all;
  return { ...entry, ...(level && { level }), message: bare, zones, fields: {} };
}

function jsonIn(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return fields(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function zonesOf(message: string, { zone, zones }: LogEntry["fields"]): readonly string[] {
  const [, bracketed] = ofZone.exec(message) ?? [];
  const all: readonly unknown[] = [bracketed, zone, ...(Array.isArray(zones) ? (zones as readonly unknown[]) : [])];
  return [...new Set(all.flatMap((each) => (typeof each === "string" ? [foldName(each)] : [])))];
}

/**
 * Whether an entry is about one of these zones: by what it says itself, or else because it has the zone's name, or one
 * below it, in its text. Without zones every entry is.
 *
 * @param zones - Folded names.
 */
export function zoneFilter(zones: readonly string[]): (entry: LogEntry) => boolean {
  if (zones.length === 0) return () => true;
  const wanted = new Set(zones);
  const words = zones.map((zone) => {
    const name = zone.replace(/[^a-z0-9_-]/g, (each) => `\\${each}`);
    return new RegExp(`(?<![\\w-])${name}\\.?(?![\\w-]|\\.[\\w-])`, "i");
  });
  return ({ zones: said, message, fields: rest }) => {
    if (said.length > 0) return said.some((zone) => wanted.has(zone));
    const text = `${message} ${JSON.stringify(rest)}`;
    return words.some((word) => word.test(text));
  };
}

/** Orders entries by time. Those of one moment stay in the order in which they came. */
export function byTime(a: Pick<LogEntry, "time">, b: Pick<LogEntry, "time">): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
}
