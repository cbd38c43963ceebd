import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import { splitServer } from "../../../dns/address";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import type { Reader } from "../../../keyring/reader";
import { localCatalogZone } from "../../../knot/config/site-config";
import type { ServedChange } from "./served-serials";

/** What {@link ReaderNotices} work with. */
export interface ReaderNoticesOptions {
  readonly dns: Pick<DnsClient, "notifier">;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const firstWaitMs = 1000;
const longestWaitMs = 60_000;
/** NOTIFYs that wait for an answer of one server at a time. */
const mostAtOnce = 8;
/** Attempts in a row without an answer after which that is worth a line in the log: once, until the server answers again. */
const loggedAfter = 4;

/**
 * Tells servers outside the mesh what changed here (RFC 1996), each by its own key. They are no part of the mesh: whether they
 * fetch what they were told of is theirs to know. What a server does not answer is told again after 1, 2, 4, … 60 seconds,
 * and with the next change.
 *
 * Every pod does that when it has a change itself: the server asks the site's address, which is any of the pods.
 */
export class ReaderNotices {
  #listeners: ReadonlyMap<string, Listener> = new Map();

  constructor(private readonly options: ReaderNoticesOptions) {}

  /** Whether there is anybody to tell. */
  get exist(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether somebody is told of others' zones too. */
  get wantEveryZone(): boolean {
    return [...this.#listeners.values()].some(({ reader }) => reader.zones === undefined);
  }

  /** Who may take zones from now on. What is still to be told stays, for those who stay as they are. */
  aim(readers: readonly Reader[]): void {
    const before = this.#listeners;
    const wanted = readers.flatMap((reader) => (reader.notify ?? []).map((server) => ({ reader, server })));
    this.#listeners = new Map(
      wanted.map(({ reader, server }) => {
        const key = JSON.stringify([reader, server]);
        return [key, before.get(key) ?? new Listener(this.options, reader, splitServer(server))];
      }),
    );
  }

  /** Tells everybody of changes, and waits for nobody. */
  announce(changes: readonly ServedChange[]): void {
    for (const listener of this.#listeners.values()) listener.announce(changes);
  }

  /** Does what is due. Never throws. */
  async round(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.flush()));
  }
}

/** One address at which a server is told. */
class Listener {
  /** Zones that it is to be told of, each with its serial. */
  readonly #open = new Map<string, number>();
  /** Whether it answered the last NOTIFY with an error, which is logged once. */
  #refuses = false;
  /** Attempts in a row that had no answer. */
  #silent = 0;
  #dueAt = 0;
  #askedAt = 0;
  #isBusy = false;

  constructor(
    private readonly options: ReaderNoticesOptions,
    readonly reader: Reader,
    private readonly server: DnsServer,
  ) {}

  announce(changes: readonly ServedChange[]): void {
    const { zones } = this.reader;
    for (const { zone, serial } of changes)
      if (zone !== localCatalogZone && zones?.includes(zone) !== false) this.#open.set(zone, serial);
    // A change is worth an attempt: the server may be back.
    this.#dueAt = Math.min(this.#dueAt, this.#askedAt + firstWaitMs);
    void this.flush();
  }

  /** One that did not answer is told of a single zone first. Never throws. */
  async flush(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#open.size > 0 && this.options.now() >= this.#dueAt) {
        const some = [...this.#open].slice(0, this.#silent > 0 ? 1 : mostAtOnce);
        const failures: unknown[] = [];
        this.#askedAt = this.options.now();
        await inParallel(mostAtOnce, some, async ([zone, serial]) => {
          const failure = await this.#tell(zone, serial);
          if (failure !== undefined) failures.push(failure);
        });
        this.#note(failures[0]);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** Returns why it did not answer; undefined when it did. */
  async #tell(zone: string, serial: number): Promise<unknown> {
    try {
      await this.options.dns.notifier(zone, serial, this.reader)(this.server);
      this.#refuses = false;
    } catch (error) {
      if (isUnreachable(error)) return error;
      // It has heard it: to tell it again helps nobody.
      if (!this.#refuses)
        this.options.log.warn("a server outside the mesh refuses NOTIFY", { ...this.#fields(error), zone });
      this.#refuses = true;
    }
    if (this.#open.get(zone) === serial) this.#open.delete(zone);
    return undefined;
  }

  #note(failure: unknown): void {
    if (failure === undefined) {
      this.#silent = 0;
      return;
    }
    this.#dueAt = this.options.now() + Math.min(firstWaitMs * 2 ** this.#silent, longestWaitMs);
    this.#silent += 1;
    if (this.#silent === loggedAfter)
      this.options.log.warn("a server outside the mesh does not answer NOTIFY", this.#fields(failure));
  }

  #fields(error: unknown): Readonly<Record<string, string>> {
    return { peer: this.reader.name, reason: messageOf(error) };
  }
}
