import { compareText } from "../base/text";
import { targetsQuotaText, tenantOf, type Tenants } from "../records/tenants";
import type { Refusal } from "./conditions";

/** A pool as far as it counts. */
export interface CountedPool {
  readonly uid: string;
  readonly namespace: string;
  readonly targets: number;
  /** Whether there is an answer of it already. */
  readonly isServed: boolean;
  readonly createdAt: string;
}

/**
 * Pools of namespaces that have more targets than they may, by their uids: those that are served count first, then the older. One
 * that is too large leaves room for a later one that is not.
 */
export function poolsOverQuota(
  pools: readonly CountedPool[],
  tenants: Tenants | undefined,
): ReadonlyMap<string, Refusal> {
  const refused = new Map<string, Refusal>();
  if (tenants?.tenants.some(({ mostTargets }) => mostTargets !== undefined) !== true) return refused;
  const taken = new Map<string, number>();
  for (const { uid, namespace, targets } of pools.toSorted(byTurn)) {
    const most = tenantOf(tenants, namespace)?.mostTargets;
    if (most === undefined) continue;
    const sum = (taken.get(namespace) ?? 0) + targets;
    if (sum <= most) taken.set(namespace, sum);
    else refused.set(uid, { reason: "NotAllowed", message: targetsQuotaText(namespace, most) });
  }
  return refused;
}

function byTurn(a: CountedPool, b: CountedPool): number {
  const turn = ({ uid, createdAt, isServed }: CountedPool): string => `${isServed ? 0 : 1} ${createdAt} ${uid}`;
  return compareText(turn(a), turn(b));
}
