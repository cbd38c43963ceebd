import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../../base/errors";
import { ensureFolder, readText, removeFile, syncFolder, writeAtomically } from "../../base/files";
import { readJsonFile } from "../../base/json-file";
import type { Logger } from "../../base/log";
import {
  backupFiles,
  type BackupManifest,
  backupParts,
  orderFile,
  parseManifest,
  parseResult,
  type RestoreOrder,
  resultFile,
} from "../../contract/backups";
import type { WriterAgent } from "./agent";
import { BackupError } from "./failure";
import type { Repository } from "./repository";
import type { BackupOptions } from "./restic";

/** What a run works with. */
export interface RunParts {
  readonly options: BackupOptions;
  readonly site: string;
  readonly agent: WriterAgent;
  readonly repository: Repository;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/** Has a backup made, pushes it, checks what is stored, removes what is too old, and reports. */
export async function backUp(parts: RunParts): Promise<void> {
  const { options, agent, repository, now, log } = parts;
  const began = now();
  const made = await agent.make(options.patienceMs);
  const id = await repository.open(made.repository);
  const pushed = await repository.push(join(options.folder, backupParts.current));
  log.info("a backup was pushed", { ...pushed });
  const notPruned = await repository.prune();
  if (notPruned !== undefined) log.warn("what is too old was not removed", { reason: notPruned });
  await repository.check();
  await agent.report({
    kind: "backup",
    at: new Date(now()).toISOString(),
    repository: id,
    zones: made.zones,
    ...pushed,
    seconds: (now() - began) / 1000,
    ...(notPruned !== undefined && { notPruned }),
  });
}

/** The manifest of a backup that was fetched. @throws BackupError `damaged`, `different` */
export async function readManifest(folder: string, site: string): Promise<BackupManifest> {
  const path = join(folder, backupFiles.manifest);
  const manifest = await readJsonFile(path, parseManifest).catch((cause: unknown) => {
    throw new BackupError("damaged", `the backup has no manifest that can be read: ${messageOf(cause)}`, {
      cause,
    });
  });
  if (manifest.site !== site)
    throw new BackupError("different", `this is a backup of ${manifest.site}, not of ${site}`);
  return manifest;
}

/**
 * Brings a backup onto the volume, and waits until it is in use: before Knot's first start by the init container, otherwise
 * by the agent.
 */
export async function restore(parts: RunParts): Promise<void> {
  const { options, site, agent, repository, now, log } = parts;
  const { folder, at } = options;
  const [incoming, restored] = [join(folder, backupParts.incoming), join(folder, backupParts.restored)];
  if (at === undefined && (await agent.runs()))
    throw new BackupError(
      "other",
      `${site} runs, with all that it has; to put its zones back as they were at a time, name it (--at)`,
    );
  const snapshot = await repository.find(at);
  await rm(incoming, { recursive: true, force: true });
  await ensureFolder(incoming);
  await repository.fetch(snapshot.id, incoming);
  const manifest = await readManifest(incoming, site);
  const order: RestoreOrder = { snapshot: snapshot.id, at: manifest.at, forced: at !== undefined };
  await writeAtomically(join(incoming, orderFile), `${JSON.stringify(order)}\n`);
  await rm(join(folder, resultFile), { force: true });
  // First what says that it is whole: pod 0 can read no half of it.
  await removeFile(join(restored, orderFile));
  await rm(restored, { recursive: true, force: true });
  await rename(incoming, restored);
  await syncFolder(folder);
  log.info("a backup is on the volume", { ...order, zones: manifest.zones.length });
  const end = now() + options.patienceMs;
  while ((await readText(join(restored, orderFile))) !== undefined) {
    if (now() > end)
      throw new BackupError("agent", "the backup is on the volume, and pod 0 has not taken all of it yet; see its log");
    await delay(500);
  }
  await requireInUse(folder, order);
  log.info("the backup is in use", { ...order });
}

/** A backup that is gone from the volume may have been refused. */
async function requireInUse(folder: string, order: RestoreOrder): Promise<void> {
  const path = join(folder, resultFile);
  if ((await readText(path)) === undefined)
    throw new BackupError("agent", "the backup is gone from the volume, and pod 0 does not say that it took it");
  const { snapshot, refused } = await readJsonFile(path, parseResult);
  if (snapshot !== order.snapshot)
    throw new BackupError("agent", `another restore came in between: pod 0 took the backup ${snapshot.slice(0, 10)}`);
  if (refused !== undefined) throw new BackupError("other", refused);
}
