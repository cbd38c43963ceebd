/** How it was with an address at the last attempts. Times are milliseconds since 1970. */
type Outcome =
  { readonly kind: "reached" } | { readonly kind: "failed"; readonly first: number; readonly last: number };

/** How it was with other servers' addresses, in Knot's form, when they were last tried. */
export class ReachedAddresses {
  readonly #outcomes = new Map<string, Outcome>();

  constructor(private readonly now: () => number) {}

  /** It said something. */
  noteReached(address: string): void {
    this.#outcomes.set(address, { kind: "reached" });
  }

  /** It took no connection, or said nothing. */
  noteFailure(address: string): void {
    const last = this.now();
    const before = this.#outcomes.get(address);
    const first = before?.kind === "failed" ? before.first : last;
    this.#outcomes.set(address, { kind: "failed", first, last });
  }

  /** Forgets all. */
  clear(): void {
    this.#outcomes.clear();
  }

  /** Forgets all others. */
  keepOnly(known: ReadonlySet<string>): void {
    for (const address of this.#outcomes.keys()) if (!known.has(address)) this.#outcomes.delete(address);
  }

  /** When the last attempt failed; undefined where it did not, or where there was none. */
  failedAt(address: string): number | undefined {
    const outcome = this.#outcomes.get(address);
    return outcome?.kind === "failed" ? outcome.last : undefined;
  }

  /** Whether it said something last. */
  hasAnswered(address: string): boolean {
    return this.#outcomes.get(address)?.kind === "reached";
  }

  /** Whether it was reached last, or was before and has not failed for so long, in milliseconds, each time. */
  isReached(address: string, before: ReadonlySet<string>, lastingMs: number): boolean {
    const outcome = this.#outcomes.get(address);
    if (outcome?.kind === "reached") return true;
    return before.has(address) && (outcome === undefined || outcome.last - outcome.first < lastingMs);
  }
}
