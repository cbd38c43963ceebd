import type { LabSite } from "../../lab";
import { Lab } from "../../lab";
import type { Replicated } from "../baselines/baseline";
import type { AnswerWatcher, Watched } from "./watch";

/** A lab's pods as servers that are watched, each by itself. */
export function watchedPods(pods: Iterable<Pick<LabSite, "podName" | "server">>): readonly Watched[] {
  return [...pods].map(({ podName, server }) => ({ name: podName, server }));
}

/** A running mesh beside what it is compared with: records are changed at their owners, each pod of every site is watched. */
export function replicatedMesh(lab: Lab, zones: readonly string[]): Replicated {
  const pods = [...lab.sites.values()];
  const ownerOf = (zone: string): string => lab.plan.owner(zone) ?? "";
  return {
    servers: watchedPods(pods),
    zones,
    ownerOf,
    // Whoever changes a record has the agent tell the others (DESIGN section 4); its time counts.
    afterUpdate: async (zone) => {
      await lab.site(ownerOf(zone)).http("POST", "/announce");
    },
    replace: (zone, { name, text }) =>
      lab.site(ownerOf(zone)).control.zoneReplace(zone, { owner: name, ttl: 1, type: "TXT", data: `"${text}"` }),
    hints: (hint) => {
      const all = new DisposableStack();
      for (const pod of pods) {
        all.use(
          pod.onZoneUpdated(() => {
            hint(pod.podName);
          }),
        );
      }
      return all;
    },
  };
}

/**
 * Waits until all these pods answer a zone.
 *
 * @returns milliseconds from `since` (by `performance.now()`) until the last did.
 */
export async function servedEverywhere(change: {
  readonly watcher: AnswerWatcher;
  readonly pods: readonly LabSite[];
  readonly zone: string;
  readonly since: () => Promise<number>;
}): Promise<number> {
  using watch = change.watcher.watch({
    servers: watchedPods(change.pods),
    question: { name: change.zone, type: "SOA" },
    accept: ({ flags, answers: [answer] }) => flags.aa && answer?.type === "SOA",
    limitMs: 120_000,
  });
  const since = await change.since();
  return Math.max(...(await watch.since(since)).values());
}

/** Starts a mesh and waits until every pod of every site answers every zone alike. */
export async function startMesh(options: Parameters<typeof Lab.create>[0]): Promise<Lab> {
  const lab = await Lab.create(options);
  try {
    await lab.upAll();
    await lab.converged(300);
    return lab;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}
