import { setTimeout as delay } from "node:timers/promises";

import { isAborted } from "../base/clock";
import { messageOf } from "../base/errors";
import { KubeError, type KubeObject } from "./answer";
import type { KubeClient } from "./client";

/** What {@link watchObjects} needs. */
export interface WatchOptions {
  readonly client: Pick<KubeClient, "get" | "stream">;
  /** Path of the collection, with a query that selects from it where not all is wanted. */
  readonly path: string;
  /** Finds what stands before the path, where that is not known: asked before each listing. */
  readonly base?: () => Promise<string>;
  /** All that there is, after each listing. What was known before and is not in it is gone. */
  readonly onList: (objects: readonly KubeObject[]) => void;
  /** One that was made or changed (`gone` unset), or that went away. */
  readonly onChange: (object: KubeObject, gone: boolean) => void;
  /** The API does not answer, since this many tries, or with an error of this HTTP status; 0 tries when it does again. */
  readonly onTrouble: (tries: number, reason: string, status?: number) => void;
  readonly signal: AbortSignal;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Milliseconds before the first further try, doubled up to {@link longestPauseMs}, with up to half of it on top. @default 200 */
  readonly firstPauseMs?: number;
  /** Objects of one listing's page. @default 500 */
  readonly pageSize?: number;
  /** Milliseconds for which listings that are older than what was seen are not believed. @default five minutes */
  readonly olderMs?: number;
  /** Milliseconds, by a clock that nobody sets. */
  readonly elapsed?: () => number;
}

/** Longest pause between two tries, in milliseconds: what was changed while the API was away waits no longer than that. */
const longestPauseMs = 5000;
/** Seconds for which the server holds a watch open. It says where it is (bookmark) about once a minute. */
const watchSeconds = 290;
const silenceMs = 120_000;
/** An API server that has fallen behind catches up, or is replaced, sooner; etcd that was restored stays older. */
const defaultOlderMs = 300_000;

/**
 * Keeps a collection in sight: lists it, then watches it from there. A watch that ends goes on where it was; a place
 * that the server no longer knows (410) means a new listing. An API that is away is asked again, ever more rarely, and so
 * is one whose listing is older than what was seen before: what was made since would pass for gone. Only when it stays so
 * for minutes it is believed, as after etcd was restored. Resolves when the signal is given.
 */
