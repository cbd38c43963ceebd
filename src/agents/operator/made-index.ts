/** What was made of other objects, by the uids of these. */
export class MadeIndex<T> {
  readonly #made = new Map<string, Set<T>>();

  /** Uids of the objects that anything was made of. */
  sources(): readonly string[] {
    return [...this.#made.keys()];
  }

  of(source: string): readonly T[] {
    return [...(this.#made.get(source) ?? [])];
  }

  /** @param source - undefined for what was made of nothing, which has no place here */
  add(source: string | undefined, made: T): void {
    if (source !== undefined) this.#made.set(source, (this.#made.get(source) ?? new Set()).add(made));
  }

  delete(source: string | undefined, made: T): void {
    if (source === undefined) return;
    const all = this.#made.get(source);
    all?.delete(made);
    if (all?.size === 0) this.#made.delete(source);
  }
}
