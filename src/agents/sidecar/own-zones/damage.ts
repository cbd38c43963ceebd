import { readText } from "../../../base/files";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import type { KnotControl } from "../../../knot/control/knot-control";

/** What a {@link DamageWatch} works with. */
export interface DamageWatchParts {
  readonly runtime: FixedRuntime;
  readonly control: Pick<KnotControl, "zoneStatus" | "loadingZones">;
  /** Own zones that have a content. */
  readonly zones: () => readonly string[];
  /** Has zones looked for that Knot cannot load. */
  readonly onDamage: (zones: readonly string[]) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between looks, and until the second look at a zone that was not loaded. */
const [everyMs, againMs] = [30_000, 4000];

/**
 * Watches for own zones that have a content and that Knot cannot load, since their file or journal is damaged. Nobody else
 * sees that: the other sites keep their copies.
 */
export class DamageWatch {
  #dueAt = 0;
  #suspects: ReadonlySet<string> = new Set();
  readonly #volume: KnotVolume;

  constructor(private readonly parts: DamageWatchParts) {
    this.#volume = new KnotVolume(parts.runtime.storage);
  }

  /** Looks when it is time. Throws what the control socket throws. */
  async round(): Promise<void> {
    const { runtime, zones, onDamage, now } = this.parts;
    if (!isWriter(runtime) || now() < this.#dueAt) return;
    this.#dueAt = now() + againMs;
    const failed = await this.#failed(zones());
    const damaged = failed.filter((zone) => this.#suspects.has(zone));
    this.#suspects = new Set(failed.filter((zone) => !damaged.includes(zone)));
    this.#dueAt = now() + (this.#suspects.size > 0 ? againMs : everyMs);
    if (damaged.length > 0) await onDamage(damaged);
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
