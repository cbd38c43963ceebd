import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { messageOf } from "../../../base/errors";
import { ensureFolder, listFolder, readText, syncFolder, writeAtomically } from "../../../base/files";
import { sha256 } from "../../../base/json";
import type { Logger } from "../../../base/log";
import { zoneFileName } from "../../../base/names";
import { backedUpKeys, backedUpZone, backupFiles, type BackupManifest, backupParts } from "../../../contract/backups";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { findSerial } from "../../../dns/master-file";
import { zoneDigest } from "../../../dns/zone-digest";
import { localCatalogZone } from "../../../knot/config/site-config";
import type { KnotVolume } from "../../../knot/config/volume";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { Inputs } from "../inputs/inputs";
import { keyIds } from "../keys/key-database";
import { ownSource } from "../own-zones/zone-source";
import { readKeys } from "./restored";

/** What a {@link BackupMaker} works with. */
export interface BackupMakerParts {
  readonly volume: KnotVolume;
  readonly control: Pick<KnotControl, "zoneBackup" | "zoneStatus">;
  readonly dns: Pick<DnsClient, "transfer">;
  /** Where this pod's Knot answers. */
  readonly knot: DnsServer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/** What is known of the site when a backup is made. */
export type BackedUpSite = Pick<Inputs, "packet" | "localKey">;

/** Backups that are made until Knot's answers and its files are of the same moment. */
const mostAttempts = 3;

/** Makes a backup on the volume: what Knot writes of its zones, journals, timers, keys and catalogs, what zones that left held last, and what it is. */
export class BackupMaker {
  #making: Promise<BackupManifest> | undefined;

  constructor(private readonly parts: BackupMakerParts) {}

  /**
   * Makes one in the place of that before, which stands until the new one is complete. Calls meanwhile get the same one.
   *
   * @throws Error when Knot did not write all of the site's zones, also one that waits for its content: without retention of
   * its own, a zone that no backup has any more would be gone; or when Knot gives none of them, or there is no room.
   */
  make(site: BackedUpSite): Promise<BackupManifest> {
    this.#making ??= this.#make(site).finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(site: BackedUpSite): Promise<BackupManifest> {
    const { volume, now, log } = this.parts;
    const draft = join(volume.backup, backupParts.draft);
    const current = join(volume.backup, backupParts.current);
    const began = now();
    try {
      const zones = await this.#write(draft, site);
      const keys = keyIds(await readKeys(join(draft, backedUpKeys)));
      const at = new Date(began).toISOString();
      const former = await this.#addFormer(draft, site);
      const manifest: BackupManifest = { site: site.packet.site.name, at, zones, keys, former };
      const note = await readText(volume.keptKeys);
      if (note !== undefined) await writeAtomically(join(draft, backupFiles.keysNote), note);
      await writeAtomically(join(draft, backupFiles.manifest), `${JSON.stringify(manifest)}\n`);
      await rm(current, { recursive: true, force: true });
      await rename(draft, current);
      await syncFolder(volume.backup);
      const withoutDigest = zones.filter(({ digest }) => digest === undefined).length;
      log.info("a backup was made", { zones: zones.length, withoutDigest, keys: keys.length, former: former.length });
      return manifest;
    } catch (error) {
      log.error("no backup was made", { reason: messageOf(error) });
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  }

  async #write(draft: string, site: BackedUpSite): Promise<BackupManifest["zones"]> {
    let described: Described = { zones: [], unread: [] };
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      await rm(draft, { recursive: true, force: true });
      await ensureFolder(draft);
      await this.parts.control.zoneBackup(join(draft, backupFiles.knot));
      described = await this.#describe(draft, site);
      if (described.zones.every(({ digest }) => digest !== undefined)) break;
    }
    const { zones, unread } = described;
    if (unread.length > 0) throw new Error(`Knot does not give what it wrote: ${unread.join("; ")}`);
    const missing = site.packet.site.zones.filter(({ name }) => !zones.some(({ zone }) => zone === name));
    if (missing.length > 0)
      throw new Error(`Knot wrote no backup of zone ${missing.map(({ name }) => name).join(", ")}`);
    await dropTimes(join(draft, backupFiles.knot, "zonefiles"));
    return zones;
  }

  /** Zones that left the site: Knot has them no more, and this volume alone what was in them last. */
  async #addFormer(draft: string, { packet }: BackedUpSite): Promise<NonNullable<BackupManifest["former"]>> {
    const { formerContents } = this.parts.volume;
    const own = new Set(packet.site.zones.map(({ name }) => zoneFileName(name)));
    const former: { file: string; digest: string }[] = [];
    for (const file of (await listFolder(formerContents)).filter((name) => !own.has(name) && !name.startsWith("."))) {
      const text = (await readText(join(formerContents, file))) ?? "";
      await writeAtomically(join(draft, backupFiles.former, file), text);
      former.push({ file, digest: sha256(text) });
    }
    return former;
  }

  /** Each zone with the serial of its file, and the digest of what Knot answers when that has the same serial. */
  async #describe(draft: string, site: BackedUpSite): Promise<Described> {
    const { control, dns, knot } = this.parts;
    const { server, key } = ownSource(knot, site);
    const unread: string[] = [];
    const zones: BackupManifest["zones"][number][] = [];
    for (const { zone } of await control.zoneStatus()) {
      const text = zone === localCatalogZone ? undefined : await readText(join(draft, backedUpZone(zone)));
      const serial = text === undefined ? undefined : findSerial(text)?.serial;
      if (serial === undefined) continue;
      const records = await dns.transfer(server, zone, key).catch((error: unknown) => {
        unread.push(`zone ${zone}: ${messageOf(error)}`);
        return [];
      });
      const isSame = records.some((record) => record.type === "SOA" && record.serial === serial);
      zones.push({ zone, serial, ...(isSame && { digest: zoneDigest(records) }) });
    }
    return { zones, unread };
  }
}

/** What a backup consists of, and sentences on zones that Knot did not give: nobody could compare those later. */
interface Described {
  readonly zones: BackupManifest["zones"];
  readonly unread: readonly string[];
}

/** Knot ends each file with the time. Without that, a zone that did not change is the same file as in the backup before. */
async function dropTimes(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const text = (await readText(join(folder, name))) ?? "";
    const kept = text.replace(/\n;; Time [^\n]*\n?$/, "\n");
    if (kept !== text) await writeAtomically(join(folder, name), kept);
  }
}
