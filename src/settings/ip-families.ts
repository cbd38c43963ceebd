import { UserError } from "../base/errors";
import { ipVersion } from "../dns/address";
import type { ServiceConfig } from "./site-parts";

/** A family of addresses, as Kubernetes names it. */
export type IpFamily = "IPv4" | "IPv6";

/** What the settings say of a Service's families. */
export type FamilyConfig = Pick<ServiceConfig, "ipFamilyPolicy" | "ipFamilies">;

const families: readonly IpFamily[] = ["IPv4", "IPv6"];

/** What of a site's settings has to go with the families of its Services. */
interface Checked {
  readonly service: Pick<
    ServiceConfig,
    "ipFamilyPolicy" | "ipFamilies" | "externalIPs" | "loadBalancerIP" | "verifyAddress"
  >;
  readonly listen: readonly string[];
  readonly resolver?: { readonly clusterIP?: string | undefined } | undefined;
}

/** The family of an address; undefined for a text that is not an address. */
function familyOf(address: string): IpFamily | undefined {
  const version = ipVersion(address);
  return version && `IPv${version}`;
}

/** Families in which the site's Service sends to its pods, as far as the settings tell it. */
function wantedFamilies({ ipFamilyPolicy, ipFamilies = [] }: FamilyConfig): readonly IpFamily[] {
  return ipFamilyPolicy === "PreferDualStack" || ipFamilyPolicy === "RequireDualStack" ? families : ipFamilies;
}

/** The only family that a Service may have; undefined where it may have both, or the cluster chooses. */
function onlyFamily({ ipFamilyPolicy = "SingleStack", ipFamilies = [] }: FamilyConfig): IpFamily | undefined {
  return ipFamilyPolicy === "SingleStack" ? ipFamilies[0] : undefined;
}

/**
 * Holds the families of a site's Services against its other settings: what the API server would refuse in the middle of
 * `up`, and what would send clients to where no pod listens.
 *
 * @throws UserError with the cure.
 */
export function requireFamilies({ service, listen, resolver }: Checked, stack: string): void {
  const problem =
    policyProblem(service) ??
    addressProblem(service) ??
    listenProblem(wantedFamilies(service), listen) ??
    resolverProblem(service, resolver?.clusterIP);
  if (problem !== undefined) throw new UserError(`stack "${stack}": ${problem}`);
}

function policyProblem({ ipFamilyPolicy, ipFamilies = [] }: FamilyConfig): string | undefined {
  if (ipFamilies.length < 2 || (ipFamilyPolicy !== undefined && ipFamilyPolicy !== "SingleStack")) return undefined;
  return (
    `dns-mesh:service.ipFamilies has two families, and ipFamilyPolicy is ${ipFamilyPolicy ?? "not set"}; ` +
    `set it to PreferDualStack or RequireDualStack, or leave one family out`
  );
}

function addressProblem(service: Checked["service"]): string | undefined {
  const only = onlyFamily(service);
  if (only === undefined) return undefined;
  const asked = [
    ...service.externalIPs.map((address, i) => [`externalIPs[${i}]`, address] as const),
    ...(service.loadBalancerIP === undefined ? [] : [["loadBalancerIP", service.loadBalancerIP] as const]),
  ];
  const other = asked.find(([, address]) => familyOf(address) !== only);
  if (other === undefined) return undefined;
  const [setting, address] = other;
  return (
    `dns-mesh:service.${setting} is ${address}, and the Service is of ${only} alone; ` +
    `leave it out, or set ipFamilyPolicy to RequireDualStack`
  );
}

function listenProblem(wanted: readonly IpFamily[], listen: readonly string[]): string | undefined {
  const missing = wanted.find((family) => !listen.some((address) => familyOf(address) === family));
  if (missing === undefined) return undefined;
  const any = wanted.map((family) => (family === "IPv4" ? `"0.0.0.0"` : `"::"`));
  return (
    `dns-mesh:service sends to pods over ${missing}, and dns-mesh:listen has no address of it: ` +
    `set dns-mesh:listen to [${any.join(", ")}]`
  );
}

function resolverProblem({ ipFamilies }: FamilyConfig, clusterIP: string | undefined): string | undefined {
  const [first] = ipFamilies ?? [];
  if (first === undefined || clusterIP === undefined || familyOf(clusterIP) === first) return undefined;
  return (
    `dns-mesh:resolver.clusterIP is ${clusterIP}, and the first of dns-mesh:service.ipFamilies is ${first}; ` +
    `give it an address of ${first}, or list the other family first`
  );
}

/**
 * Holds the addresses of the mesh's list against the families of the site's Service, unless the settings say that addresses
 * are translated on the way.
 *
 * @throws UserError with the cure.
 */
export function requireListedFamilies(
  { service }: Pick<Checked, "service">,
  site: { readonly name: string; readonly addresses: readonly string[] },
): void {
  const only = onlyFamily(service);
  if (only === undefined || !service.verifyAddress) return;
  const other = site.addresses.find((address) => familyOf(address) !== only);
  if (other === undefined) return;
  throw new UserError(
    `site "${site.name}": the mesh's list has ${other} among its addresses, and dns-mesh:service.ipFamilies is ${only} alone. Nothing was changed; ` +
      `take it out of the list, set dns-mesh:service.ipFamilyPolicy to RequireDualStack, or, where a balancer translates, verifyAddress to false`,
  );
}
