import { messageOf, UserError } from "../base/errors";
import { clusterClient } from "../kube/cluster-client";
import type { MadeKeys } from "../settings/site-parts";
import type { SiteConfig } from "../settings/site-settings";
import { liveMadeKeys, livePacket, type LivePlace, siteOf } from "./live-site";

type Adopting = Pick<SiteConfig, "adopt" | "context" | "kubeconfig" | "madeKeys" | "namespace" | "site">;

/**
 * Before a stack takes over what a cluster has: makes sure that it is this site's, and that the keys which the former stack
 * made by chance go on. Asks nothing where nothing is taken over.
 *
 * @throws UserError with the cure.
 */
export async function requireAdoptable(config: Adopting): Promise<void> {
  if (!config.adopt) return;
  await checkAdoption(config, { kube: await clusterClient(config), namespace: config.namespace });
}

/** Does what {@link requireAdoptable} does, by a client that is there. */
export async function checkAdoption(
  config: Pick<SiteConfig, "madeKeys" | "namespace" | "site">,
  place: LivePlace,
): Promise<void> {
  const { packet, keys } = await look(place);
  if (packet !== undefined && siteOf(packet) !== config.site)
    throw new UserError(
      `dns-mesh:adopt: the namespace "${config.namespace}" is that of ${siteOf(packet)}, not of ${config.site}. Nothing was changed; check dns-mesh:context and dns-mesh:namespace`,
    );
  const others = otherKeys(keys, config.madeKeys);
  if (others.length > 0)
    throw new UserError(
      `dns-mesh:adopt: the cluster has keys that dns-mesh:madeKeys has not (${others.join(", ")}); with new ones the copy of the DNSSEC keys could not be opened. ` +
        `Nothing was changed; run "mesh adopt" as docs/runbooks/site-state-lost.md has it`,
    );
}

async function look(place: LivePlace): Promise<{ readonly packet: unknown; readonly keys: MadeKeys }> {
  try {
    return { packet: await livePacket(place), keys: await liveMadeKeys(place) };
  } catch (error) {
    throw new UserError(
      `dns-mesh:adopt: what the cluster has of the site cannot be read: ${messageOf(error)}. Nothing was changed`,
      { cause: error },
    );
  }
}

/** Names of keys that the site has and the settings have not, or otherwise. */
function otherKeys(live: MadeKeys, given: MadeKeys): readonly string[] {
  const names = Object.keys(live) as (keyof MadeKeys)[];
  return names.filter((name) => live[name] !== given[name]);
}
