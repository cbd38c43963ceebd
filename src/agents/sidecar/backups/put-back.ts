import { link, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { messageOf } from "../../../base/errors";
import { absentIs, isThere, moveFile, readText, removeFile, syncFolder, writeAtomically } from "../../../base/files";
import type { Logger } from "../../../base/log";
import { findSerial, stampSerial } from "../../../dns/master-file";
import { isNewerSerial, serialAfter } from "../../../dns/serial";
import type { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import {
  dropRestored,
  dropRestoredZone,
  noteBegun,
  noteLoading,
  readRestored,
  type Restored,
  restoredAmong,
} from "./restored";

/** What {@link PutBack} works with. */
export interface PutBackParts {
  readonly volume: KnotVolume;
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneReload">;
  /** Own zones that have a content. */
  readonly own: () => readonly string[];
  /** Own zones that are looked for. They begin with the backup by themselves, where others have nothing newer. */
  readonly sought: () => readonly string[];
  /** The content of a zone changed here. */
  readonly changed: (zone: string) => void;
  /** What could not be put back and is tried again, as sentences. */
  readonly onFailures: (failures: readonly string[]) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * So far the serial of a zone that is put back lies ahead of Knot's own, and of the time, which Knot's next serial follows. What
 * Knot has written over a file that it did not take has a lower one then, for a day after an agent that ended in the middle.
 */
const aheadSeconds = 86_400;
/** Until a zone that Knot did not take is tried again. */
const againMs = 30_000;

/** Sees at a site that runs to what a restore has put onto the volume: by a time, contents as they were then; without one, what waiting zones begin with. */
export class PutBack {
  /** Zones that Knot did not take, with why, and when each is tried again. */
  readonly #refused = new Map<string, { readonly failure: string; readonly again: number }>();

  constructor(private readonly parts: PutBackParts) {}

  /** Puts back what is due, each zone once, and takes the backup away once all of it is in use. */
  async round(site: string): Promise<void> {
    const { volume, sought, log, onFailures } = this.parts;
    const found = await readRestored(volume, site);
    if (found === undefined) {
      this.#refused.clear();
      onFailures([]);
      return;
    }
    const waiting = await restoredAmong(found, sought());
    const restored = { ...found, order: await noteBegun(volume, found.order, waiting) };
    const failures = restored.order.forced ? await this.#putAllBack(restored) : [];
    onFailures(failures);
    if (waiting.length > 0 || failures.length > 0) return;
    const refused = this.#refusal(restored);
    if (refused !== undefined) log.warn(refused, { ...restored.order });
    await dropRestored(volume, restored.order, refused);
  }

  /** Why not all of it is in use, a sentence. */
  #refusal({ order, manifest }: Restored): string | undefined {
    if (!order.forced)
      return order.begun !== undefined ? undefined : "a restore without a time changes nothing at a site that runs";
    const has = new Set(manifest.zones.map(({ zone }) => zone));
    const missing = this.parts.own().filter((zone) => !has.has(zone));
    if (missing.length === 0) return undefined;
    return `the backup of ${order.at} does not have zone ${missing.join(", ")}, which stays as it is; all others are as they were`;
  }

  /** One zone that fails keeps no other back, and those that are done are not put back again: changes may have come since. */
  async #putAllBack(restored: Restored): Promise<readonly string[]> {
    const { volume, own, now } = this.parts;
    const failures: string[] = [];
    for (const zone of own()) {
      const refused = this.#refused.get(zone);
      if (refused !== undefined && now() < refused.again) {
        failures.push(refused.failure);
        continue;
      }
      this.#refused.delete(zone);
      try {
        const text = await restored.textOf(zone);
        if (text === undefined) continue;
        if (restored.order.begun?.includes(zone) !== true) await this.#putZoneBack(zone, text, restored);
        await dropRestoredZone(volume, zone);
      } catch (error) {
        const failure = `zone ${zone} could not be put back and is tried again: ${messageOf(error)}`;
        if (error instanceof KnotControlError) this.#refused.set(zone, { failure, again: now() + againMs });
        failures.push(failure);
      }
    }
    return failures;
  }

  /**
   * With a serial that comes after Knot's own: the owner's is what all others follow. One rename is the step by which it is done:
   * as long as the file that was prepared for it is there, it was not.
   */
  async #putZoneBack(zone: string, text: string, { order }: Restored): Promise<void> {
    const { volume, log, changed } = this.parts;
    const begun = order.loading?.find((each) => each.zone === zone)?.serial;
    const standing = begun === undefined ? "none" : await this.#fileOf(zone, text, begun);
    if (standing !== "taken") {
      const written = begun === undefined || standing === "none" ? await this.#write({ zone, text, begun }) : begun;
      const serial = await this.#load({ zone, text, serial: written });
      log.warn("a zone is as it was in a backup", { zone, madeAt: order.at, serial });
    }
    await removeFile(formerFile(volume, zone));
    changed(zone);
  }

  /** How far a predecessor came with a zone, by its file: it is the one that was written, or what Knot has written since. */
  async #fileOf(zone: string, text: string, begun: number): Promise<"none" | "written" | "taken"> {
    const { volume } = this.parts;
    // Whatever stands then, with whatever serial, Knot may have written meanwhile.
    if (await isThere(preparedFile(volume, zone))) return "none";
    const standing = (await readText(volume.zoneFile(zone))) ?? "";
    if (standing === stampSerial(text, begun)) return "written";
    const serial = findSerial(standing)?.serial;
    return serial === undefined || isNewerSerial(begun, serial) ? "none" : "taken";
  }

  /**
   * Puts the file in the place of the one that stands.
   *
   * @param change.begun - Serial of a predecessor's try, or of what Knot served: this one comes after it.
   * @returns its serial.
   */
  async #write(change: { zone: string; text: string; begun: number | undefined }): Promise<number> {
    const { zone, text, begun } = change;
    const { volume, now } = this.parts;
    const [file, former, prepared] = [volume.zoneFile(zone), formerFile(volume, zone), preparedFile(volume, zone)];
    const served = await this.#served(zone);
    const serial =
      served === undefined
        ? serialAfter(now(), begun)
        : serialAfter(now() + aheadSeconds * 1000, (served + aheadSeconds) >>> 0, begun);
    // One that Knot refused, by a predecessor that ended while it put the former one back.
    if (await isSameFile(file, prepared)) await moveFile(former, file);
    await removeFile(former);
    // The file itself, and no copy: Knot reads one anew that was written later.
    await absentIs(undefined, () => link(file, former));
    await writeAtomically(prepared, stampSerial(text, serial));
    await noteLoading(volume, zone, serial);
    await moveFile(prepared, file);
    await syncFolder(dirname(file));
    return serial;
  }

  /**
   * Has Knot take the file that stands. One that has taken it already reads it no second time.
   *
   * @returns the serial with which it did.
   */
  async #load({ zone, text, serial }: { zone: string; text: string; serial: number }): Promise<number> {
    const before = await this.#served(zone);
    await this.#reload(zone);
    const after = await this.#served(zone);
    if (before === undefined || after === undefined || !isNewerSerial(before, after)) return serial;
    // The zone was changed between a predecessor's try and this one: others would not follow it back.
    const later = await this.#write({ zone, text, begun: before });
    await this.#reload(zone);
    return later;
  }

  async #served(zone: string): Promise<number | undefined> {
    return (await this.parts.control.zoneStatus([zone]))[0]?.serial;
  }

  /** The file that stood stands again if Knot does not take the other one, with which it would begin unseen at its next start. */
  async #reload(zone: string): Promise<void> {
    const { volume, control } = this.parts;
    try {
      await control.zoneReload(zone);
    } catch (error) {
      // A Knot that does not answer may have taken it.
      if (error instanceof KnotControlError) {
        const [file, prepared] = [volume.zoneFile(zone), preparedFile(volume, zone)];
        await absentIs(undefined, () => link(file, prepared));
        await moveFile(formerFile(volume, zone), file);
        await noteLoading(volume, zone);
        await removeFile(prepared);
      }
      throw error;
    }
  }
}

/** Whether two names are those of one file. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([one, other].map((path) => absentIs(undefined, () => stat(path))));
  return left !== undefined && left.ino === right?.ino && left.dev === right.dev;
}

/** What is to take a zone file's place, until it does. */
function preparedFile(volume: KnotVolume, zone: string): string {
  return beside(volume, zone, "restored");
}

/** What stood there before. */
function formerFile(volume: KnotVolume, zone: string): string {
  return beside(volume, zone, "former");
}

function beside(volume: KnotVolume, zone: string, what: string): string {
  const file = volume.zoneFile(zone);
  return join(dirname(file), `.${basename(file)}.${what}`);
}
