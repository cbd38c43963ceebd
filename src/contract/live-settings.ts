import { dirname, join } from "node:path";

import * as z from "zod/mini";

import { countingNumber, flag, listOf, objectOf, plainText, readShape, type Shape } from "../base/shape";
import type { FixedRuntime, SiteRuntime } from "../knot/config/site-runtime";
import { sourceKinds } from "../records/sources/kinds";
import type { SocketAddress } from "./environment";
import { podPorts } from "./names";

const port = countingNumber.check(z.lte(65_535, "must be a port"));

const liveSettings = objectOf({
  /** How the site's programs reach its Knot pods: a cluster-internal address for each, by ordinal, and their ports. */
  pods: objectOf({
    addresses: listOf(plainText).check(z.minLength(1, "must list the address of each Knot pod")),
    port,
    securePort: port,
    /** Where their agents answer. @default that of `podPorts` */
    httpPort: z.exactOptional(port),
  }),
  /** Port at which the other sites' addresses are asked. */
  remotePort: port,
  /** Port at which the other sites have TLS and QUIC. */
  securePort: port,
  /** Answers that one address gets over UDP. @default `defaultRateLimit` */
  rateLimit: z.exactOptional(
    z.union([
      z.literal(false),
      objectOf({ perSecond: countingNumber, burst: countingNumber, exempt: listOf(plainText) }),
    ]),
  ),
  /** Whether the writer's new volume waits for a restore before it begins. @default false */
  awaitsRestore: z.exactOptional(flag),
  /** How many names a change of an own zone may take away unseen. @default false: any */
  guard: z.exactOptional(
    z.union([
      z.literal(false),
      objectOf({
        least: countingNumber,
        share: z.number("must be a number").check(z.gt(0, "must be more than 0"), z.lt(1, "must be less than 1")),
      }),
    ]),
  ),
  /** Which zones have metrics of their own. @default `defaultZoneSeries` */
  zoneSeries: z.exactOptional(
    objectOf({ zones: z.enum(["off", "own", "all"], "must be off, own or all"), most: countingNumber }),
  ),
  /** What other objects DnsRecords are made of. @default none */
  sources: z.exactOptional(
    objectOf({
      kinds: listOf(z.enum(sourceKinds, `must be one of ${sourceKinds.join(", ")}`)),
      zones: listOf(plainText),
      labels: z.record(z.string(), plainText),
      ttl: countingNumber,
      gatewayNamespaces: z.exactOptional(listOf(plainText)),
    }),
  ),
  /** What DnsRecords of which namespaces may claim. @default anything */
  tenants: z.exactOptional(
    listOf(
      objectOf({
        namespaces: listOf(plainText),
        allow: listOf(
          objectOf({
            zones: listOf(plainText),
            subtrees: z.exactOptional(listOf(plainText)),
            types: listOf(plainText),
          }),
        ),
        most: z.exactOptional(countingNumber),
        mostTargets: z.exactOptional(countingNumber),
      }),
    ),
  ),
});

/**
 * What a site's stack tells its pods while they run, in the file `settings.json`. Nothing of it may stand in a pod
 * template: a StatefulSet replaces its pods one by one, so that a new pod would wait for one that does not know it yet.
 */
export type LiveSettings = Shape<typeof liveSettings>;

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
  return readShape(liveSettings, json, "");
}

/** How Knot runs in a pod, by what holds as long as the pod lives and by what its stack says now. */
export function runtimeWith(fixed: FixedRuntime, settings: LiveSettings): SiteRuntime {
  const { remotePort, securePort, pods, rateLimit, guard, zoneSeries } = settings;
  return {
    ...fixed,
    remotePort,
    secure: { ...fixed.secure, remotePort: securePort },
    replicas: { ...fixed.replicas, ...pods },
    ...(rateLimit !== undefined && { rateLimit }),
    ...(guard !== undefined && { guard }),
    ...(zoneSeries !== undefined && { zoneSeries }),
  };
}
