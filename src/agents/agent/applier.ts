import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../errors";
import type { KnotControl } from "../../io/knot-control";
import {
  localCatalogFile,
  localCatalogZone,
  membersOf,
  ownerTemplate,
  renderSiteFiles,
  type SiteInput,
} from "../../knot/site-config";
import type { SiteFiles } from "./site-files";

/** The part of Knot's control that applying needs. */
export type ApplyControl = Pick<KnotControl, "reload" | "zoneReload" | "zoneStatus">;

/** Knot did not take what it was given; what stood before is back in place. */
export class ApplyError extends Error {
  override readonly name = "ApplyError";
}

/** What an {@link Applier} works with. */
export interface ApplierOptions {
  readonly control: ApplyControl;
  readonly files: SiteFiles;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds in which Knot must show what it was given. @default 20000 */
  readonly verifyMs?: number;
}

/** Brings a site's files into Knot, all or nothing. */
export class Applier {
  reloads = 0;

  constructor(private readonly o: ApplierOptions) {}

  /**
   * Writes what differs, loads it and waits until Knot shows it.
   *
   * @param o.force - Loads also when no file differs: nobody knows what a predecessor got loaded.
   * @param o.accepted - Called once Knot took the configuration, before its members are verified.
   * @returns the paths that differed.
   * @throws ApplyError when Knot refused or did not follow; the files from before stand and are loaded again.
   */
  async apply(
    input: SiteInput,
    o: { readonly force?: boolean; readonly accepted?: () => Promise<void> } = {},
  ): Promise<readonly string[]> {
    const before = await this.o.files.replace(renderSiteFiles(input));
    const paths = [...before.keys()];
    if (paths.length === 0 && o.force !== true) return paths;
    try {
      await this.#load(paths, o.force === true);
      await o.accepted?.();
      await this.#verify(input);
    } catch (error) {
      await this.o.files.write(before);
      await this.#loadAgain(paths);
      throw new ApplyError(messageOf(error), { cause: error });
    }
    return paths;
  }

  /** A membership alone takes a reload of the one zone that lists it. */
  async #load(paths: readonly string[], force: boolean): Promise<void> {
    this.reloads += 1;
    if (!force && paths.every((path) => path === localCatalogFile)) {
      await this.o.control.zoneReload(localCatalogZone);
    } else {
      await this.o.control.reload();
    }
  }

  /** Knot keeps its old configuration when it refuses a new one, so that this only matters after a failed verification. */
  async #loadAgain(paths: readonly string[]): Promise<void> {
    try {
      await this.#load(paths, false);
    } catch {
      // Told already: it is the reason why we are here, and the next pass tries again.
    }
  }

  async #verify(input: SiteInput): Promise<void> {
    const deadline = this.o.now() + (this.o.verifyMs ?? 20_000);
    for (let wait = 20; ; wait = Math.min(wait * 1.6, 500)) {
      const missing = await this.#difference(input);
      if (missing === undefined) return;
      if (this.o.now() > deadline) throw new Error(`Knot did not follow: ${missing}`);
      await delay(wait);
    }
  }

  /** A sentence on what Knot does not show yet. */
  async #difference(input: SiteInput): Promise<string | undefined> {
    const { packet } = input;
    const statuses = new Map((await this.o.control.zoneStatus()).map((status) => [status.zone, status]));
    const fixed = [packet.directoryZone, packet.catalogZone, ...packet.site.zones.map(({ name }) => name)];
    for (const zone of [...fixed, localCatalogZone]) {
      const status = statuses.get(zone);
      if (status === undefined || status.member !== undefined) return `zone ${zone} is not there`;
      statuses.delete(zone);
    }
    for (const { name, owner } of membersOf(input)) {
      const member = statuses.get(name)?.member;
      if (member?.group !== ownerTemplate(owner)) return `zone ${name} is not there as a zone of ${owner}`;
      statuses.delete(name);
    }
    const [surplus] = statuses.keys();
    return surplus === undefined ? undefined : `zone ${surplus} is still there`;
  }
}
