import { createHmac } from "node:crypto";

import type { KeyRing } from "../../keyring/ring-document";
import { section } from "./stanza";

/** Octets of a server secret (RFC 9018 section 4.4). */
const secretOctets = 16;

/**
 * The server secrets of a site's DNS Cookies (RFC 7873, RFC 9018): the one that makes cookies, then the one that is
 * accepted beside it while the ring turns.
 *
 * All pods of a site must have the same, since any of them may get a client's next question. So they are derived from
 * what all of them hold already, the ring, each for this purpose and this site alone: the secret of a site tells nothing
 * of a key, nor of another site's.
 */
export function cookieSecrets(ring: KeyRing, site: string): readonly string[] {
  const signing = ring.accepted.find(({ name }) => name === ring.signing);
  const newest = ring.accepted.filter(({ name }) => name !== ring.signing).at(-1);
  return [signing, newest].flatMap((key) => (key === undefined ? [] : [deriveSecret(key.secret, site)]));
}

/** The section of `mod-cookies`. */
export function renderCookies(ring: KeyRing, site: string): string {
  const secret = cookieSecrets(ring, site).map((hex) => `0x${hex}`);
  return section("mod-cookies", [{ id: "default", secret }]);
}

function deriveSecret(key: string, site: string): string {
  const mac = createHmac("sha256", Buffer.from(key, "base64")).update(`dns-mesh server cookies of ${site}`).digest();
  return mac.subarray(0, secretOctets).toString("hex");
}
