import { KubeError, type KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { type Progress, sameStatus, statusOf, transitions, zoneRetiring } from "../../records/conditions";
import { type Condition, finalizer, objectPath, plural } from "../../records/model";
import { type EventQueue, type EventText, fieldManager } from "./event-queue";
import type { OperatorMetrics } from "./metrics";
import { annotations, type Entry, isProgrammed, takeWritten } from "./record-store";

/** What an {@link ObjectWriter} works with. */
export interface ObjectWriterOptions {
  /** Writes nothing once our turn is over. */
  readonly client: Pick<KubeClient, "merge">;
  readonly events: Pick<EventQueue, "add">;
  readonly metrics: OperatorMetrics;
  /** Since when a zone has been retired, where it is. */
  readonly retiredSince: (zone: string) => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where a version of an object stands. */
export interface Standing {
  readonly generation: number;
  readonly progress: Progress;
}

/**
 * Writes DnsRecords: whose they are, and where they stand. All that the operator writes to them goes through here, nothing
 * twice, and only to the version that was decided on: what somebody else wrote meanwhile is looked at first.
 */
export class ObjectWriter {
  /** Objects of which an Event told that something was in the way, since they arrived last. */
  readonly #warned = new WeakSet<Entry>();

  constructor(private readonly options: ObjectWriterOptions) {}

  /**
   * Marks an object as ours before anything of it goes to the server: it cannot vanish any more, and after a crash we know
   * what we were about to write. Returns whether that stands; it does not when the object changed meanwhile.
   *
   * @throws KubeError
   */
  async claim(entry: Entry, intent: string): Promise<boolean> {
    const { metadata } = entry.object;
    const stands = metadata.finalizers?.includes(finalizer) === true;
    const known = entry.status.applied !== undefined || metadata.annotations?.[annotations.intent] === intent;
    if (stands && known) return true;
    const finalizers = [...new Set([...(metadata.finalizers ?? []), finalizer])];
    return (
      (await this.#patch(entry, { metadata: { finalizers, annotations: { [annotations.intent]: intent } } })) ===
      "written"
    );
  }

  /** Lets an object go. Returns whether that is done. @throws KubeError */
  async release(entry: Entry): Promise<boolean> {
    const { metadata } = entry.object;
    if (entry.isGhost || !metadata.finalizers?.includes(finalizer)) return true;
    const finalizers = metadata.finalizers.filter((each) => each !== finalizer);
    const outcome = await this.#patch(entry, { metadata: { finalizers } });
    entry.isReleased = outcome !== "outdated";
    return entry.isReleased;
  }

  /**
   * Writes where an object stands, if that is anything new, and an Event for what turned.
   *
   * @returns whether the status stands; it does not when the object changed meanwhile.
   * @throws KubeError
   */
  async report(entry: Entry, { generation, progress }: Standing): Promise<boolean> {
    if (entry.isGhost) return true;
    const { metrics, now, retiredSince, events } = this.options;
    const before = entry.status.conditions ?? [];
    const status = statusOf(entry, { generation, progress, retired: retiredSince(entry.zone), now: now() });
    if (sameStatus(entry.status, status)) return true;
    const wasProgrammed = isProgrammed(entry, generation);
    entry.writing = status;
    try {
      const outcome = await this.#patch(entry, { status: { ...status, applied: status.applied ?? null } }, "/status");
      if (outcome !== "written") return outcome === "gone";
      entry.status = status;
    } finally {
      entry.writing = undefined;
    }
    if (progress.kind === "programmed" && !wasProgrammed) metrics.programmed(now() - entry.seenAt);
    if (progress.kind === "waiting") metrics.waits++;
    if ("reason" in progress) metrics.failed(progress.reason);
    for (const condition of transitions(before, status.conditions ?? [], this.#warned.has(entry))) {
      const event = eventOf(condition);
      if (event.type === "Warning") this.#warned.add(entry);
      events.add(entry, event);
    }
    if (progress.kind === "programmed") this.#warned.delete(entry);
    return true;
  }

  /** Says that something happened to an object. */
  warn(entry: Entry, reason: string, message: string): void {
    this.options.events.add(entry, { type: "Warning", reason, message });
  }

  /** @throws KubeError */
  async #patch(entry: Entry, change: KubeObject, part = ""): Promise<"written" | "outdated" | "gone"> {
    const { resourceVersion = "" } = entry.object.metadata;
    const patch = { ...change, metadata: { ...change.metadata, resourceVersion } };
    try {
      takeWritten(entry, await this.options.client.merge(`${pathOf(entry)}${part}`, patch, fieldManager));
      return "written";
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (error.status === 404) return "gone";
      if (error.status !== 409) throw error;
      // The watch brings what it is by now.
      entry.isOutdated = entry.object.metadata.resourceVersion === resourceVersion;
      return "outdated";
    }
  }
}

function eventOf({ type, status, reason, message }: Condition): EventText {
  const isGood = (status === "True") !== (type === "Conflict") && reason !== zoneRetiring;
  return { type: isGood ? "Normal" : "Warning", reason, message };
}

function pathOf({ object }: Entry): string {
  return objectPath(plural, object.metadata);
}
