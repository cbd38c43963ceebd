import type { Check } from "../../../pools/model";

/** Who wants a check to be made: a pool, of this site where there is an object of it. */
export interface CheckUser {
  /** What sites call the pool. */
  readonly pool: string;
  readonly uid?: string;
}

/** Which checks are to be made from here, and for which pools. */
export class CheckBook {
  readonly #checks = new Map<string, Check>();
  readonly #users = new Map<string, Map<string, CheckUser>>();
  readonly #idsOf = new Map<string, readonly string[]>();
  #isNew = false;

  /** @param isAllowed - Whether a check may be made from here. */
  constructor(private readonly isAllowed: (check: Check) => boolean) {}

  /** All checks, by their ids. */
  get checks(): ReadonlyMap<string, Check> {
    return this.#checks;
  }

  /** Whether {@link checks} are others than when this was asked last. */
  takeNew(): boolean {
    const isNew = this.#isNew;
    this.#isNew = false;
    return isNew;
  }

  /** Who wants a check. */
  usersOf(id: string): Iterable<CheckUser> {
    return this.#users.get(id)?.values() ?? [];
  }

  /** What somebody wants from now on, by the checks' ids, in the place of what it wanted before. */
  set(key: string, user: CheckUser, wanted: Iterable<readonly [id: string, check: Check]>): void {
    const before = this.#idsOf.get(key) ?? [];
    const ids: string[] = [];
    for (const [id, check] of wanted) {
      if (!this.#checks.has(id)) {
        if (!this.isAllowed(check)) continue;
        this.#checks.set(id, check);
        this.#isNew = true;
      }
      this.#users.set(id, (this.#users.get(id) ?? new Map<string, CheckUser>()).set(key, user));
      ids.push(id);
    }
    for (const id of before) if (!ids.includes(id)) this.#leave(id, key);
    if (ids.length > 0) this.#idsOf.set(key, ids);
    else this.#idsOf.delete(key);
  }

  /** Somebody wants nothing any more. */
  delete(key: string): void {
    for (const id of this.#idsOf.get(key) ?? []) this.#leave(id, key);
    this.#idsOf.delete(key);
  }

  #leave(id: string, key: string): void {
    const users = this.#users.get(id);
    users?.delete(key);
    if (users?.size !== 0) return;
    this.#users.delete(id);
    this.#checks.delete(id);
    this.#isNew = true;
  }
}
