import { createHash } from "node:crypto";

/**
 * The unique-id label of a catalog member (RFC 9432 section 4.1): the first 32 hexadecimal digits of SHA-256 of the
 * zone's name. A changed id makes consumers purge and fetch the zone anew, so it depends on nothing but the name.
 */
export function memberId(zone: string): string {
  return createHash("sha256").update(zone).digest("hex").slice(0, 32);
}
