import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { UserError } from "../../../base/errors";
import { absentIs, isThere, listFolder, moveFile, readText, removeFile, writeAtomically } from "../../../base/files";
import { readJsonFile } from "../../../base/json-file";
import {
  backedUpKeys,
  backedUpZone,
  backupFiles,
  type BackupManifest,
  backupParts,
  orderFile,
  parseManifest,
  parseOrder,
  type RestoreOrder,
  resultFile,
} from "../../../contract/backups";
import { findSerial, stampSerial } from "../../../dns/master-file";
import { signerTypes } from "../../../dns/rdata/trust-types";
import { isNewerSerial, serialAfter } from "../../../dns/serial";
import { KnotVolume } from "../../../knot/config/volume";
import { KeyDatabase, type KeyFiles } from "../keys/key-database";
import { readNote, writeNote } from "../keys/note";

/** A backup that a restore has put onto the volume. */
export interface Restored {
  readonly order: RestoreOrder;
  readonly manifest: BackupManifest;
  /** Whether the backup still has a zone. */
  readonly has: (zone: string) => Promise<boolean>;
  /** A zone's master file without signatures; undefined when the backup does not have the zone. */
  readonly textOf: (zone: string) => Promise<string | undefined>;
}

/**
 * What a restore has put onto the volume; undefined when there is nothing.
 *
 * @throws UserError for a backup of another site, or one that cannot be read.
 */
export async function readRestored(volume: KnotVolume, site: string): Promise<Restored | undefined> {
  const folder = join(volume.backup, backupParts.restored);
  if ((await readText(orderPath(volume))) === undefined) return undefined;
  const order = await readJsonFile(orderPath(volume), parseOrder);
  const manifest = await readJsonFile(join(folder, backupFiles.manifest), parseManifest);
  if (manifest.site !== site)
    throw new UserError(
      `${folder} holds a backup of ${manifest.site}, and this is ${site}; remove it, and restore again`,
    );
  const textOf = async (zone: string): Promise<string | undefined> => {
    const text = await readText(join(folder, backedUpZone(zone)));
    return text === undefined ? undefined : withoutSignatures(text);
  };
  return { order, manifest, has: (zone) => isThere(join(folder, backedUpZone(zone))), textOf };
}

/**
 * Takes it away, once all of it is in use or refused, and leaves for the restore's job what became of it. By one rename: a folder
 * that is half removed cannot be read.
 *
 * @param refused - Why not all of it is in use.
 */
export async function dropRestored(volume: KnotVolume, { snapshot }: RestoreOrder, refused?: string): Promise<void> {
  const result = { snapshot, ...(refused !== undefined && { refused }) };
  await writeAtomically(join(volume.backup, resultFile), `${JSON.stringify(result)}\n`);
  await clearTaken(volume);
  await moveFile(join(volume.backup, backupParts.restored), join(volume.backup, backupParts.taken));
  await clearTaken(volume);
}

/** Takes away what a predecessor has left of a backup that is in use. */
export async function clearTaken(volume: KnotVolume): Promise<void> {
  await rm(join(volume.backup, backupParts.taken), { recursive: true, force: true });
}

/**
 * Takes note of zones that begin with it. Before they do: whoever finds them with a content, after an agent that ended in between,
 * must not take them for ones that are still to be put back.
 *
 * @returns the order as it stands.
 */
export function noteBegun(volume: KnotVolume, order: RestoreOrder, zones: readonly string[]): Promise<RestoreOrder> {
  return changeOrder(volume, order, (standing) => {
    const begun = new Set([...(standing.begun ?? []), ...zones]);
    return begun.size === (standing.begun?.length ?? 0) ? standing : { ...standing, begun: [...begun] };
  });
}

/** Takes note of the serial with which a zone is put back now, before its file is written; without one, that it is not. */
export async function noteLoading(volume: KnotVolume, zone: string, serial?: number): Promise<void> {
  const order = await readJsonFile(orderPath(volume), parseOrder);
  await changeOrder(volume, order, (standing) => {
    const others = (standing.loading ?? []).filter((each) => each.zone !== zone);
    return { ...standing, loading: [...others, ...(serial === undefined ? [] : [{ zone, serial }])] };
  });
}

