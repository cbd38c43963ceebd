import type { SiteRuntime } from "../../src/knot/config/site-config";
import { ipVersion } from "../../src/base/ip";
import type { SiteConfig } from "../../src/settings/site-settings";
import { paths, podPorts } from "../../src/contract/names";

/** How Knot runs in the site's pods, as far as it is the same for all of them. */
export function siteRuntime(
  config: Pick<SiteConfig, "listen" | "remotePort" | "securePort" | "rateLimit">,
): SiteRuntime {
  return {
    storage: paths.storage,
    rundir: paths.rundir,
    listen: config.listen.map((address) => `${address}@${podPorts.dns}`),
    remotePort: config.remotePort,
    secure: {
      listen: config.listen.map((address) => `${address}@${podPorts.secure}`),
      remotePort: config.securePort,
    },
    rateLimit: config.rateLimit,
  };
}

/** Where the agent finds Knot and where it listens itself: in the family of the first address that Knot binds. */
export function agentSockets(config: Pick<SiteConfig, "listen">): { readonly knot: string; readonly http: string } {
  const isVersion6 = ipVersion(config.listen[0] ?? "") === 6;
  return {
    knot: `${isVersion6 ? "::1" : "127.0.0.1"}@${podPorts.dns}`,
    http: `${isVersion6 ? "::" : "0.0.0.0"}@${podPorts.http}`,
  };
}
