import { isDeepStrictEqual } from "node:util";

import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { operatorLabels } from "../../contract/names";
import { isRefused } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { type PoolClaim, poolClaimsOf, poolNameOf } from "../../pools/source-pools";
import type { DnsRecord } from "../../records/model";
import { claimsOfSource } from "../../records/sources/claims";
import { sourceApis, sourceLabel, type SourceSettings } from "../../records/sources/kinds";
import { type EventQueue, fieldManager } from "./event-queue";
import { isProgrammed, type RecordStore, sourceUidOf } from "./record-store";
import { type Source, SourceFeed, type SourceFeedOptions } from "./source-feed";
import { isAnswered, type MadePools, refusalOf, SourcePools } from "./source-pools";
import { SourceRecords, TakenError } from "./source-records";
import { writeWidth } from "./spreading";
import { WorkLoop, type WorkLoopOptions } from "./work-loop";

/** Kubernetes forgets Events after an hour. */
const tellEveryMs = 50 * 60_000;

/** Between looks at what waits for what takes its place: nobody tells of what the operator itself reports of a DnsRecord. */
const waitingMs = 1000;

/** What a {@link SourceLoop} works with. */
export interface SourceLoopOptions
  extends WorkLoopOptions, Omit<SourceFeedOptions, "onNews" | "onListed" | "onTrouble"> {
  readonly client: Pick<KubeClient, "get" | "stream" | "merge" | "create" | "remove">;
  /** The operator's own namespace. */
  readonly own: string;
  readonly store: Pick<RecordStore, "madeOf" | "sources">;
  /** Pools that were made of other objects. */
  readonly pools: () => MadePools;
  readonly events: Pick<EventQueue, "tell">;
}

/**
 * Makes DnsRecords and DnsPools of other objects, which own them: Kubernetes deletes them with their source. One goes when its source
 * does not ask for it any more; never because of a setting, and not while its source's kind, or what that takes, could not be listed,
 * nor before what takes its place is answered.
 */
export class SourceLoop extends WorkLoop<string> {
  protected readonly gatherMs = 20;
  #settings: SourceSettings | undefined;
  readonly #feed: SourceFeed;
  readonly #records: SourceRecords;
  readonly #pools: SourcePools;
  /** Sources of which something is left to do, which waits for something else. */
  readonly #waiting = new Set<string>();
  /** What was said of a source since all of it was in order. */
  readonly #said = new Map<string, Set<string>>();
  /** Why kinds could not be listed, and when it was told last. */
  readonly #told = new Map<string, number>();

