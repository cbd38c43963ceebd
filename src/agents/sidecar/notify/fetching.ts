import type { KnotControl } from "../../../knot/control/knot-control";

/** What {@link Fetching} works with. */
export interface FetchingOptions {
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneRefresh">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between looks at a server that lacks nothing. */
const idleMs = 60_000;
const firstWaitMs = 1000;
const longestWaitMs = 30_000;

/**
 * Sees to it that zones without content get some. Knot's own first attempts come later and later (5, 20, 45 … seconds);
 * here they are repeated after 1, 2, 4, … 30 seconds, and at once when the mesh changed.
 */
export class Fetching {
  #dueAt = 0;
  #wait = firstWaitMs;
  #empty: readonly string[] = [];

  constructor(private readonly options: FetchingOptions) {}

  /** Zones that had no content at the last look. */
  get empty(): readonly string[] {
    return this.#empty;
  }

  /** Something changed: look soon. */
  expect(): void {
    this.#wait = firstWaitMs;
    this.#dueAt = Math.min(this.#dueAt, this.options.now() + firstWaitMs / 2);
  }

  /** Does what is due. Throws what the control socket throws. */
  async round(): Promise<void> {
    if (this.options.now() < this.#dueAt) return;
    this.#dueAt = this.options.now() + firstWaitMs;
    const statuses = await this.options.control.zoneStatus();
    this.#empty = statuses
      .filter(({ role, serial }) => role === "slave" && serial === undefined)
      .map(({ zone }) => zone);
    if (this.#empty.length === 0) {
      this.#wait = firstWaitMs;
      this.#dueAt = this.options.now() + idleMs;
      return;
    }
    this.#dueAt = this.options.now() + this.#wait;
    this.#wait = Math.min(this.#wait * 2, longestWaitMs);
    await this.options.control.zoneRefresh(this.#empty);
  }
}
