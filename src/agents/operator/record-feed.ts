import type { Logger } from "../../base/log";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import { collectionPath, plural } from "../../records/model";
import type { Entry, RecordStore } from "./record-store";

/** What a {@link RecordFeed} works with. */
export interface RecordFeedOptions {
  readonly client: Pick<KubeClient, "get" | "stream">;
  /** Lists and watches a collection. */
  readonly watch: typeof watchObjects;
  /** Whose objects are served; `*` for all namespaces'. */
  readonly namespaces: readonly string[];
  readonly store: RecordStore;
  /** Something of an object is new or it is gone, or all objects of a namespace were looked at. */
  readonly onNews: (entries: readonly Entry[]) => void;
  /** An object is gone. */
  readonly onGone: (object: KubeObject) => void;
  readonly log: Logger;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Keeps the store in step with the objects that there are. */
export class RecordFeed {
  readonly #open: Set<string>;
  #isListed = false;

  constructor(private readonly options: RecordFeedOptions) {
    this.#open = new Set(options.namespaces);
  }

  /**
   * Whether the objects are known, but for those of a namespace that cannot be listed: what they have on the server
   * counts as somebody else's then, and is left alone.
   */
  get isReady(): boolean {
    return this.#open.size === 0;
  }

  /** Whether the objects of any namespace could be listed. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.options.namespaces.map((namespace) => this.#watch(namespace, signal)));
  }

  #watch(namespace: string, signal: AbortSignal): Promise<void> {
    const { client, watch, random, log } = this.options;
    return watch({
      client,
      path: collectionPath(plural, namespace),
      signal,
      random,
      onList: (objects) => {
        this.#isListed = true;
        this.#settle(namespace, this.#list(namespace, objects));
      },
      onChange: (object, gone) => {
        const { store, onNews } = this.options;
        const entry = store.put(object);
        const news = gone ? store.vanish(object.metadata?.uid ?? "") : entry;
        if (gone) this.options.onGone(object);
        if (news !== undefined || gone) onNews(news === undefined ? [] : [news]);
      },
      onTrouble: (tries, reason) => {
        if (tries === 0) log.info("the Kubernetes API is watched again", { namespace });
        else {
          log.warn("the Kubernetes API cannot be watched", { namespace, tries, reason });
          this.#settle(namespace, []);
        }
      },
    });
  }

  /** Nothing waits for a namespace that was tried, so that one without rights stops no other. */
  #settle(namespace: string, entries: readonly Entry[]): void {
    this.#open.delete(namespace);
    this.options.onNews(entries);
  }

  #list(namespace: string, objects: readonly KubeObject[]): readonly Entry[] {
    const { store } = this.options;
    const vanished = store.vanishedFrom(objects, namespace).map((uid) => store.vanish(uid));
    return [...vanished, ...objects.map((object) => store.put(object, true))].filter((entry) => entry !== undefined);
  }
}
