import { randomBytes } from "node:crypto";

import type { TsigKey } from "../dns/tsig-key";

/** Octets of a secret: as many as the hash gives (RFC 8945 section 7). */
const secretOctets = 32;

/**
 * A TSIG key that nobody has seen. Its name tells when it was made, and is no other key's.
 *
 * @param now - Milliseconds since 1970.
 */
export function freshKey(now: number): TsigKey {
  const [date = "", time = ""] = new Date(now).toISOString().replace(/[-:]/g, "").split(/[T.]/);
  const name = `mesh-${date}-${time}-${randomBytes(2).toString("hex")}`;
  return { name, algorithm: "hmac-sha256", secret: randomBytes(secretOctets).toString("base64") };
}
