import type { TsigKey } from "../../../dns/tsig-key";
import type { Check, Seen } from "../../../pools/model";
import { indexName, indexText, publishedName, type PublishedPool } from "../../../pools/published";
import { type Beat, beatName, checksName, encodeTold, parted, seenIn, seenName } from "../../../pools/wire";
import type { TxtZone } from "./txt-zone";

/** What is to be told of one pool. */
export interface PoolTelling {
  /** Of this site's pools; none of those of others. */
  readonly checks: readonly Check[];
  /** Ids of all checks of the pool. */
  readonly ids: Iterable<string>;
}

/** Where a {@link OwnTellings} looks. */
export interface OwnTellingsSource {
  readonly telling: (pool: string) => PoolTelling;
  /** What is published of a pool; undefined for one that is not served here. */
  readonly published: (pool: string) => PublishedPool | undefined;
  readonly seen: (check: string) => Seen | undefined;
  /** Whether a check is made from here, though nothing may be known of it yet. */
  readonly isProbed: (check: string) => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Keeps the site's own zone of pools as it is to be. Texts are made of those pools of which something is new, and of no others. */
export class OwnTellings {
  /** What is to stand at each name. */
  readonly #wanted = new Map<string, readonly string[]>();
  /** Names that may have something else. */
  readonly #open = new Set<string>();
  readonly #toTell = new Set<string>();
  readonly #toPublish = new Set<string>();
  /** Ids of what is published, by the names of the index's parts. */
  readonly #index = new Map<string, Set<string>>();
  #isFirst = true;
  /** The zone is to be looked at, whatever is known to be new. */
  #isDue = true;
  #toPublishSince: number | undefined;
  /** How many texts were made. */
  rendered = 0;

  constructor(
    private readonly txt: TxtZone,
    private readonly source: OwnTellingsSource,
  ) {}

  get zone(): string {
    return this.txt.zone;
  }

  /** Whether there is something that others decide by. */
  get isUrgent(): boolean {
    return this.#toTell.size > 0 || this.#isDue;
  }

  /** Since when there has been something that people read, in milliseconds since 1970. */
  get toPublishSince(): number | undefined {
    return this.#toPublishSince;
  }

  /** Has the zone looked at: somebody else may have changed it. */
  look(): void {
    this.#isDue = true;
  }

  /** A pool's checks, or what is seen of them, are others. */
  tell(pool: string): void {
    this.#toTell.add(pool);
  }

  /** What was decided on a pool is another. */
  publish(pool: string): void {
    this.#toPublish.add(pool);
    this.#toPublishSince ??= this.source.now();
  }

  /**
   * Writes what is new.
   *
   * @returns whether anything was changed.
   * @throws DnsError; what was to be written is written the next time then.
   */
  async write(
    key: TsigKey,
    { beat, publishes }: { readonly beat: Beat | undefined; readonly publishes: boolean },
  ): Promise<boolean> {
    this.#isDue = true;
    for (const name of await this.txt.follow()) this.#open.add(name);
    for (const pool of take(this.#toTell)) this.#renderSeen(pool);
    // What was published before is not taken away and made again.
    if (publishes || this.#isFirst) {
      this.#toPublishSince = undefined;
      for (const pool of take(this.#toPublish)) this.#renderPublished(pool);
    }
    if (beat !== undefined) this.#want(beatName(this.zone), [beat.text, String(beat.everyMs)]);
    const wanted = new Map([...this.#open].map((name) => [name, this.#wanted.get(name)]));
    this.#isFirst = false;
    const isChanged = await this.txt.write(wanted, key);
    const changed = isChanged ? await this.txt.follow(true) : [];
    this.#open.clear();
    this.#isDue = false;
    // What somebody else changed meanwhile.
    for (const name of changed) if (!wanted.has(name)) this.#open.add(name);
    return isChanged;
  }

  #renderSeen(pool: string): void {
    const { zone, source } = this;
    const { checks, ids } = source.telling(pool);
    // What the leader before saw holds until it is known anew.
    const before = seenIn(this.txt.texts, { pool, zone });
    const found = [...ids].flatMap((id): [string, Seen][] => {
      const what = source.seen(id) ?? (source.isProbed(id) ? before.get(id) : undefined);
      return what === undefined ? [] : [[id, what]];
    });
    const told = encodeTold(
      { checks: checks.length > 0 ? new Map([[pool, checks]]) : new Map(), seen: new Map([[pool, new Map(found)]]) },
      zone,
    );
    for (const name of [checksName(pool, zone), seenName(pool, zone)]) this.#want(name, told.get(name));
  }

  #renderPublished(pool: string): void {
    const { zone } = this;
    const published = this.source.published(pool);
    this.#want(publishedName(pool, zone), published && parted(JSON.stringify(published)));
    const name = indexName(pool, zone);
    const ids = this.#index.get(name) ?? new Set();
    if (ids.has(pool) === (published !== undefined)) return;
    if (published === undefined) ids.delete(pool);
    else ids.add(pool);
    this.#index.set(name, ids);
    this.#want(name, ids.size > 0 ? parted(indexText(ids)) : undefined);
  }

  #want(name: string, strings: readonly string[] | undefined): void {
    this.rendered++;
    if (strings === undefined) this.#wanted.delete(name);
    else this.#wanted.set(name, strings);
    this.#open.add(name);
  }
}

function take<T>(from: Set<T>): readonly T[] {
  const all = [...from];
  from.clear();
  return all;
}
