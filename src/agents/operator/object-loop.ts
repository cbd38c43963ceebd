import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import type { ObjectWriter } from "./object-writer";
import type { Placement } from "./placement";
import type { Entry, RecordStore } from "./record-store";
import { writeWidth } from "./spreading";
import { WorkLoop, type WorkLoopOptions } from "./work-loop";

/** What an {@link ObjectLoop} works with. */
export interface ObjectLoopOptions extends WorkLoopOptions {
  readonly store: Pick<RecordStore, "get" | "drop">;
  readonly writer: Pick<ObjectWriter, "release" | "report" | "warn">;
  /** Who deals with an object; those of zones are not for this loop. */
  readonly placementOf: (entry: Entry) => Placement;
  /** Nothing waits for an object any more. */
  readonly forget: (entry: Entry) => void;
  readonly log: Logger;
}

/** Deals with objects that no zone's loop deals with: they name another zone, or cannot be served. */
export class ObjectLoop extends WorkLoop<Entry> {
  protected readonly gatherMs = 0;
  /** What was said of an object last. Another site's operator in this cluster may know better: it is not argued with. */
  readonly #said = new WeakMap<Entry, string>();

  constructor(private readonly options: ObjectLoopOptions) {
    super(options);
  }

  /** An object is for another loop now, which says other things of it. */
  leave(entry: Entry): void {
    this.#said.delete(entry);
    this.items.delete(entry);
  }

  protected idleMs(): number {
    return 60_000;
  }

  protected override isWanted(entry: Entry): boolean {
    return this.options.store.get(entry.uid) === entry;
  }

  protected async pass(signal: AbortSignal): Promise<void> {
    const again: Entry[] = [];
    await inParallel(writeWidth, this.take(), async (entry) => {
      if (!isAborted(signal) && !(await this.#settle(entry, signal))) again.push(entry);
    });
    this.retryLater(again, signal);
  }

  /** Returns whether there is nothing more to do. */
  async #settle(entry: Entry, signal: AbortSignal): Promise<boolean> {
    this.options.beat();
    const placement = this.options.placementOf(entry);
    if (placement.kind === "zone") return true;
    try {
      return await (placement.kind === "release"
        ? this.#release(entry, placement.reason)
        : this.#refuse(entry, placement));
    } catch (error) {
      if (!isAborted(signal))
        this.options.log.warn("an object could not be dealt with and is retried", {
          object: entry.object.metadata.name,
          reason: messageOf(error),
        });
      return false;
    }
  }

  async #refuse(entry: Entry, { reason, message }: Extract<Placement, { kind: "refuse" }>): Promise<boolean> {
    const generation = entry.object.metadata.generation ?? 0;
    const said = JSON.stringify([generation, reason, message]);
    if (this.#said.get(entry) === said) return true;
    this.options.forget(entry);
    const stands = await this.options.writer.report(entry, {
      generation,
      progress: { kind: "refused", reason, message },
    });
    if (stands) this.#said.set(entry, said);
    return stands;
  }

  /** Nothing can be taken away in a zone that is not ours (any more), and nothing need be for an object that is abandoned. */
  async #release(entry: Entry, reason: string): Promise<boolean> {
    const { forget, store, writer } = this.options;
    forget(entry);
    if (entry.isGhost) store.drop(entry);
    else if (entry.applied !== undefined) writer.warn(entry, "Abandoned", `its records were not taken away: ${reason}`);
    return writer.release(entry);
  }
}
