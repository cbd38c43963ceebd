import type { SocketAddress } from "../../src/contract/environment";
import type { LiveSettings } from "../../src/contract/live-settings";
import { paths, podPorts } from "../../src/contract/names";
import { ipVersion } from "../../src/dns/address";
import type { FixedRuntime } from "../../src/knot/config/site-runtime";
import { defaultZoneLimits, type Limits } from "../../src/mesh/limits";
import type { Tenant } from "../../src/records/tenants";
import type { RecordsConfig } from "../../src/settings/record-settings";
import type { SiteConfig } from "../../src/settings/site-settings";

/** How Knot runs in the site's pods, as long as they live. */
export function siteRuntime(config: Pick<SiteConfig, "listen">): Omit<FixedRuntime, "replicas"> {
  return {
    storage: paths.storage,
    rundir: paths.rundir,
    listen: config.listen.map((address) => `${address}@${podPorts.dns}`),
    secure: { listen: config.listen.map((address) => `${address}@${podPorts.secure}`) },
  };
}

/** What running pods take over. */
export function liveSettings(
  config: Pick<SiteConfig, "remotePort" | "securePort" | "rateLimit" | "zoneGuard" | "backups" | "metrics" | "records">,
  addresses: readonly string[],
): LiveSettings {
  const { remotePort, securePort, rateLimit, backups, metrics, records } = config;
  const guard = zoneLimits(config);
  const pods = { addresses, port: 53, securePort: 853 };
  const more = {
    ...(guard !== undefined && { guard }),
    ...(backups?.awaitRestore === true && { awaitsRestore: true }),
    ...(records !== false && records.tenants !== undefined && { tenants: records.tenants.map(tenantOf) }),
    ...(records !== false && records.sources !== undefined && { sources: sourcesOf(records.sources) }),
  };
  return { pods, remotePort, securePort, rateLimit, zoneSeries: metrics, ...more };
}

/** Without fields that say nothing. */
function sourcesOf({
  gatewayNamespaces,
  ...sources
}: NonNullable<RecordsConfig["sources"]>): NonNullable<LiveSettings["sources"]> {
  return { ...sources, ...(gatewayNamespaces && { gatewayNamespaces }) };
}

/** The same of a tenant. */
function tenantOf({ allow, most, mostTargets, ...tenant }: Tenant): NonNullable<LiveSettings["tenants"]>[number] {
  const rules = allow.map(({ subtrees, ...rule }) => ({ ...rule, ...(subtrees && { subtrees }) }));
  return {
    ...tenant,
    allow: rules,
    ...(most !== undefined && { most }),
    ...(mostTargets !== undefined && { mostTargets }),
  };
}

/** How many names a change of an own zone may take away; undefined where nothing is held. */
function zoneLimits({ zoneGuard }: Pick<SiteConfig, "zoneGuard">): Limits | undefined {
  if (zoneGuard === false) return undefined;
  const { names, percent } = zoneGuard;
  return { least: names, share: percent === undefined ? defaultZoneLimits.share : percent / 100 };
}

/**
 * Where the agent finds Knot, in the family of the first address that Knot binds, and where it listens itself: in both families as soon as
 * Knot binds one of IPv6, since the kubelet asks a pod at the address that its cluster has first.
 */
export function agentSockets({ listen }: Pick<SiteConfig, "listen">): {
  readonly knot: SocketAddress;
  readonly http: SocketAddress;
} {
  const isVersion6 = (address: string): boolean => ipVersion(address) === 6;
  return {
    knot: { address: isVersion6(listen[0] ?? "") ? "::1" : "127.0.0.1", port: podPorts.dns },
    http: { address: listen.some(isVersion6) ? "::" : "0.0.0.0", port: podPorts.http },
  };
}
