import { setTimeout as delay } from "node:timers/promises";

import { messageOf, UserError } from "../../../base/errors";
import type { Logger } from "../../../base/log";
import { KnotVolume } from "../../../knot/config/volume";
import type { CopyStore, StoredCopy } from "./copy-store";
import { KeyDatabase } from "./key-database";
import { readNote, writeNote } from "./note";
import { openCopy } from "./sealing";

/** What {@link restoreKeys} works with. */
export interface RestoreParts {
  readonly storage: string;
  readonly site: string;
  readonly store: CopyStore;
  /** Whether the volume's keys, if there are any, have just come from a backup: they may be older than those that count now. */
  readonly areFromBackup?: boolean;
  /** Whether Knot is to sign a zone. */
  readonly signs: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

const againMs = 500;

/**
 * Gives the volume the site's DNSSEC keys before Knot starts, unless it has them: a volume without keys, and one that is
 * older than the copy, take the copy.
 *
 * @throws UserError when Knot would make new keys although there are, or may be, others: the zones would be bogus to
 * whoever trusts those.
 */
export async function restoreKeys(parts: RestoreParts): Promise<void> {
  const volume = new KnotVolume(parts.storage);
  const database = new KeyDatabase(volume);
  const hasKeys = await database.hasKeys();
  const mustKnow = (!hasKeys || parts.areFromBackup === true) && parts.signs;
  const stored = await read(parts, mustKnow);
  const complain = (reason: string): void => {
    if (mustKnow) throw new UserError(refusal(parts.store, hasKeys, reason));
    parts.log.warn("the copy of the zones' keys cannot be used", { reason });
  };
  if (stored.kind === "none") return;
  if (stored.kind === "unknown") {
    complain(stored.reason);
    return;
  }
  const { copy } = stored;
  const note = await readNote(volume.keptKeys);
  if (hasKeys && note !== undefined && note.generation >= copy.generation) return;
  try {
    await database.replace(openCopy(copy, parts.site, await parts.store.seal()));
  } catch (error) {
    complain(messageOf(error));
    return;
  }
  await writeNote(volume.keptKeys, copy);
  const { generation, madeAt, zones, keys } = copy;
  parts.log.warn(
    hasKeys ? "a newer copy of the zones' keys took the place of the volume's" : "the zones' keys are back",
    {
      from: parts.store.name,
      ...{ generation, madeAt, zones, keys: keys.length },
    },
  );
}

async function read({ store, now }: RestoreParts, mustKnow: boolean): Promise<StoredCopy> {
  const end = now() + (mustKnow ? store.patienceMs : 0);
  for (;;) {
    const stored = await store.read();
    if (stored.kind !== "unknown" || now() >= end) return stored;
    await delay(againMs);
  }
}

function refusal({ name }: CopyStore, hasKeys: boolean, reason: string): string {
  const [has, others, runbook] = hasKeys
    ? ["the DNSSEC keys of a backup alone", "newer ones", "site-lost.md"]
    : ["no DNSSEC keys", "those that the site's zones are trusted by", "volume-lost.md to begin with new keys"];
  const wrong = hasKeys ? "keys that are no longer trusted" : "new keys";
  return (
    `this volume has ${has}, and ${name} may hold ${others}: ${reason}. ` +
    `Knot is not started, since ${wrong} would make the zones bogus; put that right, or see docs/runbooks/${runbook}`
  );
}
