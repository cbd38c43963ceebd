import { messageOf, UserError } from "../base/errors";
import { foldName } from "../base/names";
import { KubeError, type KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { sharedClient } from "../kube/cluster-client";
import { listObjects } from "../kube/watch";
import { isRetired, zoneRetirement } from "../mesh/limits";
import type { WelcomePacket } from "../mesh/model";
import { collectionPath, type DnsRecord, isHere, plural } from "../records/model";
import type { SiteConfig } from "../settings/site-settings";
import type { FormerOutputs } from "./former-outputs";
import { type Published, zonesIn } from "./published";
import { namesText, type StillIn } from "./zone-removal";

/**
 * Looks which DnsRecords have something in zones that are on their way out: those that are retired, and those that this
 * stack had when it was brought up last and that no site has any more. Asks the cluster only when there are such zones.
 *
 * @param facts.today - ISO date.
 * @returns names by zone, for the zones that are retired.
 * @throws UserError when a zone is gone that DnsRecords are in: their data would go with it.
 */
export async function requireEmptied(
  config: Pick<SiteConfig, "context" | "kubeconfig">,
  facts: {
    readonly welcome: { readonly packet: WelcomePacket; readonly published: Published };
    readonly former: FormerOutputs | undefined;
    readonly today: string;
  },
): Promise<StillIn> {
  const { site } = facts.welcome.packet;
  const retired = site.zones.filter((zone) => isRetired(zoneRetirement(zone, site), facts.today));
  const listed = new Set(zonesIn(facts.welcome.published));
  const gone = zonesOf(facts.former).filter((zone) => !listed.has(zone));
  const zones = [...retired.map(({ name }) => name), ...gone];
  if (zones.length === 0) return {};
  const found = await recordsIn(await sharedClient(config), zones, config.context);
  const problems = gone.flatMap((zone) => {
    const names = found.get(zone) ?? [];
    return names.length === 0 ? [] : [stillThere(zone, names, config.context)];
  });
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  return Object.fromEntries(retired.map(({ name }) => [name, namesText(found.get(name) ?? [])]));
}

/** DnsRecords that have something in zones, or may have: namespace and name, by zone. */
async function recordsIn(
  client: KubeClient,
  zones: readonly string[],
  context: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const object of await recordsOf(client, context)) {
    const record = object as unknown as DnsRecord;
    const applied = record.status?.applied;
    const zone = applied?.zone ?? foldName(record.spec.zone);
    if (!zones.includes(zone) || !isHere({ object: record, applied })) continue;
    const { namespace = "default", name } = record.metadata;
    found.set(zone, [...(found.get(zone) ?? []), `${namespace}/${name}`]);
  }
  return found;
}

async function recordsOf(client: KubeClient, context: string): Promise<readonly KubeObject[]> {
  try {
    return (await listObjects(client, collectionPath(plural))).objects;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw new UserError(
      `the DnsRecords of context "${context}" cannot be listed: ${messageOf(error)}; a zone is on its way out, and ` +
        `whoever runs this must be able to see whether any are in it (kubectl --context ${context} get dnsrecords -A)`,
    );
  }
}

function stillThere(zone: string, names: readonly string[], context: string): string {
  return (
    `the zone "${zone}" has left the mesh's list, and DnsRecords of context "${context}" are still in it: ${namesText(names).join(", ")}; ` +
    `delete them and run this again, or put the zone back into the list and bring up shared and the primary. Nothing was changed (docs/guides/retiring-a-zone.md)`
  );
}

function zonesOf(outputs: FormerOutputs | undefined): readonly string[] {
  const zones = outputs?.["zones"];
  return Array.isArray(zones) ? zones.filter((zone): zone is string => typeof zone === "string") : [];
}
