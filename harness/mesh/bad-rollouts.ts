import { setTimeout as wait } from "node:timers/promises";

import { eventually } from "../eventually";
import { ensureImages } from "../images";
import { type PodObject, readyPods } from "./ready-pods";
import type { RunningMesh } from "./running-mesh";

/** An `up` after which pods cannot start. */
export interface BadRollout {
  readonly what: string;
  /** What the pod shows that was replaced. */
  readonly reason: RegExp;
  readonly begin: (mesh: RunningMesh, site: string) => Promise<void>;
}

/** What a pod shows that starts and ends, again and again. */
const crashing = /CrashLoopBackOff|"reason":"Error"/;

/** Takes other settings of a site beside those that it has. */
function setting(changes: Record<string, unknown>): BadRollout["begin"] {
  return (mesh, site) => mesh.configureSite(mesh.cluster(site), { ...mesh.settings(site), ...changes });
}

/** What makes the pods of a rollout fail. */
export const badRollouts: readonly BadRollout[] = [
  {
    what: "image that does not exist",
    reason: /ErrImagePull|ImagePullBackOff|ErrImageNeverPull/,
    begin: async (mesh, site) => {
      const { knot, node } = await ensureImages();
      await setting({ "dns-mesh:images": { knot: `${knot.name}-missing`, node: node.name } })(mesh, site);
    },
  },
  {
    what: "more memory than any node has",
    reason: /Unschedulable/,
    begin: setting({ "dns-mesh:resources": { knot: { requests: { memory: "1Ti" }, limits: { memory: "1Ti" } } } }),
  },
  {
    what: "agent that crashes",
    reason: crashing,
    begin: (mesh, site) => {
      mesh.agentComments.set(site, "broken\nprocess.exit(1)");
      return Promise.resolve();
    },
  },
];

/**
 * A rollout that cannot go on, and the way back of `docs/runbooks/bad-rollout.md`: it stops at the first pod, its `up` is interrupted,
 * and what was before is brought up again. The writer runs on all the time.
 */
export async function stuckAndBack(mesh: RunningMesh, site: string, { reason, begin }: BadRollout): Promise<void> {
  const cluster = mesh.cluster(site);
  const before = await readyPods(cluster, 2);
  const [settings, comment] = [mesh.settings(site), mesh.agentComments.get(site)];
  await begin(mesh, site);
  const ending = new AbortController();
  const up = mesh.driver.up(site, { signal: ending.signal }).catch((error: unknown) => error);
  try {
    await eventually(120, async () => {
      const pod = await cluster.kubectl(["-n", "dns-system", "get", "pod", "knot-1", "-o", "json"]);
      const { metadata, status } = JSON.parse(pod) as PodObject;
      if (metadata.uid === before.ids["knot-1"] || !reason.test(JSON.stringify(status)))
        throw new Error(`knot-1 does not fail: ${JSON.stringify(status)}`);
    });
    // Ample time for the next pod to be replaced as well.
    await wait(6000);
  } finally {
    ending.abort();
    await up;
    await mesh.configureSite(cluster, settings);
    if (comment === undefined) mesh.agentComments.delete(site);
    else mesh.agentComments.set(site, comment);
  }
  await mesh.up(site);
  const after = await readyPods(cluster, 2);
  if (after.ids["knot-0"] !== before.ids["knot-0"])
    throw new Error("knot-0 was replaced, although knot-1 never was ready");
}
