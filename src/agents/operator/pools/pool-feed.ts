import { type Clock, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import type { Logger } from "../../../base/log";
import type { KubeObject } from "../../../kube/answer";
import type { KubeClient } from "../../../kube/client";
import { servedKinds } from "../../../kube/served-kinds";
import type { watchObjects } from "../../../kube/watch";
import { poolLabel } from "../../../pools/model";
import { apiVersion, collectionPath, plural, poolPlural } from "../../../records/model";
import type { PoolStore } from "./pool-store";

/** What a {@link PoolFeed} works with. */
export interface PoolFeedOptions {
  readonly client: Pick<KubeClient, "get" | "stream">;
  /** Lists and watches a collection. */
  readonly watch: typeof watchObjects;
  /** Whose objects are served; `*` for all namespaces'. */
  readonly namespaces: readonly string[];
  readonly store: PoolStore;
  /** Something is new. */
  readonly onNews: () => void;
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Milliseconds between looks for the definition of DnsPool in a cluster that has none. */
const definitionMs = 60_000;

/** Keeps the store in step with the pools that there are, and with the DnsRecords of their answers. */
export class PoolFeed {
  /** Namespaces of which pools and records are known. */
  readonly #listed = new Map<string, Set<"pools" | "records">>();
  /** Namespaces whose pools were not tried yet. */
  readonly #open: Set<string>;

  constructor(private readonly options: PoolFeedOptions) {
    this.#open = new Set(options.namespaces);
  }

  /** Whether the pools are known, but for those of a namespace that cannot be listed. */
  get isReady(): boolean {
    return this.#open.size === 0;
  }

  /** Whether all of a namespace is known: before, a pool whose record was not listed yet would get another one. */
  isListed(namespace: string): boolean {
    return ["*", namespace].some((each) => this.#listed.get(each)?.size === 2);
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#defined(signal);
    if (!isAborted(signal)) await this.#watchAll(signal);
  }

  /** Waits until the cluster has a definition of DnsPool, or cannot be asked for it: what it has not is not watched. */
  async #defined(signal: AbortSignal): Promise<void> {
    const { client, log, clock, onNews } = this.options;
    for (let looks = 0; !isAborted(signal); looks++) {
      try {
        const kinds = await servedKinds(client, `/apis/${apiVersion}`);
        // What answers something else says nothing of what there is.
        if (kinds === undefined || kinds.has(poolPlural)) return;
      } catch (error) {
        log.warn("it is not known whether the cluster has DnsPools", { reason: messageOf(error) });
        return;
      }
      if (looks === 0) {
        log.info("the cluster has no definition of DnsPool, which is looked for every minute");
        // Nothing waits for pools that nobody can make.
        this.#open.clear();
        onNews();
      }
      await clock.pause(definitionMs, signal);
    }
  }

  async #watchAll(signal: AbortSignal): Promise<void> {
    const { store } = this.options;
    await Promise.all(
      this.options.namespaces.flatMap((namespace) => [
        this.#watch({
          namespace,
          what: "pools",
          path: collectionPath(poolPlural, namespace),
          signal,
          onList: (objects) => {
            store.keepOnly(objects, namespace);
            for (const object of objects) store.put(object, true);
          },
          onChange: (object, gone) => {
            if (gone) store.vanish(object.metadata?.uid ?? "");
            else store.put(object);
          },
        }),
        this.#watch({
          namespace,
          what: "records",
          path: `${collectionPath(plural, namespace)}?${new URLSearchParams({ labelSelector: poolLabel }).toString()}`,
          signal,
          onList: (objects) => {
            store.keepOnlyRecords(objects, namespace);
            for (const object of objects) store.putRecord(object);
          },
          onChange: (object, gone) => {
            store.putRecord(object, gone);
          },
        }),
      ]),
    );
  }

  #watch(options: {
    readonly namespace: string;
    readonly what: "pools" | "records";
    readonly path: string;
    readonly signal: AbortSignal;
    readonly onList: (objects: readonly KubeObject[]) => void;
    readonly onChange: (object: KubeObject, gone: boolean) => void;
  }): Promise<void> {
    const { namespace, what, path, signal, onList, onChange } = options;
    const { client, watch, random, log, onNews } = this.options;
    return watch({
      client,
      path,
      signal,
      random,
      onList: (objects) => {
        onList(objects);
        this.#listed.set(namespace, (this.#listed.get(namespace) ?? new Set()).add(what));
        if (what === "pools") this.#open.delete(namespace);
        onNews();
      },
      onChange: (object, gone) => {
        onChange(object, gone);
        onNews();
      },
      onTrouble: (tries, reason, status) => {
        // Nothing waits for a namespace that may not be listed, so that it stops no other. What failed otherwise says nothing of its pools.
        if (what === "pools" && (status === 403 || status === 404)) this.#open.delete(namespace);
        if (tries === 0) log.info("DnsPools are watched again", { namespace, what });
        else if (tries === 1) log.warn("DnsPools cannot be watched", { namespace, what, reason });
      },
    });
  }
}
