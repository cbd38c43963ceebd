import { messageOf } from "../../../base/errors";
import type { Logger } from "../../../base/log";
import type { KeptKeys } from "../../../contract/kept-keys";
import { KnotVolume } from "../../../knot/config/volume";
import type { Problems } from "../http/status";
import type { CopyStore, Keeping } from "./copy-store";
import { digestOf, KeyDatabase, type KeyFiles, keyIds } from "./key-database";
import { type KeysNote, readNote, writeNote } from "./note";
import { makeCopy } from "./sealing";

/** What a {@link KeyKeeper} works with. */
export interface KeyKeeperParts {
  readonly storage: string;
  readonly store: CopyStore;
  /** The site, as soon as it is known. */
  readonly site: () => string | undefined;
  /** Zones that this server signs. */
  readonly zones: () => readonly string[];
  /** Whether Knot signs with the keys that are there: only then is a changed database known to be whole. */
  readonly areInUse: () => boolean;
  readonly problems: Pick<Problems, "set">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/** How it stands with the copy of the keys, for status and metrics. Times in milliseconds since 1970. */
export interface KeysFacts {
  readonly generation: number;
  /** When the present keys were last seen in the second place. */
  readonly keptAt?: number;
}

/**
 * For how long a copy may wait to be fetched. No key is needed by anybody sooner: a new zone-signing key signs two hours
 * after it is published, a new key-signing key's DS record is asked for no earlier.
 */
const patienceMs = 30 * 60_000;
/** For how long keys may wait to be copied: Knot has just made them, and is about to sign with them. */
const uncopiedMs = 2 * 60_000;
const [firstAgainMs, mostAgainMs] = [5000, 300_000];

/** Keeps a copy of the writer's key database in a second place, which follows each change. */
export class KeyKeeper {
  readonly #database: KeyDatabase;
  readonly #note: string;
  #seen: string | undefined;
  #storeSeen = "";
  #copy: KeptKeys | undefined;
  #madeAt = 0;
  #keptAt: number | undefined;
  #dueAt = 0;
  #lookAt = 0;
  #failures = 0;
  /** Since when there are keys that are not copied, and why. */
  #uncopied: { readonly since: number; readonly reason: string } | undefined;
  #notKept: readonly string[] = [];

  constructor(private readonly parts: KeyKeeperParts) {
    const volume = new KnotVolume(parts.storage);
    this.#database = new KeyDatabase(volume);
    this.#note = volume.keptKeys;
  }

  /** The copy for whoever puts it into the store; undefined when there are no keys, or the agent does that itself. */
  get offered(): KeptKeys | undefined {
    return this.parts.store.isFetched ? this.#copy : undefined;
  }

  /** Undefined as long as there are no keys. */
  get facts(): KeysFacts | undefined {
    if (this.#copy === undefined) return undefined;
    const { generation } = this.#copy;
    return { generation, ...(this.#keptAt !== undefined && { keptAt: this.#keptAt }) };
  }

  /** Makes a new copy when keys changed, and sees to it that it is kept. Throws nothing: what goes wrong is a problem. */
  async round(): Promise<void> {
    const { store, now } = this.parts;
    if (now() < this.#lookAt) return;
    try {
      await this.#look();
      if (this.#copy === undefined) this.#notKept = [];
      const storeSeen = await store.fingerprint();
      if (this.#copy === undefined || (now() < this.#dueAt && storeSeen === this.#storeSeen)) return;
      this.#storeSeen = storeSeen;
      this.#took(await store.keep(this.#copy));
    } catch (error) {
      this.#notKept = [`keys of signed zones are not kept in ${store.name}: ${messageOf(error)}`];
      this.#again();
    } finally {
      this.#show();
    }
  }

  #show(): void {
    const { problems, now } = this.parts;
    const uncopied =
      this.#uncopied !== undefined && now() - this.#uncopied.since >= uncopiedMs ? this.#uncopied : undefined;
    problems.set("keys", [
      ...(uncopied === undefined ? [] : [`keys of signed zones are there and not copied: ${uncopied.reason}`]),
      ...this.#notKept,
    ]);
  }

  #took(result: Keeping): void {
    const { store, now } = this.parts;
    if (result.kind === "kept") {
      this.#keptAt = now();
      this.#failures = 0;
      this.#dueAt = now() + store.lookEveryMs;
      this.#notKept = [];
      return;
    }
    if (result.kind === "refused") {
      this.#notKept = [result.reason];
      this.#dueAt = now() + Math.min(store.lookEveryMs, mostAgainMs);
      return;
    }
    this.#dueAt = now() + Math.min(store.lookEveryMs, mostAgainMs);
    const isLate = now() - this.#madeAt > patienceMs;
    this.#notKept = isLate ? [`keys of signed zones have not reached ${store.name} yet: does the reconciler run?`] : [];
  }

  #again(): void {
    const pause = Math.min(firstAgainMs * 2 ** this.#failures++, mostAgainMs);
    this.#dueAt = this.parts.now() + pause * (1 + this.parts.random() / 2);
  }

  async #look(): Promise<void> {
    const name = this.parts.site();
    if (name === undefined) return;
    const reason = await this.#copyChanged(name);
    const since = this.#uncopied?.since ?? this.parts.now();
    this.#uncopied = reason === undefined ? undefined : { since, reason };
  }

  /** A copy that is sealed anew at each start of the agent stays the same copy. Returns why keys that are there are not copied yet. */
  async #copyChanged(site: string): Promise<string | undefined> {
    const seen = await this.#database.fingerprint();
    if (seen === this.#seen) return undefined;
    const hasKeys = await this.#database.hasKeys();
    if (hasKeys && !this.parts.areInUse())
      return "not every zone is signed with its keys (problem dnssec or zones says which)";
    const files = hasKeys ? await this.#database.read(this.parts.now()) : noFiles;
    if (files === undefined) return "they go on changing";
    this.#copy = files.size === 0 ? undefined : await this.#make(site, files);
    this.#seen = seen;
    this.#dueAt = 0;
    return undefined;
  }

  async #make(site: string, files: KeyFiles): Promise<KeptKeys> {
    const { now, store, zones, log } = this.parts;
    const digest = digestOf(files);
    const noted = await readNote(this.#note);
    const before = noted ?? (await this.#kept());
    const isNew = before?.digest !== digest;
    const note = isNew
      ? {
          generation: (before?.generation ?? 0) + 1,
          digest,
          madeAt: new Date(now()).toISOString(),
          zones: [...zones()],
        }
      : before;
    if (isNew || noted === undefined) await writeNote(this.#note, note);
    if (isNew) log.info("keys of signed zones changed", { generation: note.generation, keys: keyIds(files).length });
    this.#madeAt = now();
    const { generation, madeAt } = note;
    return makeCopy(files, { site, generation, madeAt, zones: [...zones()] }, await store.seal());
  }

  /** Where the volume's note is lost, the generation goes on from the copy: an outdated volume had that restored at the start. */
  async #kept(): Promise<KeysNote | undefined> {
    const stored = await this.parts.store.read();
    if (stored.kind === "copy") return stored.copy;
    if (stored.kind === "none") return undefined;
    this.#lookAt = this.parts.now() + lookAgainMs;
    throw new Error(stored.reason);
  }
}

/** Until a store is asked again that did not say whether it has a copy. */
const lookAgainMs = 15_000;

const noFiles: KeyFiles = new Map();
