import { link } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { messageOf } from "../../../base/errors";
import { absentIs, moveFile, removeFile, writeAtomically } from "../../../base/files";
import type { Logger } from "../../../base/log";
import { stampSerial } from "../../../dns/master-file";
import { serialAfter } from "../../../dns/serial";
import type { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import { dropRestored, dropRestoredZone, noteBegun, readRestored, type Restored, restoredAmong } from "./restored";

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
  /** Zones that waited when the backup was there already, and so begin with it. */
  readonly #beginning = new Set<string>();
  /** Zones that Knot did not take, with why, and when each is tried again. */
  readonly #refused = new Map<string, { readonly failure: string; readonly again: number }>();

  constructor(private readonly parts: PutBackParts) {}

  /** Puts back what is due, each zone once, and takes the backup away once all of it is in use. */
  async round(site: string): Promise<void> {
    const { volume, sought, log, onFailures } = this.parts;
    const restored = await readRestored(volume, site);
    if (restored === undefined) {
      this.#beginning.clear();
      this.#refused.clear();
      onFailures([]);
      return;
    }
    const waiting = await restoredAmong(restored, sought());
    for (const zone of waiting) this.#beginning.add(zone);
    const failures = restored.order.forced ? await this.#putAllBack(restored) : [];
    onFailures(failures);
    if (waiting.length > 0) await noteBegun(volume, restored.order);
    if (waiting.length > 0 || failures.length > 0) return;
    const refused = this.#refusal(restored);
    if (refused !== undefined) log.warn(refused, { ...restored.order });
    await dropRestored(volume, restored.order, refused);
  }

  /** Why not all of it is in use, a sentence. */
  #refusal({ order, manifest }: Restored): string | undefined {
    if (!order.forced)
      return order.begun === true ? undefined : "a restore without a time changes nothing at a site that runs";
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
        if (!this.#beginning.has(zone)) await this.#putZoneBack(zone, text, restored);
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
    const { control, now, log, changed } = this.parts;
    const served = (await control.zoneStatus([zone]))[0]?.serial;
    const serial = serialAfter(now(), served);
    await this.#load(zone, stampSerial(text, serial));
    log.warn("a zone is as it was in a backup", { zone, madeAt: order.at, serial });
    changed(zone);
  }
  /** The file that stood stands again if Knot does not take the other one, with which it would begin unseen at its next start. */
  async #load(zone: string, text: string): Promise<void> {
    const file = this.parts.volume.zoneFile(zone);
    const former = join(dirname(file), `.${basename(file)}.former`);
    await removeFile(former);
    // The file itself, and no copy: Knot reads one anew that was written later.
    await absentIs(undefined, () => link(file, former));
    await writeAtomically(file, text);
    try {
      await this.parts.control.zoneReload(zone);
    } catch (error) {
      // A Knot that does not answer may have taken it.
      if (error instanceof KnotControlError) await moveFile(former, file);
      throw error;
    }
    await removeFile(former);
  }
}
