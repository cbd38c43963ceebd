import { dirname, join } from "node:path";

import { UserError } from "../base/errors";
import { array, object, text } from "../base/json-fields";
import type { FixedRuntime, RateLimit, SiteRuntime } from "../knot/config/site-runtime";
import type { SocketAddress } from "./environment";
import { podPorts } from "./names";

/**
 * What a site's stack tells its pods while they run, in the file `settings.json`. Nothing of it may stand in a pod
 * template: a StatefulSet replaces its pods one by one, so that a new pod would wait for one that does not know it yet.
 */
export interface LiveSettings {
  /** How the site's programs reach its Knot pods: a cluster-internal address for each, by ordinal, and their ports. */
  readonly pods: {
    readonly addresses: readonly string[];
    readonly port: number;
    readonly securePort: number;
    /** Where their agents answer. @default that of `podPorts` */
    readonly httpPort?: number;
  };
  /** Port at which the other sites' addresses are asked. */
  readonly remotePort: number;
  /** Port at which the other sites have TLS and QUIC. */
  readonly securePort: number;
  /** Answers that one address gets over UDP. @default `defaultRateLimit` */
  readonly rateLimit?: RateLimit | false;
}

/** The name of the file, beside the welcome packet. */
export const liveSettingsFile = "settings.json";

/** Where it stands, by the welcome packet's path. */
export function liveSettingsPath(packetFile: string): string {
  return join(dirname(packetFile), liveSettingsFile);
}

/** Where the agent beside the site's writer answers. */
export function writersAgent({ addresses, httpPort = podPorts.http }: LiveSettings["pods"]): SocketAddress {
  return { address: addresses[0] ?? "", port: httpPort };
}

/** The file's text. */
export function liveSettingsText(settings: LiveSettings): string {
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/**
 * Reads what {@link liveSettingsText} wrote.
 *
 * @throws UserError that names the field.
 */
export function parseLiveSettings(json: unknown): LiveSettings {
  const { pods, remotePort, securePort, rateLimit } = object(json, "settings");
  return {
    pods: podsOf(pods),
    remotePort: portNumber(remotePort, "remotePort"),
    securePort: portNumber(securePort, "securePort"),
    ...(rateLimit !== undefined && { rateLimit: rateLimitOf(rateLimit) }),
  };
}

/** How Knot runs in a pod, by what holds as long as the pod lives and by what its stack says now. */
export function runtimeWith(fixed: FixedRuntime, settings: LiveSettings): SiteRuntime {
  const { remotePort, securePort, pods, rateLimit } = settings;
  return {
    ...fixed,
    remotePort,
    secure: { ...fixed.secure, remotePort: securePort },
    replicas: { ...fixed.replicas, ...pods },
    ...(rateLimit !== undefined && { rateLimit }),
  };
}

function podsOf(value: unknown): LiveSettings["pods"] {
  const { addresses, port, securePort, httpPort } = object(value, "pods");
  const each = array(addresses, "pods.addresses").map((address, i) => text(address, `pods.addresses[${i}]`));
  if (each.length === 0) throw new UserError("pods.addresses must list the address of each Knot pod");
  return {
    addresses: each,
    port: portNumber(port, "pods.port"),
    securePort: portNumber(securePort, "pods.securePort"),
    ...(httpPort !== undefined && { httpPort: portNumber(httpPort, "pods.httpPort") }),
  };
}

function rateLimitOf(value: unknown): RateLimit | false {
  if (value === false) return false;
  const { perSecond, burst, exempt } = object(value, "rateLimit");
  return {
    perSecond: positive(perSecond, "rateLimit.perSecond"),
    burst: positive(burst, "rateLimit.burst"),
    exempt: array(exempt, "rateLimit.exempt").map((network, i) => text(network, `rateLimit.exempt[${i}]`)),
  };
}

function portNumber(value: unknown, path: string): number {
  const number = positive(value, path);
  if (number > 65_535) throw new UserError(`${path} must be a port`);
  return number;
}

function positive(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1)
    throw new UserError(`${path} must be a whole number of at least 1`);
  return value;
}
