import { z } from "zod";

import { UserError } from "../base/errors";
import { cidr, ipAddress } from "./site-parts";

/** Networks that are never routed on the Internet: RFC 1918, RFC 6598 and RFC 4193. */
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/** The site's resolver for the workloads of its cluster. */
export const resolverSchema = z.strictObject({
  replicas: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(9, "must be at most 9")
    .default(2)
    .describe("Pods of the resolver, on nodes of their own where there are enough. Default: 2. Example: 3."),
  upstreams: z
    .array(ipAddress)
    .max(8, "must have at most eight addresses")
    .default([])
    .describe(
      'Resolvers that are asked for all names outside the mesh, on port 53. Default: none; it begins at the root of the Internet. Example: ["10.0.0.2"].',
    ),
  validateUpstreams: z
    .boolean()
    .default(true)
    .describe(
      "Whether answers of the upstreams are validated; false for those that leave signatures out. Names of the mesh always are. Default: true.",
    ),
  clusterIP: ipAddress
    .optional()
    .describe(
      'Address of its Service inside the cluster, for what names it by address; it cannot be changed. Default: the cluster\'s choice. Example: "10.96.0.53".',
    ),
  clients: z
    .array(cidr)
    .min(1, "must have at least one network")
    .default(privateNetworks)
    .describe('Networks whose clients may ask it. Default: the private ones. Example: ["10.244.0.0/16"].'),
  tlsSecret: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "must be the name of a Secret")
    .optional()
    .describe(
      'Secret of type kubernetes.io/tls in the site\'s namespace, by which it answers over TLS on port 853 too. Default: none. Example: "resolver-tls".',
    ),
  cacheMiB: z
    .int("must be a whole number")
    .min(8, "must be at least 8")
    .max(4096, "must be at most 4096")
    .default(64)
    .describe("MiB that each pod keeps of answers. Default: 64. Example: 256."),
});

/** The site's resolver for the workloads of its cluster. */
export type ResolverConfig = z.infer<typeof resolverSchema>;

/** Knot Resolver asks authoritative servers on port 53 alone. */
export function requireResolverPort(
  { resolver, remotePort }: { readonly resolver?: ResolverConfig | undefined; readonly remotePort: number },
  stack: string,
): void {
  if (resolver === undefined || remotePort === 53) return;
  throw new UserError(
    `stack "${stack}": dns-mesh:resolver asks sites on port 53 alone, and dns-mesh:remotePort is ${remotePort}; ` +
      `leave one of them out`,
  );
}
