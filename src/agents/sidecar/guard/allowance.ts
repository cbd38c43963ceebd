import { readText } from "../../../base/files";
import { zoneNameProblem } from "../../../base/names";

/** Milliseconds for which a change may be let through at the most. */
const longestMs = 24 * 3_600_000;

/** For which zones changes are let through, until when (milliseconds since 1970). */
export type Allowance = ReadonlyMap<string, number>;

/**
 * Reads `example.org=2026-11-29T10:15:00Z,example.com=…`.
 *
 * @throws Error that says what is wrong.
 */
export function parseAllowance(text: string, now: number): Allowance {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  return new Map(
    entries.map((entry) => {
      const [, zone = "", until = ""] = /^([^=]+)=(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z)$/.exec(entry) ?? [];
      const at = Date.parse(until);
      if (zoneNameProblem(zone) !== undefined || Number.isNaN(at))
        throw new Error(`"${entry}" is not a zone and a time, such as example.org=2026-11-29T10:15:00Z`);
      if (at > now + longestMs) throw new Error(`"${entry}" is more than a day ahead`);
      return [zone, at];
    }),
  );
}

/** Reads the file that the pod's annotation is mounted as; nothing is let through where there is none. @throws Error */
export async function readAllowance(path: string, now: number): Promise<Allowance> {
  return parseAllowance((await readText(path)) ?? "", now);
}
