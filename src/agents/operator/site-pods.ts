import type { PodId } from "../../mesh/pod-id";

/** Answers of other pods of a site, times its number of pods, after which one that gave none counts as out of reach. */
const patience = 8;

interface Pod {
  /** How many pods there are, as this one said last; 0 for one that is known by others alone. */
  replicas: number;
  /** Answers of other pods since its last one. */
  misses: number;
}

/**
 * Which pods there are behind the addresses of a site, as far as their answers tell. Who asks cannot choose a pod: one that
 * does not answer shows by the answers of the others alone.
 */
export class SitePods {
  readonly #pods = new Map<number, Pod>();

  /** A pod answered. */
  note({ ordinal, replicas }: Pick<PodId, "ordinal" | "replicas">): void {
    this.#pods.set(ordinal, { replicas, misses: 0 });
    for (let each = 0; each < replicas; each++) {
      const pod = this.#pods.get(each) ?? { replicas: 0, misses: 0 };
      if (each !== ordinal) this.#pods.set(each, { ...pod, misses: pod.misses + 1 });
    }
    for (const [each, pod] of this.#pods) if (each >= replicas && each !== ordinal) pod.misses++;
    // Not so many pods any more: those beyond are gone for good once they do not answer.
    for (const each of [...this.#pods.keys()]) if (each >= this.replicas) this.#pods.delete(each);
  }

  /** A pod that was asked at an address of its own did not answer. */
  miss(ordinal: number): void {
    this.#pods.set(ordinal, { replicas: this.#pods.get(ordinal)?.replicas ?? 0, misses: Number.MAX_SAFE_INTEGER });
  }

  /** How many pods there are; 0 as long as none has named itself. */
  get replicas(): number {
    const said = [...this.#pods.values()].filter((pod) => pod.misses < patience * Math.max(1, pod.replicas));
    return Math.max(0, ...said.map(({ replicas }) => replicas));
  }

  /** Whether a pod has given no answer among so many that it cannot be chance. */
  isOutOfReach(ordinal: number): boolean {
    return (this.#pods.get(ordinal)?.misses ?? 0) >= patience * this.replicas;
  }
}