  constructor(private readonly options: SourceLoopOptions) {
    super(options);
    this.#records = new SourceRecords(options);
    this.#pools = new SourcePools(options);
    this.#feed = new SourceFeed({
      ...options,
      onNews: (uid) => {
        if (this.#feed.source(uid) === undefined) this.#said.delete(uid);
        this.add(uid);
      },
      // What was made of sources that are not there any more.
      onListed: () => {
        for (const uid of [...options.store.sources(), ...options.pools().sources()]) this.add(uid);
      },
      onTrouble: (reason) => {
        this.#tellUnlisted(reason);
      },
    });
  }

  /** How many kinds of sources cannot be listed, each in each of the namespaces. */
  get unlisted(): number {
    return this.#feed.unlisted;
  }

  /** Takes over what the settings say. */
  follow(settings: SourceSettings | undefined, signal: AbortSignal): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.#feed.follow(settings, signal);
    for (const uid of this.#feed.uids) this.add(uid);
  }

  /** A DnsRecord is new, was changed, or is gone. */
  see({ metadata }: Pick<DnsRecord, "metadata">): void {
    const uid = sourceUidOf(metadata);
    if (uid !== undefined) this.look(uid);
  }

  /** Something that was made of an object is new, was changed, or is gone. */
  look(uid: string): void {
    if (this.#settings !== undefined) this.add(uid);
  }

  protected idleMs(): number {
    return this.#waiting.size > 0 ? waitingMs : 60_000;
  }

  override async run(signal: AbortSignal): Promise<void> {
    await super.run(signal);
    await this.#feed.end();
  }

  protected async pass(signal: AbortSignal): Promise<void> {
    const again: string[] = [];
    const uids = new Set([...this.take(), ...this.#waiting]);
    this.#waiting.clear();
    await inParallel(writeWidth, [...uids], async (uid) => {
      if (isAborted(signal)) return;
      this.options.beat();
      try {
        if (!(await this.#settle(uid))) this.#waiting.add(uid);
      } catch (error) {
        if (isAborted(signal)) return;
        this.#complain(uid, messageOf(error));
        again.push(uid);
      }
    });
    this.retryLater(again, signal);
  }

  /**
   * Has what a source asks for made, and takes away what it does not ask for.
   *
   * @returns whether all of it is done; what is left waits for something that will be so by itself.
   * @throws KubeError
   */
  async #settle(uid: string): Promise<boolean> {
    if (this.#settings === undefined) return true;
    const source = this.#feed.source(uid);
    if (source === undefined) {
      await this.#letGo(uid);
      return true;
    }
    const pools = this.#pools.madeOf(uid, source.namespace);
    const { claims, kept, bare, problems: faults, isUnknown } = claimsOfSource(source, this.#settings, this.#feed);
    const asked = poolClaimsOf(source.object.metadata ?? {}, { claims, bare });
    const problems = [...faults, ...asked.problems, ...this.#pools.refusals(source, asked.pools, pools)];
    if (problems.length > 0) this.#complain(uid, problems.join("; "));
    if (isUnknown) return true;
    if (asked.pools.length > 0 && !this.#pools.isListed(source.namespace)) return false;
    const refused: Error[] = [];
    let areMade = true;
    for (const claim of asked.records) await this.#records.settle(source, claim).catch(noteIn(refused));
    for (const claim of asked.pools) {
      const isMade = await this.#pools.settle(source, claim, pools).catch(noteIn(refused));
      if (isMade === false) areMade = false;
    }
    // What takes the place of something may be among them: nothing goes before.
    if (refused.length > 0) throw together(refused);
    const made = [...asked.records, ...asked.pools].map(({ name }) => name);
    const stays = new Set([...made, ...kept, ...kept.map(poolNameOf), ...asked.kept]);
    const isDone = await this.#clear(source, { stays, claimed: asked.pools });
    // Not before all is done: what is tried again and fails again is not said again.
    if (problems.length === 0) this.#said.delete(uid);
    await this.#note(source);
    return isDone && areMade;
  }

  /** Takes away what was made of an object that is not there any more. */
  async #letGo(uid: string): Promise<void> {
    const isListed = (kind = "", namespace = ""): boolean => this.#feed.isListed(kind, namespace);
    for (const entry of this.#records.madeOf(uid)) {
      const { labels, namespace } = entry.object.metadata;
      if (isListed(labels?.[sourceLabel], namespace)) await this.#records.remove(entry);
    }
    for (const pool of this.#pools.madeOf(uid)) {
      const { source, metadata } = pool.object;
      if (isListed(source?.kind, metadata.namespace)) await this.#pools.remove(pool);
    }
  }

  /**
   * Takes away what does not stay, unless what takes its place is not answered yet. A record whose pool is not answered follows its
   * source until then: the pool may be refused for good.
   *
   * @returns whether nothing is left that is not told of; of a pool that is refused there will be news.
   */
  async #clear(
    { uid, namespace }: Pick<Source, "uid" | "namespace">,
    { stays, claimed }: { readonly stays: ReadonlySet<string>; readonly claimed: readonly PoolClaim[] },
  ): Promise<boolean> {
    let isDone = true;
    const records = this.#records.madeOf(uid, namespace);
    const pools = this.#pools.madeOf(uid, namespace);
    for (const entry of records) {
      const { name } = entry.object.metadata;
      if (stays.has(name)) continue;
      const successor = claimed.find(({ record }) => record.name === name);
      const pool = pools.find(({ object }) => object.metadata.name === successor?.name);
      if (successor === undefined || (pool && isAnswered(pool))) {
        await this.#records.remove(entry);
        continue;
      }
      if (refusalOf(pool) === undefined) isDone = false;
      if (!isDeepStrictEqual(entry.object.spec, successor.record.spec))
        await this.#records.change(entry, successor.record);
    }
    for (const pool of pools) {
      const { name } = pool.object.metadata;
      if (stays.has(name)) continue;
      const successor = [...stays].find((each) => poolNameOf(each) === name);
      const record = records.find(({ object }) => object.metadata.name === successor);
      if (successor === undefined || (record && isProgrammed(record, record.object.metadata.generation)))
        await this.#pools.remove(pool);
      else isDone = false;
    }
    return isDone;
  }

  /** Says in a DNSEndpoint which version of it was looked at, as external-dns does. */
  async #note({ kind, apiVersion: version, namespace, name, object }: Source): Promise<void> {
    const observedGeneration = object.metadata?.generation;
    if (kind !== "DNSEndpoint" || object.status?.observedGeneration === observedGeneration) return;
    const path = `/apis/${version}/namespaces/${namespace}/${sourceApis[kind].plural}/${name}/status`;
    await this.options.client.merge(path, { status: { observedGeneration } }, fieldManager).catch((error: unknown) => {
      // Nothing depends on it: it may be gone, and who may read it need not be who may write there.
      this.options.log.warn("a DNSEndpoint's status cannot be written", { namespace, name, reason: messageOf(error) });
    });
  }

  /** Says what is wrong with a source, once. */
  #complain(uid: string, message: string): void {
    const said = this.#said.get(uid) ?? new Set();
    if (said.has(message)) return;
    this.#said.set(uid, said.add(message));
    const source = this.#feed.source(uid);
    this.options.log.warn("not all DnsRecords of a source can be made", {
      source: source?.name ?? uid,
      reason: message,
    });
    if (source === undefined) return;
    const { kind, apiVersion: version, namespace, name } = source;
    const about = { apiVersion: version, kind, name, namespace, uid };
    this.options.events.tell(about, { type: "Warning", reason: "RecordsNotMade", message });
  }

  /** Says that a kind cannot be listed, where whoever runs the site looks. */
  #tellUnlisted(reason: string): void {
    const now = this.options.clock.now();
    if (now - (this.#told.get(reason) ?? -Infinity) < tellEveryMs) return;
    this.#told.set(reason, now);
    const name = operatorLabels["app.kubernetes.io/name"];
    const about = { apiVersion: "apps/v1", kind: "Deployment", name, namespace: this.options.own };
    const message = `${reason}; what was made of them stays as it is, and they are taken up once they can be listed`;
    this.options.events.tell(about, { type: "Warning", reason: "SourcesNotListed", message });
  }
}

/** Takes note of what cannot be had, which keeps nothing else of a source from being made. Throws all else. */
function noteIn(refused: Error[]): (error: unknown) => undefined {
  return (error) => {
    if (!isRefused(error) && !(error instanceof TakenError)) throw error;
    refused.push(error);
  };
}

function together(errors: readonly Error[]): Error {
  return new Error([...new Set(errors.map(messageOf))].join("; "), { cause: errors[0] });
}