/** Changes of orders that are under way, by file: passes and upkeep make them side by side. */
const underWay = new Map<string, Promise<unknown>>();

/** Changes an order as it stands by then, as long as no other restore has come in its place. */
async function changeOrder(
  volume: KnotVolume,
  order: RestoreOrder,
  change: (standing: RestoreOrder) => RestoreOrder,
): Promise<RestoreOrder> {
  const path = orderPath(volume);
  const changed = (underWay.get(path) ?? Promise.resolve()).then(async () => {
    const standing = await readJsonFile(path, parseOrder);
    if (standing.snapshot !== order.snapshot) throw new Error("another backup has come in the place of this one");
    const next = change(standing);
    if (next !== standing) await writeAtomically(path, `${JSON.stringify(next)}\n`);
    return next;
  });
  const settled = changed
    .catch(() => undefined)
    .finally(() => {
      if (underWay.get(path) === settled) underWay.delete(path);
    });
  underWay.set(path, settled);
  return changed;
}

function orderPath(volume: KnotVolume): string {
  return join(volume.backup, backupParts.restored, orderFile);
}

/** The backup's last contents of zones that left the site, for a volume that has none of its own: a zone that comes back begins with it. */
export async function bringFormer(volume: KnotVolume): Promise<void> {
  const folder = join(volume.backup, backupParts.restored, backupFiles.former);
  for (const file of await listFolder(folder)) {
    const [to, text] = [join(volume.formerContents, file), await readText(join(folder, file))];
    if (text !== undefined && !(await isThere(to))) await writeAtomically(to, text);
  }
}

/** Takes one zone of it away, which was put back and must not be once more. */
export async function dropRestoredZone(volume: KnotVolume, zone: string): Promise<void> {
  await removeFile(join(volume.backup, backupParts.restored, backedUpZone(zone)));
}

/** Zones among those named that it still has. */
export async function restoredAmong(
  restored: Pick<Restored, "has">,
  zones: readonly string[],
): Promise<readonly string[]> {
  const has = await Promise.all(zones.map((zone) => restored.has(zone)));
  return zones.filter((_, i) => has[i]);
}

/**
 * The backup's DNSSEC keys, for a volume that has none. To be called before the second place of keys is asked, whose copy is
 * newer where there is one.
 *
 * @returns how many keys came.
 */
export async function bringRestoredKeys(volume: KnotVolume): Promise<number> {
  const folder = join(volume.backup, backupParts.restored);
  const database = new KeyDatabase(volume);
  const files = await readKeys(join(folder, backedUpKeys));
  if (files.size < 2 || (await database.hasKeys())) return 0;
  await database.replace(files);
  const note = await readNote(join(folder, backupFiles.keysNote));
  if (note !== undefined) await writeNote(volume.keptKeys, note);
  return files.size - 1;
}

/** Files of a key database that Knot has written, without its lock; none when there is no such folder. */
export async function readKeys(folder: string): Promise<KeyFiles> {
  const names = await absentIs([], () => readdir(folder, { recursive: true, withFileTypes: true }));
  const files = new Map<string, Buffer>();
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name !== "lock.mdb") files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}

/** Changes that a zone may have had since its backup, which sites that do not answer now may have seen. */
const changesSince = 10_000;

/**
 * What a zone begins with by its backup; undefined when what others serve is newer, and counts more.
 *
 * @param known.served - Serial of the newest copy that others gave.
 * @param known.isForced - Whether the backup counts in any case.
 * @param known.now - Milliseconds since 1970.
 */
export function contentFrom(
  text: string,
  known: { readonly served: number | undefined; readonly isForced: boolean; readonly now: number },
): string | undefined {
  const { served, isForced, now } = known;
  const serial = findSerial(text)?.serial ?? 0;
  if (served !== undefined && !isForced && !isNewerSerial(serial, served)) return undefined;
  return stampSerial(text, serialAfter(now, serial + changesSince, served));
}

/** Knot writes one record a line, with its owner, TTL and type. What it makes itself is left out. */
function withoutSignatures(text: string): string {
  const lines = text.split("\n").filter((line) => {
    const type = /^\S+\s+\d+\s+(\S+)\s/.exec(line)?.[1];
    return type !== undefined && !signerTypes.has(type);
  });
  return `${lines.join("\n")}\n`;
}
