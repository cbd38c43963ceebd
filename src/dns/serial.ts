const modulus = 2 ** 32;
const half = 2 ** 31;

/**
 * Compares two SOA serials in the circle of RFC 1982 section 3.2.
 *
 * @returns `undefined` when they are exactly half a circle apart, where the RFC leaves the order undefined.
 */
export function compareSerials(a: number, b: number): -1 | 0 | 1 | undefined {
  const distance = (((b - a) % modulus) + modulus) % modulus;
  if (distance === 0) return 0;
  if (distance === half) return undefined;
  return distance < half ? -1 : 1;
}

/** Whether `a` comes after `b`. Serials half a circle apart are not newer than each other. */
export function isNewerSerial(a: number, b: number): boolean {
  return compareSerials(a, b) === 1;
}

/** By how much `a` comes before `b`; 0 where it does not. */
export function serialsBehind(a: number, b: number): number {
  return isNewerSerial(b, a) ? (((b - a) % modulus) + modulus) % modulus : 0;
}

/**
 * A serial that comes after all that were seen: the present time where that is newer (RFC 1982).
 *
 * @param now - Milliseconds since 1970.
 */
export function serialAfter(now: number, ...seen: readonly (number | undefined)[]): number {
  let next = Math.floor(now / 1000) >>> 0;
  for (const serial of seen) if (serial !== undefined && !isNewerSerial(next, serial)) next = (serial + 1) >>> 0;
  return next;
}
