import type { Site } from "../mesh/model";

/** What of a Service tells where it is reached. */
export interface ServiceState {
  readonly name: string;
  readonly type: "LoadBalancer" | "NodePort" | "ClusterIP";
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  /** Addresses that the load balancer got; empty when it has host names only. */
  readonly loadBalancer: readonly string[];
}

/** The addresses at which a Service can be asked. None when they are unknown: a node port, or a load balancer with a host name only. */
export function reachableAddresses(service: ServiceState): readonly string[] {
  if (service.type === "LoadBalancer") return service.loadBalancer;
  if (service.externalIPs.length > 0) return service.externalIPs;
  return service.type === "ClusterIP" ? service.clusterIPs : [];
}

/**
 * Holds the address that a Service got against those that the mesh's list has for the site: the other sites ask there.
 * External addresses count as got, beside those of a load balancer.
 *
 * @returns A sentence that names both and the cure, or undefined when they agree or the addresses are unknown.
 */
export function addressProblem(site: Pick<Site, "name" | "addresses">, service: ServiceState): string | undefined {
  const got = reachableAddresses(service);
  const answering = new Set([...got, ...service.externalIPs]);
  const isExpected = got.every((address) => site.addresses.includes(address));
  if (got.length === 0 || (isExpected && site.addresses.every((address) => answering.has(address)))) return undefined;
  return (
    `site "${site.name}": Service ${service.name} answers at ${got.join(", ")}, but the mesh's list says ${site.addresses.join(", ")}. ` +
    `Put the address that it got into "addresses" of this site in the shared stack's dns-mesh:mesh and bring the shared stack, the primary and this site up again; ` +
    `or make the Service get the listed one (dns-mesh:service annotations, loadBalancerIP or externalIPs). ` +
    `If it has got it since, say so with pulumi up --refresh. Behind address translation, set dns-mesh:service verifyAddress to false.`
  );
}
