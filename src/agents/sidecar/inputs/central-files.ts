import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { fingerprint, listFolder, readText, writeAtomically } from "../../../base/files";
import { stampSerial } from "../../../dns/master-file";
import { KnotVolume } from "../../../knot/config/volume";
import { manifestFile, mostParts, partFile, unpackCentralZones } from "../../../mesh/central-parts";
import type { WelcomePacket } from "../../../mesh/model";

/** What {@link CentralFiles.take} did. */
export type CentralResult =
  | { readonly kind: "unchanged" }
  /** Parts are missing or do not belong together, as while mounts change one after the other. */
  | { readonly kind: "incomplete" }
  /** Zones whose files have a new content. */
  | { readonly kind: "written"; readonly zones: readonly string[] };

/** The primary's central zones, from mounted parts to Knot's zone files. */
export class CentralFiles {
  #seen = "";

  constructor(
    private readonly options: { readonly folder: string; readonly storage: string; readonly now: () => number },
  ) {}

  /**
   * Takes over what is mounted if it changed since the last call. Knot counts the serial up by itself, so that a file
   * whose text differs in nothing else stays as it is.
   *
   * @param restamp - Writes the current time into the serial of an equal file too: for a start, as a Knot without its
   *   journal serves the file's serial, which secondaries must not take for an old one.
   */
  async take(packet: WelcomePacket, restamp = false): Promise<CentralResult> {
    const now = await fingerprint(fileNames.map((name) => join(this.options.folder, name)));
    if (now === this.#seen) return { kind: "unchanged" };
    const zones = unpackCentralZones(await this.#readParts());
    if (zones === undefined) return { kind: "incomplete" };
    const written: string[] = [];
    for (const [zone, text] of [
      [packet.directoryZone, zones.directory],
      [packet.catalogZone, zones.catalog],
    ] as const) {
      if (await this.#write(zone, { text, restamp })) written.push(zone);
    }
    this.#seen = now;
    return written.length > 0 ? { kind: "written", zones: written } : { kind: "unchanged" };
  }

  async #write(zone: string, { text, restamp }: { text: string; restamp: boolean }): Promise<boolean> {
    const path = new KnotVolume(this.options.storage).zoneFile(zone);
    const standing = await readText(path);
    if (!restamp && standing !== undefined && sameContent(standing, text)) return false;
    await writeAtomically(path, stampSerial(text, Math.floor(this.options.now() / 1000)));
    return true;
  }

  async #readParts(): Promise<Map<string, Buffer>> {
    const present = (await listFolder(this.options.folder)).filter((name) => fileNames.includes(name));
    const files = await Promise.all(
      present.map(async (name) => [name, await readFile(join(this.options.folder, name))] as const),
    );
    return new Map(files);
  }
}

const fileNames = [manifestFile, ...Array.from({ length: mostParts }, (_, part) => partFile(part))];

function sameContent(standing: string, text: string): boolean {
  try {
    return stampSerial(standing, 0) === stampSerial(text, 0);
  } catch {
    return false;
  }
}
