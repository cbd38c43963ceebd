import { randomBytes } from "node:crypto";

import type { TsigKey } from "../dns/tsig-key";

/** Octets of a secret: as many as the hash gives (RFC 8945 section 7). */
const secretOctets = 32;

/** A TSIG key of a given name with a new random secret. */
export function randomKey(name: string): TsigKey {
  return { name, algorithm: "hmac-sha256", secret: randomBytes(secretOctets).toString("base64") };
}

/**
 * A new TSIG key for the ring. Its name is unique and says when it was made.
 *
 * @param now - Milliseconds since 1970.
 */
export function freshKey(now: number): TsigKey {
  const [date = "", time = ""] = new Date(now).toISOString().replace(/[-:]/g, "").split(/[T.]/);
  return randomKey(`mesh-${date}-${time}-${randomBytes(2).toString("hex")}`);
}