export async function watchObjects(options: WatchOptions): Promise<void> {
  const watch = new Watch(options);
  let tries = 0;
  while (!isAborted(options.signal)) {
    const { failure, status, watched } = await watch.step();
    if (isAborted(options.signal)) return;
    if (failure !== undefined) options.onTrouble(++tries, failure, status);
    else if (tries > 0) options.onTrouble((tries = 0), "");
    // A server that ends each watch at once is not asked in a tight loop either.
    const first = failure !== undefined || watched ? (options.firstPauseMs ?? 200) : 0;
    const pause = Math.min(first * 2 ** Math.max(0, tries - 1), longestPauseMs) * (1 + options.random() / 2);
    await delay(pause, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** A listing that is older than what was seen before. */
class OlderListing extends KubeError {}

class Watch {
  /** Where a watch goes on; undefined when everything must be listed first. */
  #version: string | undefined;
  /** The latest version that was seen. */
  #latest: string | undefined;
  /** That of the last listing. */
  #path = "";
  /** Since when listings are older than that. */
  #olderSince: number | undefined;

  constructor(private readonly options: WatchOptions) {}

  /** A listing, or a watch until it ends: which of them, and what went wrong. */
  async step(): Promise<{ readonly watched: boolean; readonly failure?: string; readonly status?: number }> {
    const watched = this.#version !== undefined;
    try {
      if (this.#version === undefined) await this.#list();
      else await this.#watch(this.#version);
      return { watched };
    } catch (error) {
      // Listings must have been older all the time, and not at both ends of a time in which there was none.
      if (!(error instanceof OlderListing)) this.#olderSince = undefined;
      // The place is not known any more, or what is watched is served no longer in this version.
      const lost = error instanceof KubeError && (error.status === 410 || error.status === 404);
      if (lost) this.#version = undefined;
      if (lost && watched) return { watched };
      const { status } = error instanceof KubeError ? error : {};
      return { watched, failure: messageOf(error), ...(status !== undefined && { status }) };
    }
  }

  async #list(): Promise<void> {
    const { client, pageSize, onList } = this.options;
    const path = `${(await this.options.base?.()) ?? ""}${this.options.path}`;
    const { objects, version } = await listObjects(client, path, pageSize);
    if (this.#isOlder(version)) {
      const seen = `${path} is listed as of version ${version}, although ${this.#latest ?? ""} was seen before`;
      throw new OlderListing(`${seen}: the API server has fallen behind, or etcd was restored`);
    }
    onList(objects);
    this.#path = path;
    this.#version = this.#latest = version;
  }

  /** Whether a listing is from before what was seen, and not for so long that it must be meant. */
  #isOlder(version: string): boolean {
    const now = (this.options.elapsed ?? (() => performance.now()))();
    const isBehind = this.#latest !== undefined && isLaterVersion(this.#latest, version);
    if (!isBehind) this.#olderSince = undefined;
    else this.#olderSince ??= now;
    return this.#olderSince !== undefined && now - this.#olderSince < (this.options.olderMs ?? defaultOlderMs);
  }

  async #watch(version: string): Promise<void> {
    const query = new URLSearchParams({
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(watchSeconds),
      resourceVersion: version,
    }).toString();
    await this.options.client.stream(withQuery(this.#path, query), {
      onLine: (line) => {
        this.#take(line);
      },
      signal: this.options.signal,
      silenceMs,
    });
  }

  #take(line: string): void {
    if (line === "") return;
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: KubeObject };
    if (type === "ERROR") {
      const { code, message } = object as { readonly code?: number; readonly message?: string };
      throw new KubeError(`watch of ${this.#path}: ${message ?? "no reason given"}`, { status: code ?? 500 });
    }
    const { resourceVersion = this.#version } = object.metadata ?? {};
    this.#version = resourceVersion;
    if (resourceVersion !== undefined && (this.#latest === undefined || isLaterVersion(resourceVersion, this.#latest)))
      this.#latest = resourceVersion;
    if (type === "ADDED" || type === "MODIFIED") this.options.onChange(object, false);
    if (type === "DELETED") this.options.onChange(object, true);
  }
}

/** Whether a resourceVersion is a later one. They are whole decimal numbers that can be compared (KEP-5504). */
export function isLaterVersion(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length;
}

/**
 * All objects of a collection, fetched page by page, and its version.
 *
 * @throws KubeError; `NotFound` when there is no such collection. An answer that is no listing is none of no objects.
 */
export async function listObjects(
  client: Pick<KubeClient, "get">,
  path: string,
  pageSize = 500,
): Promise<{ readonly objects: readonly KubeObject[]; readonly version: string }> {
  const objects: KubeObject[] = [];
  let from = "";
  let version = "";
  do {
    const query = new URLSearchParams({ limit: String(pageSize), ...(from !== "" && { continue: from }) }).toString();
    const page = await client.get(withQuery(path, query));
    if (page === undefined) throw new KubeError(`${path} is not there`, { status: 404, reason: "NotFound" });
    objects.push(...itemsOf(page, path));
    ({ version, from } = placeOf(page));
  } while (from !== "");
  if (version === "") throw new KubeError(`${path}: what answers is no listing: it has no resourceVersion`);
  return { objects, version };
}

function withQuery(path: string, query: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

/** Go's API machinery writes an empty list as null, too. */
function itemsOf(page: KubeObject, path: string): readonly KubeObject[] {
  const items = page["items"];
  if (items === null) return [];
  if (!Array.isArray(items)) throw new KubeError(`${path}: what answers is no listing: it has no items`);
  return items as readonly KubeObject[];
}

function placeOf(page: KubeObject): { readonly version: string; readonly from: string } {
  const metadata = page.metadata as { readonly resourceVersion?: string; readonly continue?: string } | undefined;
  return { version: metadata?.resourceVersion ?? "", from: metadata?.continue ?? "" };
}
