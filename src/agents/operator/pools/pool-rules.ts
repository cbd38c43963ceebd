import { answerRefusal, type Refusal } from "../../../pools/conditions";
import type { Pool } from "../../../pools/model";
import { poolsOverQuota } from "../../../pools/quota";
import { isPoolZone } from "../../../pools/wire";
import type { LiveInputs } from "../inputs";
import type { PoolEntry, PoolStore } from "./pool-store";

/** What {@link PoolRules} go by. */
export interface PoolRulesOptions {
  readonly store: PoolStore;
  /** What the site's stack says now. */
  readonly current: () => LiveInputs["current"];
  /** The site's own namespace. */
  readonly ownNamespace: string;
}

/** Which pools are accepted: by their objects, by what the site's stack says, and by what became of their records. */
export class PoolRules {
  /** Pools with more targets than their namespaces may have, by their uids. */
  #overQuota: ReadonlyMap<string, Refusal> = new Map();
  #isToCount = false;
  readonly #answers = new WeakMap<PoolEntry, Refusal>();

  constructor(private readonly options: PoolRulesOptions) {}

  /** Says that pools, or what they are counted by, are new. */
  countAnew(): void {
    this.#isToCount = true;
  }

  /** Finds the pools that are too much for their namespaces, where something is new. Returns the uids of those that turn with others. */
  count(): readonly string[] {
    const { store, current, ownNamespace } = this.options;
    const { tenants } = current();
    if (!this.#isToCount) return [];
    this.#isToCount = false;
    if (tenants === undefined && this.#overQuota.size === 0) return [];
    const pools = [...store.all()].flatMap(({ uid, object, reading, record }) => {
      const { namespace, creationTimestamp: createdAt } = object.metadata;
      if (reading.kind === "refused" || object.isLeaving) return [];
      return [{ uid, namespace, targets: reading.pool.targets.length, isServed: record?.owner === uid, createdAt }];
    });
    const before = this.#overQuota;
    this.#overQuota = poolsOverQuota(pools, tenants && { tenants, own: ownNamespace });
    return pools.map(({ uid }) => uid).filter((uid) => before.has(uid) !== this.#overQuota.has(uid));
  }

  /** The pool of an object, where it is accepted. */
  poolOf(entry: PoolEntry): Pool | undefined {
    if (entry.reading.kind !== "pool" || entry.object.isLeaving) return undefined;
    return this.#ownRefusalOf(entry) === undefined ? entry.reading.pool : undefined;
  }

  /** Why a pool is not accepted, or not served. */
  refusalOf(entry: PoolEntry): Refusal | undefined {
    return this.#ownRefusalOf(entry) ?? this.#answers.get(entry) ?? answerRefusal(entry.record);
  }

  /** Notes what became of the writing of an answer. Returns whether that is new. */
  takeAnswer(entry: PoolEntry, refusal: Refusal | undefined): boolean {
    const before = this.#answers.get(entry);
    if (refusal === undefined) this.#answers.delete(entry);
    else this.#answers.set(entry, refusal);
    return refusal?.message !== before?.message;
  }

  #ownRefusalOf({ uid, reading, zone }: PoolEntry): Refusal | undefined {
    if (reading.kind === "refused") return { reason: "InvalidSpec", message: reading.problems.join("; ") };
    const { name, zones } = this.options.current().packet.site;
    if (isPoolZone(zone)) return { reason: "InvalidSpec", message: `spec.zone: ${zone} is the mesh's own` };
    const own = zones.find((each) => each.name === zone);
    if (own?.primaries !== undefined)
      return { reason: "NotAllowed", message: `${zone} is taken from a primary outside the mesh: change it there` };
    if (own !== undefined) return this.#overQuota.get(uid);
    const message = `${zone} is no zone of ${name}; make the DnsPool in the cluster of the site that has it`;
    return { reason: "UnknownZone", message };
  }
}
