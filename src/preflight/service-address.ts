import { UserError } from "../base/errors";
import { fields } from "../base/json";
import { canonicalAddress, ipVersion } from "../dns/address";
import type { KubeObject } from "../kube/answer";
import type { Site } from "../mesh/model";
import type { ServiceConfig } from "../settings/site-parts";

/** What of a Service tells where it is reached. */
export interface ServiceState {
  readonly name: string;
  readonly type: "LoadBalancer" | "NodePort" | "ClusterIP";
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  /** Addresses that the load balancer got; empty when it has host names only. */
  readonly loadBalancer: readonly string[];
}

/** What a Service's object tells where it is reached. */
export function serviceState(name: string, service: KubeObject): ServiceState {
  const spec = fields(service["spec"]);
  return {
    name,
    type: spec["type"] as ServiceState["type"],
    clusterIPs: textsIn(spec["clusterIPs"]),
    externalIPs: textsIn(spec["externalIPs"]),
    loadBalancer: ingressOf(service).flatMap(({ ip }) => (typeof ip === "string" ? [ip] : [])),
  };
}

/** What the load balancer of a Service gave it. */
export function ingressOf(service: KubeObject): readonly Readonly<Record<string, unknown>>[] {
  const ingress = fields(fields(service["status"])["loadBalancer"])["ingress"];
  return Array.isArray(ingress) ? ingress.map(fields) : [];
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/**
 * The addresses at which a Service can be asked, in their canonical form: a load balancer may write one of IPv6 in another. None when they
 * are unknown: a node port, or a load balancer with a host name only.
 */
export function reachableAddresses(service: ServiceState): readonly string[] {
  const { type, loadBalancer, externalIPs, clusterIPs } = service;
  if (type === "LoadBalancer") return loadBalancer.map(canonical);
  if (externalIPs.length > 0) return externalIPs.map(canonical);
  return type === "ClusterIP" ? clusterIPs.map(canonical) : [];
}

function canonical(address: string): string {
  return canonicalAddress(address) ?? address;
}

/**
 * Holds the address that a Service got against those that the mesh's list has for the site: the other sites ask there.
 * External addresses count as got, beside those of a load balancer.
 *
 * @returns A sentence that names both and the cure, or undefined when they agree or the addresses are unknown.
 */
export function addressProblem(site: Pick<Site, "name" | "addresses">, service: ServiceState): string | undefined {
  if (isWhereListed(site, service)) return undefined;
  const got = reachableAddresses(service);
  return (
    `site "${site.name}": Service ${service.name} answers at ${got.join(", ")}, but the mesh's list says ${site.addresses.join(", ")}. ` +
    `Put the address that it got into "addresses" of this site in the shared stack's dns-mesh:mesh and bring the shared stack, the primary and this site up again; ` +
    `or make the Service get the listed one (dns-mesh:service annotations, loadBalancerIP, externalIPs or ipFamilies). ` +
    `If it has got it since, say so with pulumi up --refresh. Behind address translation, set dns-mesh:service verifyAddress to false.`
  );
}

function isWhereListed({ addresses }: Pick<Site, "addresses">, service: ServiceState): boolean {
  const got = reachableAddresses(service);
  const answering = new Set([...got, ...service.externalIPs.map(canonical)]);
  const isExpected = got.every((address) => addresses.includes(address));
  return got.length === 0 || (isExpected && addresses.every((address) => answering.has(address)));
}

/** The same for a site whose addresses come from its load balancer: the list is to follow, and nothing failed. */
export function movedText(site: Pick<Site, "name" | "addresses">, service: ServiceState): string | undefined {
  if (isWhereListed(site, service)) return undefined;
  const got = reachableAddresses(service).join(", ");
  return (
    `site "${site.name}": Service ${service.name} answers at ${got}, and the mesh asks it at ${site.addresses.join(", ")}. ` +
    `mesh up takes it into the list; or write "found: [${got}]" there, and bring the shared stack, the primary and this site up`
  );
}

/**
 * What a site's cluster says of the addresses that the site's Services got. `none`: not yet, or not now, which is never
 * "no address". `unusable`: a person has to decide.
 */
export type GivenAddresses =
  | { readonly kind: "given"; readonly addresses: readonly string[] }
  | { readonly kind: "none" | "unusable"; readonly reason: string };

/**
 * Reads the addresses that a site with `addresses: auto` has, from the Services that make it up (`undefined`: not there).
 *
 * | found | what it is |
 * |---|---|
 * | a Service is missing, or on its way out | none |
 * | no address yet; or one that is known is gone for which the Service still asks | none |
 * | host names alone: an address behind a name changes without a word | unusable |
 * | two Services with other addresses than each other | unusable |
 *
 * @param known - What the list says.
 */
export function givenAddresses(
  services: ReadonlyMap<string, KubeObject | undefined>,
  known: readonly string[],
): GivenAddresses {
  const each = [...services].map(([name, service]) => ({ name, ...givenTo(name, service, known) }));
  const failed = each.find(({ kind }) => kind !== "given");
  if (failed !== undefined && failed.kind !== "given") return { kind: failed.kind, reason: failed.reason };
  const [first, ...others] = each.flatMap(({ name, ...given }) =>
    given.kind === "given" ? [{ name, addresses: given.addresses }] : [],
  );
  if (first === undefined) return { kind: "none", reason: "it has no Service yet" };
  const other = others.find(({ addresses }) => !isSameSet(addresses, first.addresses));
  if (other !== undefined)
    return {
      kind: "unusable",
      reason:
        `Service ${first.name} is at ${first.addresses.join(", ")} and Service ${other.name} at ${other.addresses.join(", ")}: UDP and TCP are asked at one address. ` +
        `Have the load balancer share one (dns-mesh:service annotations, loadBalancerIP), or leave dns-mesh:service split out`,
    };
  const missing = missingFamily([...services.values()], first.addresses, known);
  if (missing !== undefined)
    return { kind: "none", reason: `Service ${first.name} has no ${missing} address at present, which it asks for` };
  return { kind: "given", addresses: isSameSet(first.addresses, known) ? known : first.addresses };
}

function givenTo(name: string, service: KubeObject | undefined, known: readonly string[]): GivenAddresses {
  if (service === undefined) return { kind: "none", reason: `Service ${name} is not there yet` };
  if (service.metadata?.deletionTimestamp !== undefined)
    return { kind: "none", reason: `Service ${name} is on its way out` };
  const state = serviceState(name, service);
  const got = [...new Set([...reachableAddresses(state), ...state.externalIPs.map(canonical)])];
  const addresses = got.flatMap((address) => canonicalAddress(address) ?? []);
  if (addresses.length < got.length)
    return { kind: "unusable", reason: `Service ${name} has ${got.join(", ")}, of which one is no IP address` };
  const isBare = state.type === "LoadBalancer" && ingressOf(service).length === 0;
  // Beside external addresses, one of a load balancer is not gone because it is not there at this moment.
  if (isBare && known.some((address) => !addresses.includes(address)))
    return { kind: "none", reason: `the load balancer of Service ${name} has given it no address at present` };
  if (addresses.length > 0) return { kind: "given", addresses };
  const names = ingressOf(service).flatMap(({ hostname }) => (typeof hostname === "string" ? [hostname] : []));
  if (names.length > 0)
    return {
      kind: "unusable",
      reason:
        `the load balancer of Service ${name} has a host name (${names.join(", ")}) and no address: what it resolves to changes without a word, and Knot needs addresses. ` +
        `Have it get fixed ones (of AWS, a network load balancer with Elastic IPs) and write those into "addresses" instead of auto`,
    };
  if (state.type !== "LoadBalancer")
    return { kind: "unusable", reason: `Service ${name} is a ${state.type}, which gets no address` };
  return { kind: "none", reason: `the load balancer has given Service ${name} no address yet` };
}

/** A family that a Service asks for and has no address of, where that may be a matter of time. */
function missingFamily(
  services: readonly (KubeObject | undefined)[],
  got: readonly string[],
  known: readonly string[],
): string | undefined {
  const wanted = new Set(services.flatMap((service) => textsIn(fields(service?.["spec"])["ipFamilies"])));
  const lacks = (version: 4 | 6): boolean =>
    wanted.has(`IPv${version}`) && !got.some((address) => ipVersion(address) === version);
  // What was never there is not waited for beside an address that is.
  const version = ([4, 6] as const).find(
    (each) => lacks(each) && (known.length === 0 || known.some((address) => ipVersion(address) === each)),
  );
  return version === undefined ? undefined : `IPv${version}`;
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((address) => right.includes(address));
}

/** Names of the Services that make up a site. */
export function serviceNames({ split }: Pick<ServiceConfig, "split">): readonly string[] {
  return split ? ["knot", "knot-tcp"] : ["knot"];
}

/** Why a site's settings do not go with `addresses: auto`; undefined when they do. */
export function autoProblem({ type, externalIPs, verifyAddress }: ServiceConfig): string | undefined {
  const cure = `write its addresses into the list instead of auto`;
  if (!verifyAddress)
    return `dns-mesh:service verifyAddress is false: the others ask at an address that its cluster does not know; ${cure}`;
  if (type === "NodePort" && externalIPs.length === 0)
    return `dns-mesh:service type is NodePort, which gets no address; set externalIPs or another type, or ${cure}`;
  return undefined;
}

/** @throws UserError for a site with `addresses: auto` whose settings do not go with that. */
export function requireAutoService({
  site,
  service,
}: {
  readonly site: string;
  readonly service: ServiceConfig;
}): void {
  const problem = autoProblem(service);
  if (problem !== undefined)
    throw new UserError(`the list has addresses: auto for site "${site}", and ${problem}. Nothing was changed`);
}
