import { printable } from "../../base/text";
import type { Style } from "../style";
import type { LogEntry } from "./log-line";

/** An entry on a line, for people. What others wrote cannot steer the terminal. */
export function entryText(entry: LogEntry, style: Style): string {
  const { time, site, pod, container, level = "", message, zones, fields } = entry;
  const zone =
    zones.length === 1 && fields["zone"] === undefined && !message.startsWith("[") ? `[${zones[0] ?? ""}] ` : "";
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${valueText(value)}`);
  const paint = level === "error" ? style.bad : level === "warn" ? style.doubtful : (text: string) => text;
  const said = printable(`${level.padEnd(5)} ${zone}${message}${rest.join("")}`);
  return `${style.faint(`${time.slice(0, 23)}Z`)} ${printable(`${site}/${pod} ${container}`)} ${paint(said)}`;
}

function valueText(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** An entry as a line of JSON. */
export function entryJson({ time, site, pod, container, level, message, zones, fields }: LogEntry): string {
  return JSON.stringify({
    ...{ time, site, pod, container },
    ...(level && { level }),
    ...(zones.length > 0 && { zones }),
    message,
    ...(Object.keys(fields).length > 0 && { fields }),
  });
}
