/** What sites call the pools that objects stand for. Several objects may be about one pool. */
export class PoolIds {
  readonly #uidsOf = new Map<string, Set<string>>();
  readonly #idOf = new Map<string, string>();

  /** What the pool of an object is called, by the object's uid. */
  idOf(uid: string): string | undefined {
    return this.#idOf.get(uid);
  }

  /** Uids of a pool's objects. */
  uidsOf(id: string): Iterable<string> {
    return this.#uidsOf.get(id) ?? [];
  }

  /** An object stands for this pool from now on; undefined for none. */
  set(uid: string, id: string | undefined): void {
    const before = this.#idOf.get(uid);
    if (before === id) return;
    if (before !== undefined) {
      const same = this.#uidsOf.get(before);
      same?.delete(uid);
      if (same?.size === 0) this.#uidsOf.delete(before);
      this.#idOf.delete(uid);
    }
    if (id === undefined) return;
    this.#idOf.set(uid, id);
    this.#uidsOf.set(id, (this.#uidsOf.get(id) ?? new Set()).add(uid));
  }
}
