import { isRefused, KubeError, type KubeObject } from "../../../kube/answer";
import type { KubeClient } from "../../../kube/client";
import { poolTransitions, type Refusal, samePoolStatus } from "../../../pools/conditions";
import { type Pool, poolKind, poolLabel, type PoolStatus } from "../../../pools/model";
import { apiVersion, collectionPath, kind, objectPath, plural, poolPlural } from "../../../records/model";
import { type EventQueue, fieldManager } from "../event-queue";
import { type AnswerRecord, type PoolEntry, type PoolStore, writtenValues } from "./pool-store";

/** What a {@link PoolWriter} works with. */
export interface PoolWriterOptions {
  /** Writes nothing once our turn is over. */
  readonly client: Pick<KubeClient, "get" | "create" | "merge">;
  readonly events: Pick<EventQueue, "tell">;
  readonly store: PoolStore;
}

/** Tries of one change, while the record's status changes in between. */
const mostTries = 5;

/** Writes the DnsRecords of pools' answers, and where pools stand. */
export class PoolWriter {
  constructor(private readonly options: PoolWriterOptions) {}

  /**
   * Makes an answer the one that the pool's DnsRecord asks for. It goes with the pool, which owns it.
   *
   * @returns why it cannot be; undefined when it is.
   * @throws KubeError
   */
  async answer(entry: PoolEntry, pool: Pool, values: readonly string[]): Promise<Refusal | undefined> {
    const { store } = this.options;
    const { record } = entry;
    if (record !== undefined && record.owner !== entry.uid) return taken(entry);
    if (isWritten(entry, pool, values)) return undefined;
    try {
      if (record === undefined) return await this.#make(entry, pool, values);
      store.putRecord(await this.#change(entry, record, { ttl: pool.ttl, values }));
      return undefined;
    } catch (error) {
      // Somebody's policy: it is asked again with each look, and no other pool waits.
      if (isRefused(error)) return { reason: "NotAllowed", message: error.message };
      throw error;
    }
  }

  /**
   * Changes what a record asks for, if it still asks for what it did when that was decided: another leader may have written since,
   * who knows better. Its status, which the record operator writes all the time, may be another one.
   *
   * @throws KubeError with status 409 when it asks for something else by now, which is known then.
   */
  async #change(entry: PoolEntry, decidedOn: AnswerRecord, spec: object): Promise<KubeObject> {
    const { client, store } = this.options;
    const { uid, generation } = decidedOn;
    let { resourceVersion } = decidedOn;
    for (let tries = 1; ; tries++) {
      try {
        return await client.merge(recordPath(entry), { metadata: { uid, resourceVersion }, spec }, fieldManager);
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 409 || tries === mostTries) throw error;
        const found = await client.get(recordPath(entry));
        if (found !== undefined) store.putRecord(found);
        if (found?.metadata?.uid !== uid || found.metadata.generation !== generation) throw error;
        resourceVersion = found.metadata.resourceVersion ?? "";
      }
    }
  }

  async #make(entry: PoolEntry, pool: Pool, values: readonly string[]): Promise<Refusal | undefined> {
    const { client, store } = this.options;
    const found = await client.get(recordPath(entry));
    if (found !== undefined) {
      // One without our label is not among those that are watched.
      if (found.metadata?.labels?.[poolLabel] === undefined) return taken(entry);
      store.putRecord(found);
      return entry.record?.owner === entry.uid ? undefined : taken(entry);
    }
    const { name, namespace, uid } = entry.object.metadata;
    const owner = { apiVersion, kind: poolKind, name, uid, controller: true };
    const metadata = { name, namespace, labels: { [poolLabel]: entry.id }, ownerReferences: [owner] };
    const spec = { zone: pool.zone, name: `${pool.name}.`, type: pool.type, ttl: pool.ttl, values };
    await client.create(collectionPath(plural, namespace), { apiVersion, kind, metadata, spec });
    return undefined;
  }

  /**
   * Writes where a pool stands, if that is anything new, and Events for what turned.
   *
   * @throws KubeError
   */
  async report(entry: PoolEntry, status: PoolStatus): Promise<void> {
    const { client, events } = this.options;
    const before = entry.status;
    if (entry.object.isLeaving || samePoolStatus(before, status)) return;
    const { namespace, name, resourceVersion } = entry.object.metadata;
    const path = `${objectPath(poolPlural, entry.object.metadata)}/status`;
    const body = { metadata: { resourceVersion }, status: { ...status, targets: status.targets ?? null } };
    let written: KubeObject;
    try {
      written = await client.merge(path, body, fieldManager);
    } catch (error) {
      // Gone, or another version by now: the watch brings which.
      if (error instanceof KubeError && (error.status === 404 || error.status === 409)) return;
      throw error;
    }
    this.options.store.put(written);
    const { uid } = entry.object.metadata;
    for (const { status: is, reason, message } of poolTransitions(before, status))
      events.tell(
        { apiVersion, kind: poolKind, name, namespace, uid },
        { type: is === "False" ? "Warning" : "Normal", reason, message },
      );
  }
}

/** Whether the pool's DnsRecord asks for an answer. */
export function isWritten(entry: PoolEntry, pool: Pool, values: readonly string[]): boolean {
  if (entry.record?.owner !== entry.uid || entry.record.spec.ttl !== pool.ttl) return false;
  return JSON.stringify(writtenValues(entry)) === JSON.stringify(values);
}

function taken({ object }: PoolEntry): Refusal {
  const { name, namespace } = object.metadata;
  const message = `the DnsRecord ${name} in ${namespace} is not this pool's: delete it, or give the pool another name`;
  return { reason: "NameTaken", message };
}

function recordPath({ object }: PoolEntry): string {
  return objectPath(plural, object.metadata);
}
