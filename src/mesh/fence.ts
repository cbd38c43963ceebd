import { type Epoch, epochText, highestEpoch, isAbove, isSameEpoch, packetEpoch } from "./epoch";
import type { WelcomePacket } from "./model";
import { catalogSitesOf } from "./peers";
import type { MeshView, SiteView } from "./view";

/** What a site knows of epochs beyond its view (ADR 0030). It outlives restarts. */
export interface Fence {
  readonly highest: Epoch;
  /** Catalog sites that have not shown the highest epoch since it is the highest: no central zone is taken from them. */
  readonly behind: readonly string[];
}

/** What a pod says of its epoch: `bad` is one that the shared stack did not sign, `silent` a pod that does not answer. */
export type EpochAnswer = Epoch | "bad" | "silent" | undefined;

/** What the pods of sites say, by the site's name; a site of which no pod answered is missing. */
export type SiteEpochs = ReadonlyMap<string, readonly EpochAnswer[]>;

/** What a {@link Fence} follows from. */
export interface FenceFacts {
  readonly packet: WelcomePacket;
  readonly view: MeshView;
  readonly before: Fence | undefined;
  readonly answers: SiteEpochs;
}

/** The other catalog sites: those of the view, and those of the packet, which may be newer or older. */
export function otherCatalogs({ packet, view }: Pick<FenceFacts, "packet" | "view">): readonly Reachable[] {
  const sites = new Map<string, Reachable>();
  for (const { name, addresses } of [...catalogSitesOf({ packet, view }), ...packet.catalogs])
    sites.set(name, { name, addresses: [...new Set([...(sites.get(name)?.addresses ?? []), ...addresses])] });
  sites.delete(packet.site.name);
  return [...sites.values()];
}

type Reachable = Pick<SiteView, "name" | "addresses">;

/**
 * The fence by what the other catalog sites' pods answered:
 *
 * | pods of a catalog site                             | central zones are taken from it                       |
 * |----------------------------------------------------|-------------------------------------------------------|
 * | any answers a lower one, or one that nobody signed | no, but for the primary of the highest, if another of its pods has that |
 * | any answers the highest epoch, and none another    | yes: a silent one that comes back with replaced zones is left out then |
 * | all are silent, and the epoch is a new one         | only if it is the primary: any other may hold what the former one made since |
 * | all are silent otherwise                           | as before                                             |
 *
 * @returns undefined where the site cannot check epochs, or nobody says anything of one.
 */
export function nextFence(facts: FenceFacts): Fence | undefined {
  const { packet, view, before, answers } = facts;
  if (packet.signers === undefined) return undefined;
  const found = [...answers.values()].flat().map((answer) => (typeof answer === "string" ? undefined : answer));
  const highest = highestEpoch(before?.highest, packetEpoch(packet), view.epoch, ...found);
  if (highest === undefined) return undefined;
  const isNew = isAbove(highest, before?.highest);
  const isBehind = (name: string): boolean => {
    const said = answers.get(name) ?? ["silent"];
    const shows = said.some((epoch) => has(epoch, highest));
    if (said.some((epoch) => isBelow(epoch, highest))) return !(shows && name === highest.primary);
    if (shows) return false;
    return isNew ? name !== highest.primary : before?.behind.includes(name) === true;
  };
  const names = otherCatalogs(facts).map(({ name }) => name);
  return { highest, behind: names.filter(isBehind).sort() };
}

/** Whether a pod answers an epoch, and none below it. */
export function has(answer: EpochAnswer, highest: Epoch): boolean {
  return answer !== "silent" && !isBelow(answer, highest);
}

/** Whether central zones of such an epoch were replaced. */
export function isBelow(answer: EpochAnswer, highest: Epoch): boolean {
  if (answer === "silent") return false;
  return answer === "bad" || isAbove(highest, answer);
}

/** Why a directory of such an epoch is not followed; undefined where it may be. */
export function replacement(
  epoch: Epoch | undefined,
  highest: Epoch | undefined,
): { readonly kind: "fenced"; readonly reason: string } | undefined {
  if (!isAbove(highest, epoch)) return undefined;
  return {
    kind: "fenced",
    reason: `the directory is of ${epochText(epoch)}, which was replaced by ${epochText(highest)}`,
  };
}

/** Sentences on what is left out although it answers. */
export function fenceProblems({ highest, behind }: Fence, answers: SiteEpochs): readonly string[] {
  return behind.flatMap((name) => {
    const below = answers.get(name)?.filter((epoch) => isBelow(epoch, highest)) ?? [];
    if (below.length === 0) return [];
    const [epoch] = below;
    const says = typeof epoch === "string" ? "an epoch that the shared stack did not sign" : epochText(epoch);
    return [`${name} answers ${says}, which was replaced by ${epochText(highest)}: no central zones are taken from it`];
  });
}

/** Equality of fences. */
export function isSameFence(fence: Fence | undefined, other: Fence | undefined): boolean {
  return isSameEpoch(fence?.highest, other?.highest) && fence?.behind.join() === other?.behind.join();
}
