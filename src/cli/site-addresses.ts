import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { messageOf, UserError } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { fields } from "../base/json";
import { foldName } from "../base/names";
import { commonLabels } from "../contract/names";
import type { KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { briefly, clusterClient } from "../kube/cluster-client";
import type { Mesh, Site } from "../mesh/model";
import { livePacket, siteOf } from "../preflight/live-site";
import { autoProblem, type GivenAddresses, givenAddresses, serviceNames } from "../preflight/service-address";
import { parseStackConfig, type SiteConfig } from "../settings/site-settings";
import { asSettings, settingsIn, stackText } from "./stacks/stack-file";

/** What is known of where a site with `addresses: auto` is asked. `unseen`: its cluster did not say. */
export type FoundAddresses = GivenAddresses | { readonly kind: "unseen"; readonly reason: string };

/** Asks a site's cluster. Never throws: no answer is one as well. */
export type AddressFinder = (site: Site) => Promise<FoundAddresses>;

type Config = Pick<SiteConfig, "namespace" | "service" | "context" | "kubeconfig">;

/** Where sites are asked for. */
export interface AddressPlaces {
  readonly directoryZone: string;
  /** Settings of a site's stack; undefined where they are not here, or cannot be used. */
  readonly configOf: (site: string) => Config | undefined;
  readonly connect?: (config: Config) => Promise<Pick<KubeClient, "get">>;
}

/** Asks clusters by the kubeconfigs that the sites' stacks name. */
export function addressFinder({
  directoryZone,
  configOf,
  connect = (config) => clusterClient(config, briefly),
}: AddressPlaces): AddressFinder {
  return async (site) => {
    const config = configOf(site.name);
    if (config === undefined)
      return { kind: "unseen", reason: `its settings are not here, or cannot be used (Pulumi.${site.name}.yaml)` };
    const problem = autoProblem(config.service);
    if (problem !== undefined) return { kind: "unusable", reason: problem };
    try {
      return await askCluster(await connect(config), config, { site, directoryZone });
    } catch (error) {
      return { kind: "unseen", reason: messageOf(error) };
    }
  };
}

/** Settings of sites' stacks whose files stand beside the shared stack's. */
export function configsBeside(file: string): AddressPlaces["configOf"] {
  return (site) => {
    const path = join(dirname(file), `Pulumi.${site}.yaml`);
    if (!existsSync(path)) return undefined;
    try {
      const config = parseStackConfig(asSettings(settingsIn(path, stackText(path))), site);
      return config.kind === "site" ? config.site : undefined;
    } catch {
      // Whoever brings it up is told what is wrong with it.
      return undefined;
    }
  };
}

async function askCluster(
  kube: Pick<KubeClient, "get">,
  { namespace, service }: Config,
  { site, directoryZone }: { readonly site: Site; readonly directoryZone: string },
): Promise<GivenAddresses> {
  const packet = await livePacket({ kube, namespace });
  if (packet !== undefined) requireOwn(packet, site.name, directoryZone);
  const services = new Map<string, KubeObject | undefined>();
  for (const name of serviceNames(service)) {
    const found = await kube.get(`/api/v1/namespaces/${namespace}/services/${name}`);
    if (found !== undefined) requireOurs(found, name, namespace);
    services.set(name, found);
  }
  return givenAddresses(services, site.addresses);
}

/** A site that waits has no packet yet; one that has another's is another cluster. */
function requireOwn(packet: unknown, site: string, directoryZone: string): void {
  const [found, zone] = [siteOf(packet), fields(packet)["directoryZone"]];
  if (found !== site) throw new UserError(`this is the cluster of ${found}, not of ${site}; check the context`);
  if (typeof zone !== "string" || foldName(zone) !== directoryZone)
    throw new UserError(
      `this is the ${site} of another mesh, with the directory ${String(zone)} and not ${directoryZone}; check the context`,
    );
}

function requireOurs({ metadata }: KubeObject, name: string, namespace: string): void {
  const [[label, value] = ["", ""]] = Object.entries(commonLabels);
  if (metadata?.labels?.[label] !== value)
    throw new UserError(
      `the Service ${name} in ${namespace} is not of dns-mesh; check the context and dns-mesh:namespace`,
    );
}

/** Sites whose addresses come from their load balancers, those that wait among them. */
export function autoSites({ sites, waiting = [] }: Pick<Mesh, "sites" | "waiting">): readonly Site[] {
  return [...sites, ...waiting].filter(({ auto }) => auto === true);
}

const width = 16;

/** Asks the clusters of sites, side by side; by the site's name. */
export async function askForAddresses(
  sites: readonly Site[],
  find: AddressFinder,
): Promise<ReadonlyMap<string, FoundAddresses>> {
  const found = new Map<string, FoundAddresses>();
  await inParallel(width, sites, async (site) => {
    found.set(site.name, await find(site));
  });
  return new Map(sites.flatMap(({ name }) => (found.has(name) ? [[name, found.get(name) as FoundAddresses]] : [])));
}

/** What of a site's addresses is not as the list has it, in a sentence; undefined when it is. */
export function addressText({ name, addresses }: Site, found: FoundAddresses): string | undefined {
  const isWaiting = addresses.length === 0;
  if (found.kind === "given") {
    if (found.addresses === addresses) return undefined;
    const now = found.addresses.join(", ");
    return isWaiting
      ? `${name} is at ${now}, by its load balancer, and the list does not have it yet`
      : `${name} is at ${now}, by its load balancer, and the list has ${addresses.join(", ")}`;
  }
  return isWaiting
    ? `${name} waits for an address and is not in the directory: ${found.reason}`
    : `${name}: the list's addresses (${addresses.join(", ")}) stay: ${found.reason}`;
}
