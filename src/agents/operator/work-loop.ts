import { BackOff, Bell, type Clock, isAborted } from "../../base/clock";

/** What a {@link WorkLoop} works with. */
export interface WorkLoopOptions {
  /** Whether the objects are known: until then nothing may be decided. */
  readonly isReady: () => boolean;
  /** Shows that the loop goes on. */
  readonly beat: () => void;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Works through items as they come, in passes; what failed comes again after a back-off. */
export abstract class WorkLoop<T> {
  protected readonly items = new Set<T>();
  readonly #bell: Bell;
  readonly #backOff: BackOff;

  constructor(private readonly loop: WorkLoopOptions) {
    this.#bell = new Bell(loop.clock);
    this.#backOff = new BackOff(loop.random);
  }

  /** Something of an item is new. */
  add(item: T): void {
    this.items.add(item);
    this.#bell.ring();
  }

  /** Nothing is known to be new, but there may be something to do. */
  wake(): void {
    this.#bell.ring();
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { beat, isReady, clock } = this.loop;
    while (!isAborted(signal)) {
      beat();
      if (isReady()) await this.pass(signal);
      const isOpen = isReady() && this.items.size > 0;
      if (!isOpen) await this.#bell.wait(this.idleMs(isReady()), signal);
      else if (this.gatherMs > 0) await clock.pause(this.gatherMs, signal);
    }
  }

  /** Milliseconds between passes while items come: what comes within them is one pass. */
  protected abstract readonly gatherMs: number;

  /** Milliseconds until the next pass when no item comes. */
  protected abstract idleMs(isReady: boolean): number;

  /** Deals with what there is. Never throws. */
  protected abstract pass(signal: AbortSignal): Promise<void>;

  /** Whether an item that failed is still to be dealt with. */
  protected isWanted(_item: T): boolean {
    return true;
  }

  /** All items, which are then no longer open. */
  protected take(): readonly T[] {
    const items = [...this.items];
    this.items.clear();
    return items;
  }

  /** Adds what failed in a pass again after a back-off, which starts anew when nothing failed. */
  protected retryLater(items: readonly T[], signal: AbortSignal): void {
    if (items.length === 0) this.#backOff.reset();
    else void this.#addAgain(items, signal);
  }

  async #addAgain(items: readonly T[], signal: AbortSignal): Promise<void> {
    await this.loop.clock.pause(this.#backOff.next(), signal);
    for (const item of items) if (this.isWanted(item)) this.add(item);
  }
}
