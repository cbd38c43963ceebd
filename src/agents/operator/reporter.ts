import { KubeError, type KubeClient, type KubeObject } from "../../kube/client";
import { conditionsOf, sameStatus, transitions, zoneRetiring, type Progress } from "../../records/conditions";
import { group, plural, version, type AppliedSet, type Condition } from "../../records/model";
import type { DnsRecord, DnsRecordStatus } from "../../records/model";
import type { Logger } from "../../base/log";
import type { OperatorMetrics } from "./metrics";
import { EventQueue, fieldManager, type EventText } from "./event-queue";
import { finalizer } from "../../records/lifecycle";
import { annotations, keptOf, type Entry } from "./record-store";

/** What a {@link Reporter} works with. */
export interface ReporterOptions {
  readonly client: Pick<KubeClient, "merge" | "create">;
  readonly pod: string;
  readonly metrics: OperatorMetrics;
  /** Since when a zone has been retired, where it is. */
  readonly retiredSince: (zone: string) => string | undefined;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where a version of an object stands. */
export interface Standing {
  readonly generation: number;
  readonly progress: Progress;
  /** What of it is on the server; unchanged when left out, nothing when null. */
  readonly applied?: AppliedSet | null;
}

/** Writes to the Kubernetes API what the operator found and did, and nothing twice. */
export class Reporter {
  readonly #events: EventQueue;

  constructor(private readonly o: ReporterOptions) {
    this.#events = new EventQueue(o);
  }

  /**
   * Marks an object as ours before anything of it goes to the server: it cannot vanish any more, and after a crash we know
   * what we were about to write. Returns whether that stands; it does not when the object changed meanwhile.
   */
  async claim(entry: Entry, intent: string): Promise<boolean> {
    const { metadata } = entry.object;
    const stands = metadata.finalizers?.includes(finalizer) === true;
    const known = entry.status.applied !== undefined || metadata.annotations?.[annotations.intent] === intent;
    if (stands && known) return true;
    const finalizers = [...new Set([...(metadata.finalizers ?? []), finalizer])];
    return this.#mark(entry, { finalizers, annotations: { [annotations.intent]: intent } });
  }

  /** Lets an object go. Returns whether that is done. */
  async release(entry: Entry): Promise<boolean> {
    const { metadata } = entry.object;
    if (entry.isGhost || !metadata.finalizers?.includes(finalizer)) return true;
    const finalizers = metadata.finalizers.filter((each) => each !== finalizer);
    try {
      entry.isReleased = await this.#mark(entry, { finalizers });
      return entry.isReleased;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return true;
      throw error;
    }
  }

  /**
   * Writes where an object stands, if that is anything new, and an Event for what turned.
   *
   * @throws KubeError
   */
  async report(entry: Entry, standing: Standing): Promise<void> {
    if (entry.isGhost) return;
    const { progress } = standing;
    const before = entry.status.conditions ?? [];
    const status = this.#statusOf(entry, standing);
    const { conditions = [] } = status;
    if (sameStatus(entry.status, status)) return;
    const written = { ...status, applied: status.applied ?? null };
    try {
      await this.o.client.merge(`${pathOf(entry)}/status`, { status: written }, fieldManager);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return;
      throw error;
    }
    entry.status = status;
    const isNew = !before.some((each) => isProgrammed(each, standing.generation));
    if (progress.kind === "programmed" && isNew) this.o.metrics.programmed(this.o.now() - entry.seenAt);
    if (progress.kind === "waiting") this.o.metrics.waits++;
    if (progress.kind === "failed" || progress.kind === "refused" || progress.kind === "conflict")
      this.o.metrics.failed(progress.reason);
    for (const condition of transitions(before, conditions)) this.#events.add(entry, eventOf(condition));
  }

  #statusOf(entry: Entry, { progress, generation, applied }: Standing): DnsRecordStatus {
    const before = entry.status.conditions ?? [];
    const now = new Date(this.o.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const conditions = conditionsOf(progress, { generation, before, now, retired: this.o.retiredSince(entry.zone) });
    const held = applied === undefined ? entry.status.applied : (applied ?? undefined);
    return { observedGeneration: generation, conditions, ...(held && { applied: held }) };
  }

  /** Tells of something that happened to an object. */
  warn(entry: Entry, reason: string, message: string): void {
    this.#events.add(entry, { type: "Warning", reason, message });
  }

  async #mark(entry: Entry, metadata: NonNullable<KubeObject["metadata"]>): Promise<boolean> {
    const { resourceVersion = "" } = entry.object.metadata;
    try {
      const patch = { metadata: { ...metadata, resourceVersion } };
      const object = await this.o.client.merge(pathOf(entry), patch, fieldManager);
      entry.object = keptOf(object as unknown as DnsRecord);
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return false;
      throw error;
    }
  }
}

function eventOf({ type, status, reason, message }: Condition): EventText {
  const isGood = (status === "True") !== (type === "Conflict") && reason !== zoneRetiring;
  return { type: isGood ? "Normal" : "Warning", reason, message };
}

/** Whether a condition says that every site answers an object in this version. */
function isProgrammed({ type, status, observedGeneration }: Condition, generation: number): boolean {
  return type === "Programmed" && status === "True" && observedGeneration === generation;
}

function pathOf({ object }: Entry): string {
  const { namespace = "default", name } = object.metadata;
  return `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
}
