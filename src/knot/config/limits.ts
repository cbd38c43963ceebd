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
