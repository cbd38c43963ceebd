import { createHmac } from "node:crypto";

import type { KeyRing } from "../../keyring/ring-document";
import { defaultRateLimit, type SiteRuntime } from "./site-runtime";
import { section } from "./stanza";
import { volumeFolders } from "./volume";

/**
 * How many answers an address gets, and the default template, which puts the modules before every zone. Cookies come
 * before the rate limit, which spares those who show a valid one.
 *
 * Only UDP is limited, and nothing is dropped (`slip: 1`): transfers and everything else over TCP, TLS and QUIC come from
 * an address that is no forgery, and the time limit there would count the handshakes of peers too. The own agent asks
 * over loopback.
 */
export function renderLimits({ storage, rateLimit = defaultRateLimit }: SiteRuntime): string {
  const modules = ["mod-stats/default", "mod-cookies/default"];
  const template = (list: readonly string[]): string =>
    section("template", [{ id: "default", storage: `"${storage}/${volumeFolders.zones}"`, "global-module": list }]);
  if (rateLimit === false) return template(modules);
  const { perSecond, burst, exempt } = rateLimit;
  const limit = {
    id: "default",
    "rate-limit": perSecond,
    "instant-limit": burst,
    slip: 1,
    "time-rate-limit": 0,
    whitelist: ["127.0.0.1", "::1", ...exempt],
  };
  return section("mod-rrl", [limit]) + template([...modules, "mod-rrl/default"]);
}

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
