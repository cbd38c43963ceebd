import { messageOf } from "../../../base/errors";
import { readText } from "../../../base/files";
import { without } from "../../../base/lists";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";

/** What a {@link DamageWatch} works with. */
export interface DamageWatchParts {
  readonly runtime: FixedRuntime;
  readonly control: Pick<KnotControl, "zoneStatus" | "loadingZones" | "zoneReload">;
  /** Own zones that have a content. */
  readonly zones: () => readonly string[];
  /** Those that this server signs. */
  readonly signed: () => { has(zone: string): boolean };
  /** Has zones looked for whose files are damaged. */
  readonly onDamage: (zones: readonly string[]) => Promise<void>;
  /** Takes note of which zones Knot does not load for another reason, as sentences; all of them each time. */
  readonly onOther: (reasons: readonly string[]) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between looks, and until the second look at a zone that was not loaded. */
const [everyMs, againMs] = [30_000, 4000];

/** What Knot 3.5.8 says of a file that it cannot parse, of all errors when a zone is loaded. */
const parserFailed = /: failed$/;

/**
 * Watches for own zones that have a content and that Knot cannot load. Nobody else sees that: the other sites keep their
 * copies. A zone is looked for only where its file is missing or damaged: a file that is whole has changes that others may
 * lack, and is not given up for a damaged key database, say. Knot's word for a damaged file may be another failure's where
 * the zone is signed.
 */
export class DamageWatch {
  #dueAt = 0;
  #suspects: ReadonlySet<string> = new Set();
  readonly #others = new Map<string, string>();
  readonly #volume: KnotVolume;

  constructor(private readonly parts: DamageWatchParts) {
    this.#volume = new KnotVolume(parts.runtime.storage);
  }

  /** Looks when it is time. Throws what the control socket throws. */
  async round(): Promise<void> {
    const { runtime, zones, onDamage, onOther, now } = this.parts;
    if (!isWriter(runtime) || now() < this.#dueAt) return;
    this.#dueAt = now() + againMs;
    const failed = await this.#failed(zones());
    for (const zone of without([...this.#others.keys()], failed)) this.#others.delete(zone);
    const again = failed.filter((zone) => this.#suspects.has(zone));
    const damaged: string[] = [];
    for (const zone of again) if (await this.#isDamaged(zone)) damaged.push(zone);
    this.#suspects = new Set(without(failed, again));
    this.#dueAt = now() + (this.#suspects.size > 0 ? againMs : everyMs);
    onOther([...this.#others.values()]);
    if (damaged.length > 0) await onDamage(damaged);
  }

  /** Has Knot load the zone once more, for its reason. */
  async #isDamaged(zone: string): Promise<boolean> {
    if ((await readText(this.#volume.zoneFile(zone))) === undefined) return true;
    try {
      await this.parts.control.zoneReload(zone);
      this.#others.delete(zone);
      return false;
    } catch (error) {
      if (!(error instanceof KnotControlError)) throw error;
      if (parserFailed.test(error.message) && !this.parts.signed().has(zone)) return true;
      this.#others.set(zone, `zone ${zone} is not loaded: ${messageOf(error)}; its file is left where it is`);
      return false;
    }
  }

  /** Those without a content in Knot that it is not just loading, and that are not at their first content. */
  async #failed(zones: readonly string[]): Promise<readonly string[]> {
    const statuses = await this.parts.control.zoneStatus(zones);
    const empty = statuses.filter(({ serial, member }) => serial === undefined && member === undefined);
    const names = empty.map(({ zone }) => zone);
    const loading = new Set(names.length === 0 ? [] : await this.parts.control.loadingZones(names));
    const failed: string[] = [];
    for (const zone of names) {
      const isFirst = (await readText(this.#volume.firstContent(zone))) !== undefined;
      if (!isFirst && !loading.has(zone)) failed.push(zone);
    }
    return failed;
  }
}
