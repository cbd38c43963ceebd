import { UserError } from "../../base/errors";

const units = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/**
 * The moment that `--since` names: so long ago (`90s`, `10m`, `1h30m`, `2d`), or a time with its zone (`2026-12-01T08:00:00Z`).
 *
 * @param now - Milliseconds since 1970.
 * @returns the same.
 * @throws UserError for anything else.
 */
export function sinceMs(text: string, now: number): number {
  const [whole, d, h, m, s] = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  if (whole !== undefined && whole !== "") {
    const of = (count: string | undefined, unit: number): number => Number(count ?? 0) * unit;
    const seconds = of(d, units.d) + of(h, units.h) + of(m, units.m) + of(s, units.s);
    return Math.max(0, now - seconds * 1000);
  }
  const at = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new UserError(
      `--since takes how long ago (90s, 10m, 1h30m, 2d) or a time (2026-12-01T08:00:00Z), not "${text}"`,
    );
  return at;
}
