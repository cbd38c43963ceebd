import { messageOf, UserError } from "../base/errors";
import { objects } from "../contract/names";
import { sharedClient } from "../kube/cluster-client";
import type { MadeKeys } from "../settings/site-parts";
import type { SiteConfig } from "../settings/site-settings";
import { liveMadeKeys, livePacket, type LivePlace, liveSecret, siteOf } from "./live-site";

type Adopting = Pick<SiteConfig, "adopt" | "backups" | "context" | "kubeconfig" | "madeKeys" | "namespace" | "site">;

/** By which Pulumi's plugin takes over whatever is there, in any `up` and whoever it is that owns it. */
const forcing = ["PULUMI_K8S_ENABLE_PATCH_FORCE", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] as const;

/**
 * Refuses to take over by force what a cluster has where nobody said that it is to be taken over: it could be another site's, or have
 * keys that the settings do not have, and {@link requireAdoptable} looks only where the setting says so. An `up` that was
 * interrupted needs no force: it has the fields of what it made.
 *
 * @param env - The program's environment, which the plugin has too.
 * @throws UserError with the cure.
 */
export function requireUnforced(
  { adopt }: Pick<SiteConfig, "adopt">,
  env: Readonly<Record<string, string | undefined>>,
): void {
  if (adopt) return;
  const set = forcing.filter((name) => !["", "0", "f", "false"].includes((env[name] ?? "").toLowerCase()));
  if (set.length === 0) return;
  throw new UserError(
    `${set.join(" and ")} is set, and dns-mesh:adopt is not: this up would take over by force whatever is in the namespace, whoever owns it. ` +
      `Nothing was changed; unset ${set.join(" and ")}, also to go on with an up that was interrupted; or, where this stack's state was lost, do as docs/runbooks/site-state-lost.md has it`,
  );
}

/**
 * Before a stack takes over what a cluster has: makes sure that it is this site's, and that the keys which the former stack
 * made by chance, and the password of its backups, go on. Asks nothing where nothing is taken over.
 *
 * @throws UserError with the cure.
 */
export async function requireAdoptable(config: Adopting): Promise<void> {
  if (!config.adopt) return;
  await checkAdoption(config, { kube: await sharedClient(config), namespace: config.namespace });
}

/** Does what {@link requireAdoptable} does, by a client that is there. */
export async function checkAdoption(
  config: Pick<SiteConfig, "backups" | "madeKeys" | "namespace" | "site">,
  place: LivePlace,
): Promise<void> {
  const { packet, keys, password } = await look(place);
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
  requireSamePassword(config, password);
}

/** The cluster's Secret may have the only copy of what the backups are encrypted with. */
function requireSamePassword(
  { backups, namespace, site }: Pick<SiteConfig, "backups" | "namespace" | "site">,
  live: string | undefined,
): void {
  if (backups === undefined || live === undefined || backups.password === live) return;
  throw new UserError(
    `dns-mesh:adopt: the Secret ${objects.backupPassword} in ${namespace} has another password than dns-mesh:backups.password; it would be written over, and may be the only copy, without which the backups cannot be read. ` +
      `Nothing was changed; take it over: kubectl -n ${namespace} get secret ${objects.backupPassword} -o jsonpath={.data.password} | base64 -d | pulumi -s ${site} config set --path --secret dns-mesh:backups.password`,
  );
}

/** What a cluster has of a site. */
interface Found {
  readonly packet: unknown;
  readonly keys: MadeKeys;
  /** Of its backups; undefined where there is no such Secret, empty where it has none. */
  readonly password: string | undefined;
}

async function look(place: LivePlace): Promise<Found> {
  try {
    const [packet, keys] = [await livePacket(place), await liveMadeKeys(place)];
    const secret = await liveSecret(place, objects.backupPassword);
    return { packet, keys, password: secret && (secret["password"] ?? "") };
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
