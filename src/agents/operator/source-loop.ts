import { isDeepStrictEqual } from "node:util";

import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import { KubeError, type KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import { apiVersion, collectionPath, type DnsRecord, kind as recordKind, plural } from "../../records/model";
import {
  claimsOfSource,
  sourceApis,
  type SourceClaim,
  type SourceKind,
  sourceLabel,
  type SourceObject,
  type SourceSettings,
} from "../../records/sources";
import { type EventQueue, fieldManager } from "./event-queue";
import { type Entry, isLeaving, type RecordStore, sourceUidOf } from "./record-store";
import { writeWidth } from "./spreading";
import { WorkLoop, type WorkLoopOptions } from "./work-loop";

/** What a {@link SourceLoop} works with. */
export interface SourceLoopOptions extends WorkLoopOptions {
  readonly client: Pick<KubeClient, "get" | "stream" | "merge" | "create" | "remove">;
  readonly watch: typeof watchObjects;
  /** Whose objects count; `*` for all namespaces'. */
  readonly namespaces: readonly string[];
  readonly store: Pick<RecordStore, "madeOf" | "sources">;
  readonly events: Pick<EventQueue, "tell">;
  readonly log: Logger;
}

/** A Service or an Ingress that counts. */
interface Source {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly object: SourceObject;
}

/**
 * Makes DnsRecords of Services and Ingresses, which own them: Kubernetes deletes them with their source. One goes when its source
 * does not ask for it any more; never because of a setting, and not while its source's kind could not be listed.
 */
export class SourceLoop extends WorkLoop<string> {
  protected readonly gatherMs = 20;
  #settings: SourceSettings | undefined;
  readonly #sources = new Map<string, Source>();
  /** Namespaces (`*`: all) with kinds that were listed. */
  readonly #listed = new Set<string>();
  /** What was said of a source since all of it was in order. */
  readonly #said = new Map<string, Set<string>>();
  #ending = new AbortController();
  #watches: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SourceLoopOptions) {
    super(options);
  }

  /** Takes over what the settings say. */
  follow(settings: SourceSettings | undefined, signal: AbortSignal): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    const before = this.#settings;
    this.#settings = settings;
    const isSameFeed = JSON.stringify(feedOf(before)) === JSON.stringify(feedOf(settings));
    if (!isSameFeed) this.#watchAnew(settings, signal);
    for (const uid of this.#sources.keys()) this.add(uid);
  }

  /** A DnsRecord is new, was changed, or is gone. */
  see({ metadata }: Pick<DnsRecord, "metadata">): void {
    const uid = sourceUidOf(metadata);
    if (uid !== undefined && this.#settings !== undefined) this.add(uid);
  }

  protected idleMs(): number {
    return 60_000;
  }

  override async run(signal: AbortSignal): Promise<void> {
    await super.run(signal);
    this.#ending.abort();
    await this.#watches;
  }

  #watchAnew(settings: SourceSettings | undefined, signal: AbortSignal): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#sources.clear();
    this.#listed.clear();
    if (settings === undefined) return;
    const until = AbortSignal.any([signal, this.#ending.signal]);
    const feeds = settings.kinds.flatMap((kind) => this.options.namespaces.map((namespace) => ({ kind, namespace })));
    this.#watches = Promise.all(feeds.map((feed) => this.#watch({ ...feed, labels: settings.labels }, until)));
  }

  #watch(
    { kind, namespace, labels }: { kind: SourceKind; namespace: string; labels: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, watch, random, log } = this.options;
    const { path, plural: of } = sourceApis[kind];
    const where = namespace === "*" ? of : `namespaces/${namespace}/${of}`;
    const selector = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
    const query = selector.length === 0 ? "" : `?${new URLSearchParams({ labelSelector: selector.join() }).toString()}`;
    const isLive = (): boolean => !isAborted(signal);
    return watch({
      client,
      path: `${path}/${where}${query}`,
      signal,
      random,
      onList: (objects) => {
        if (!isLive()) return;
        const there = new Set(objects.map(({ metadata }) => metadata?.uid));
        const isOf = (source: Source): boolean =>
          source.kind === kind && (namespace === "*" || source.namespace === namespace);
        for (const source of [...this.#sources.values()])
          if (isOf(source) && !there.has(source.uid)) this.#put(kind, source.object as KubeObject, true);
        for (const object of objects) this.#put(kind, object, false);
        this.#listed.add(`${kind} ${namespace}`);
        // What was made of sources that are not there any more.
        for (const uid of this.options.store.sources()) this.add(uid);
      },
      onChange: (object, gone) => {
        if (isLive()) this.#put(kind, object, gone);
      },
      onTrouble: (tries, reason) => {
        if (tries === 0) log.info("sources of DnsRecords are watched again", { kind, namespace });
        else if (isLive()) log.warn("sources of DnsRecords cannot be watched", { kind, namespace, tries, reason });
      },
    });
  }

  #put(kind: SourceKind, object: KubeObject, gone: boolean): void {
    const { uid = "", name = "", namespace = "", deletionTimestamp } = object.metadata ?? {};
    if (gone || deletionTimestamp !== undefined) {
      this.#sources.delete(uid);
      this.#said.delete(uid);
    } else this.#sources.set(uid, { kind, namespace, name, uid, object: object });
    this.add(uid);
  }

  protected async pass(signal: AbortSignal): Promise<void> {
    const again: string[] = [];
    await inParallel(writeWidth, this.take(), async (uid) => {
      if (isAborted(signal)) return;
      this.options.beat();
      try {
        await this.#settle(uid);
      } catch (error) {
        if (isAborted(signal)) return;
        this.#complain(uid, messageOf(error));
        again.push(uid);
      }
    });
    this.retryLater(again, signal);
  }

  /** @throws KubeError */
  async #settle(uid: string): Promise<void> {
    if (this.#settings === undefined) return;
    const source = this.#sources.get(uid);
    const made = this.options.store.madeOf(uid).filter((entry) => !isLeaving(entry));
    if (source === undefined) {
      for (const entry of made) if (this.#isListed(entry)) await this.#remove(entry);
      return;
    }
    const { claims, kept, problems } = claimsOfSource(source.kind, source.object, this.#settings);
    if (problems.length > 0) this.#complain(uid, problems.join("; "));
    for (const claim of claims) {
      const there = this.options.store.madeOf(uid).find(({ object }) => object.metadata.name === claim.name);
      if (there === undefined) await this.#make(source, claim);
      else if (!isLeaving(there) && !isDeepStrictEqual(there.object.spec, claim.spec)) await this.#change(there, claim);
    }
    const asked = new Set([...claims.map(({ name }) => name), ...kept]);
    for (const entry of made) if (!asked.has(entry.object.metadata.name)) await this.#remove(entry);
    // Not before all is done: what is tried again and fails again is not said again.
    if (problems.length === 0) this.#said.delete(uid);
  }

  async #make({ kind, namespace, name, uid }: Source, claim: SourceClaim): Promise<void> {
    await this.options.client.create(collectionPath(plural, namespace), {
      apiVersion,
      kind: recordKind,
      metadata: {
        name: claim.name,
        labels: { [sourceLabel]: kind },
        ownerReferences: [{ apiVersion: sourceApis[kind].apiVersion, kind, name, uid, controller: true }],
      },
      spec: claim.spec,
    } as KubeObject);
  }

  async #change({ object }: Entry, { spec }: SourceClaim): Promise<void> {
    const { namespace = "", name, resourceVersion } = object.metadata;
    const change = { metadata: { resourceVersion }, spec: { ...spec, value: null } } as KubeObject;
    await this.options.client
      .merge(`${collectionPath(plural, namespace)}/${name}`, change, fieldManager)
      .catch((error: unknown) => {
        // The watch brings what it is by now, and it is looked at again.
        if (!(error instanceof KubeError) || error.status !== 409) throw error;
      });
  }

  async #remove({ object, uid }: Entry): Promise<void> {
    const { namespace = "", name } = object.metadata;
    await this.options.client.remove(`${collectionPath(plural, namespace)}/${name}`, uid);
  }

  /** Whether all sources of an object's kind are known where it is. */
  #isListed({ object }: Entry): boolean {
    const kind = object.metadata.labels?.[sourceLabel] ?? "";
    return [object.metadata.namespace ?? "", "*"].some((namespace) => this.#listed.has(`${kind} ${namespace}`));
  }

  /** Says what is wrong with a source, once. */
  #complain(uid: string, message: string): void {
    const said = this.#said.get(uid) ?? new Set();
    if (said.has(message)) return;
    this.#said.set(uid, said.add(message));
    const source = this.#sources.get(uid);
    this.options.log.warn("not all DnsRecords of a source can be made", {
      source: source?.name ?? uid,
      reason: message,
    });
    if (source === undefined) return;
    const { kind, namespace, name } = source;
    const about = { apiVersion: sourceApis[kind].apiVersion, kind, name, namespace, uid };
    this.options.events.tell(about, { type: "Warning", reason: "RecordsNotMade", message });
  }
}

/** What of the settings the watches go by. */
function feedOf(settings: SourceSettings | undefined): unknown {
  return settings && [settings.kinds, settings.labels];
}
