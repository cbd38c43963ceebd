import type { Clock } from "../base/clock";
import { ipVersion } from "../dns/address";
import { KubeError, type KubeObject } from "../kube/answer";
import { sharedClient } from "../kube/cluster-client";
import type { Site } from "../mesh/model";
import type { SiteConfig } from "../settings/site-settings";
import { reachableAddresses, type ServiceState } from "./service-address";

/** What a Service got so far: its addresses, and the families that the API server gave it. */
export interface Seen {
  readonly state: ServiceState;
  readonly families: readonly string[];
}

/** Whether a Service has what the list says. `awaited`: it may come. `refused`: it will not. */
export type SecondFamily =
  | { readonly kind: "settled" }
  | { readonly kind: "awaited" | "refused"; readonly problem: string; readonly cure: string };

/** Between two looks; the wait after which it is said, and the one after which it is given up. */
const [lookMs, quietMs, longestMs] = [2000, 10_000, 600_000];
const minutes = longestMs / 60_000;

/**
 * Holds the families of a site's listed addresses against those in which its load balancer gave its Service one. A load balancer with a host
 * name only says nothing of them.
 *
 * @param site - With the addresses that the load balancer is to give.
 */
export function secondFamily(site: Pick<Site, "name" | "addresses">, { state, families }: Seen): SecondFamily {
  const got = state.loadBalancer.map(ipVersion);
  const missing = site.addresses.filter((address) => !got.includes(ipVersion(address)));
  const version = missing[0] === undefined ? undefined : ipVersion(missing[0]);
  if (got.length === 0 || version === undefined) return { kind: "settled" };
  const family = `IPv${version}`;
  const has = reachableAddresses(state).join(", ");
  const about = `site "${site.name}": the mesh's list has ${missing.join(", ")}, and Service ${state.name}, at ${has},`;
  const leave =
    `Take ${missing.join(", ")} out of "addresses" of this site in the shared stack's dns-mesh:mesh, ` +
    `set dns-mesh:service.ipFamilyPolicy to SingleStack, and bring the shared stack, the primary and this site up again`;
  if (families.length > 0 && !families.includes(family))
    return {
      kind: "refused",
      problem: `${about} is of ${families.join(", ")} alone: its cluster gave it no ${family}`,
      cure: `${leave}; or, once the cluster has ${family} for Services, set ipFamilyPolicy to RequireDualStack`,
    };
  return {
    kind: "awaited",
    problem: `${about} has no ${family} address of its load balancer`,
    cure:
      `${leave}; or have the load balancer give it one (dns-mesh:service annotations; kubectl describe service ${state.name} may say why it does not). ` +
      `Where it is reached in another way: externalIPs, or, behind address translation, verifyAddress false`,
  };
}

/** How {@link awaitSecondFamily} looks again, and says that it waits. */
export interface FamilyWait {
  readonly site: Pick<Site, "name" | "addresses">;
  /** The Service as it is now; undefined where it is not there, or may not be read. Throws a KubeError where nobody answers. */
  readonly look: () => Promise<Seen | undefined>;
  readonly warn: (text: string) => void;
  readonly clock: Clock;
}

/**
 * Looks at a Service until its load balancer gave it an address in each family of the list, says soon that it waits, and what can be done,
 * and gives up at once where the Service is not of that family.
 *
 * @param had - What Pulumi has of it, which may be older than what there is.
 * @returns what it has in the end, and what is wrong with it, with the cure.
 */
export async function awaitSecondFamily(
  had: Seen,
  { site, look, warn, clock }: FamilyWait,
): Promise<{ readonly seen: Seen; readonly problem?: string }> {
  const [began, never] = [clock.now(), new AbortController().signal];
  let [seen, isSaid] = [had, false];
  let found = secondFamily(site, seen);
  while (found.kind !== "settled") {
    const now = await look().catch(unlessSilent(seen));
    if (now === undefined) return { seen };
    seen = now;
    found = secondFamily(site, seen);
    const waited = clock.now() - began;
    if (found.kind === "settled") return { seen };
    if (found.kind === "refused") return { seen, problem: `${found.problem}. ${found.cure}` };
    if (waited >= longestMs) return { seen, problem: `${found.problem} after ${minutes} minutes. ${found.cure}` };
    if (waited >= quietMs && !isSaid) {
      warn(`${found.problem} yet; up waits for it, up to ${minutes} minutes. Where none is to come: ${found.cure}`);
      isSaid = true;
    }
    await clock.pause(lookMs, never);
  }
  return { seen };
}

/** An API server that does not answer at this moment is asked again. */
function unlessSilent(seen: Seen): (error: unknown) => Seen {
  return (error) => {
    if (error instanceof KubeError) return seen;
    throw error;
  };
}

/**
 * Reads a Service of a site's cluster. One that may not be read counts as one that is not there: what Pulumi has then decides.
 */
export function serviceReader(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace">,
): (name: string) => Promise<KubeObject | undefined> {
  return async (name) => {
    try {
      return await (await sharedClient(config)).get(`/api/v1/namespaces/${config.namespace}/services/${name}`);
    } catch (error) {
      if (error instanceof KubeError && error.status === 403) return undefined;
      throw error;
    }
  };
}
