import { link } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { messageOf } from "../../../base/errors";
import { absentIs, moveFile, readText, removeFile, writeAtomically } from "../../../base/files";
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

  /** With a serial that comes after Knot's own: the owner's is what all others follow. */
  async #putZoneBack(zone: string, text: string, { order }: Restored): Promise<void> {
    const { volume, control, now, log, changed } = this.parts;
    const begun = order.loading?.find((each) => each.zone === zone)?.serial;
    const standing = begun === undefined ? "none" : await this.#fileOf(zone, text, begun);
    if (standing !== "taken") {
      const served = (await control.zoneStatus([zone]))[0]?.serial;
      const serial = begun !== undefined && standing === "written" ? begun : serialAfter(now(), served);
      if (standing === "none") await this.#write(zone, text, serial);
      // A Knot that has taken the file already reads it no second time.
      await this.#load(zone);
      log.warn("a zone is as it was in a backup", { zone, madeAt: order.at, serial });
    }
    await removeFile(formerFile(volume, zone));
    changed(zone);
  }

  /** How far a predecessor came with a zone, by its file: it is the one that was written, or what Knot has written since. */
  async #fileOf(zone: string, text: string, begun: number): Promise<"none" | "written" | "taken"> {
    const standing = (await readText(this.parts.volume.zoneFile(zone))) ?? "";
    if (standing === stampSerial(text, begun)) return "written";
    const serial = findSerial(standing)?.serial;
    return serial === undefined || isNewerSerial(begun, serial) ? "none" : "taken";
  }

  async #write(zone: string, text: string, serial: number): Promise<void> {
    const { volume } = this.parts;
    const [file, former] = [volume.zoneFile(zone), formerFile(volume, zone)];
    await removeFile(former);
    // The file itself, and no copy: Knot reads one anew that was written later.
    await absentIs(undefined, () => link(file, former));
    await noteLoading(volume, zone, serial);
    await writeAtomically(file, stampSerial(text, serial));
  }

  /** The file that stood stands again if Knot does not take the other one, with which it would begin unseen at its next start. */
  async #load(zone: string): Promise<void> {
    const { volume, control } = this.parts;
    try {
      await control.zoneReload(zone);
    } catch (error) {
      // A Knot that does not answer may have taken it.
      if (error instanceof KnotControlError) {
        await moveFile(formerFile(volume, zone), volume.zoneFile(zone));
        await noteLoading(volume, zone);
      }
      throw error;
    }
  }
}

function formerFile(volume: KnotVolume, zone: string): string {
  const file = volume.zoneFile(zone);
  return join(dirname(file), `.${basename(file)}.former`);
}
