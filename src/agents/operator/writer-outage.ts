import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import { timeText } from "../../base/text";
import { isUnreachable } from "../../dns/errors";
import type { ObjectWriter } from "./object-writer";
import { type Entry, isLeaving, isProgrammed, type RecordStore } from "./record-store";
import { writeWidth } from "./spreading";
import type { Tenancy } from "./tenancy";

/** What a {@link WriterOutage} works with. */
export interface WriterOutageOptions {
  readonly zone: string;
  readonly store: Pick<RecordStore, "at">;
  readonly writer: Pick<ObjectWriter, "report">;
  readonly tenancy: Pick<Tenancy, "notAllowed">;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How the writer was asked: by a look at the zone, or by an UPDATE. */
export type Asked = "look" | "update";

interface Outage {
  readonly since: string;
  readonly reason: "WriterUnreachable" | "WriterRefuses";
  readonly error: string;
  /** What an UPDATE showed is not over because a look is answered. */
  readonly by: Asked;
}

/** Whether the writer of a zone takes changes; if not, since when, and what waits for it. The objects that wait say so. */
export class WriterOutage {
  #outage: Outage | undefined;
  readonly #waiting = new Map<string, string>();

  constructor(private readonly options: WriterOutageOptions) {}

  /** Whether the writer took nothing when it was asked last. */
  get isOn(): boolean {
    return this.#outage !== undefined;
  }

  /** Objects that wait for the writer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The writer gave no answer, or refused everything. The time of the first failure stands as long as that lasts. */
  failed(by: Asked, error: unknown): void {
    this.#outage = {
      since: this.#outage?.since ?? timeText(this.options.now()),
      reason: isUnreachable(error) ? "WriterUnreachable" : "WriterRefuses",
      error: messageOf(error),
      by: this.#outage?.by === "update" ? "update" : by,
    };
  }

  /**
   * A look was answered, which is the end of what looks found, and of what nothing waits for. Returns the names to try again: not those
   * that were refused, which wait for their next attempt.
   */
  answered(): readonly string[] {
    if (this.#outage === undefined) return [];
    if (this.#outage.by === "look" || this.#waiting.size === 0) return this.over();
    return this.#outage.reason === "WriterUnreachable" ? this.#names() : [];
  }

  /** The writer takes changes. Returns the names of what waited. */
  over(): readonly string[] {
    const names = this.#names();
    this.#outage = undefined;
    this.#waiting.clear();
    return names;
  }

  #names(): readonly string[] {
    return [...new Set(this.#waiting.values())];
  }

  /** Has what waits at these names say so; what stands already does not wait. Never throws. */
  async report(
    names: readonly string[],
    { by, error }: { readonly by: Asked; readonly error: unknown },
  ): Promise<void> {
    const { zone, store, tenancy, log } = this.options;
    this.failed(by, error);
    log.warn("a zone cannot be changed", { zone, reason: messageOf(error) });
    const waiting = names.flatMap((name) => store.at(zone, name).map((entry) => ({ name, entry })));
    await inParallel(writeWidth, waiting, async ({ name, entry }) => {
      const waits = isLeaving(entry) || (!isSettled(entry) && tenancy.notAllowed(entry) === undefined);
      if (waits) await this.#reportOne(entry, name);
    }).catch((failure: unknown) => {
      log.warn("a status could not be written", { reason: messageOf(failure) });
    });
  }

  async #reportOne(entry: Entry, name: string): Promise<void> {
    if (this.#outage === undefined) return;
    const { since, reason, error } = this.#outage;
    this.#waiting.set(entry.uid, name);
    const generation = entry.object.metadata.generation ?? 0;
    // Since when is said once, also by the leader before us.
    if (says(entry, generation, reason)) return;
    const what = isLeaving(entry) ? "its removal waits" : "it waits";
    const pod = `pod 0 of the site (knot-0), which takes the changes of "${this.options.zone}"`;
    const does = reason === "WriterUnreachable" ? "has not answered" : "has refused them";
    const message = `${what} for ${pod} and ${does} since ${since}: ${error}. What is served stays; this goes on by itself once the pod is back (docs/runbooks/pod-0-lost.md)`;
    await this.options.writer.report(entry, { generation, progress: { kind: "failed", reason, message } });
  }
}

/** Whether an object's status says all that is to be said of this version. */
function isSettled(entry: Entry): boolean {
  const { generation } = entry.object.metadata;
  return entry.status.observedGeneration === generation && isProgrammed(entry, generation);
}

/** Whether an object's status has this reason for the version already. */
export function says({ status }: Entry, generation: number, reason: string): boolean {
  const programmed = status.conditions?.find(({ type }) => type === "Programmed");
  return programmed?.observedGeneration === generation && programmed.reason === reason;
}
