import { UserError } from "../base/errors";

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Longest TTL, in seconds (RFC 2181 section 8). */
export const longestTtl = 0x7fffffff;

/** Whether a field is a time: digits, or BIND's `1h30m`. */
export function looksLikeTtl(text: string): boolean {
  return /^(?:\d+|(?:\d+[smhdw])+)$/i.test(text);
}

/** A time in seconds, written in seconds or as BIND's `1h30m`. @throws UserError for anything else. */
export function ttlFromText(text: string, what: string, max = longestTtl): number {
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : [...text.matchAll(/(\d+)([smhdw])/gi)].reduce(
        (sum, [, count, unit]) => sum + Number(count) * (units[unit?.toLowerCase() ?? ""] ?? 1),
        0,
      );
  if (!looksLikeTtl(text) || seconds > max)
    throw new UserError(`the ${what} must be seconds from 0 to ${max}, or such as 1h30m, got "${text}"`);
  return seconds;
}
