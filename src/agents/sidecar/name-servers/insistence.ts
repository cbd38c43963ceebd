import type { MeshView } from "../../../mesh/view";

/** How often the same change is made, and for how long that counts. */
const [mostTimes, forgottenMs] = [5, 3_600_000];

/**
 * Counts changes that are made again and again, since somebody undoes them: a DnsRecord, or a program that sends UPDATEs.
 * Two that disagree would change the zone for ever, at every site.
 */
export class Insistence {
  readonly #zones = new Map<
    string,
    { readonly view: MeshView; readonly since: number; readonly counts: Map<string, number> }
  >();

  /** @param now - Milliseconds since 1970. */
  constructor(private readonly now: () => number) {}

  /** Those of the changes that were undone too often. Once the list is another one, or after an hour, they are made again. */
  undone(zone: string, view: MeshView, changes: readonly string[]): readonly string[] {
    const known = this.#zones.get(zone);
    if (known?.view !== view || this.now() - known.since >= forgottenMs) {
      this.#zones.delete(zone);
      return [];
    }
    return changes.filter((change) => (known.counts.get(change) ?? 0) >= mostTimes);
  }

  /** Takes note of changes that were made. */
  made(zone: string, view: MeshView, changes: readonly string[]): void {
    const { counts } = this.#zones.get(zone) ?? { counts: new Map<string, number>() };
    if (!this.#zones.has(zone)) this.#zones.set(zone, { view, since: this.now(), counts });
    for (const change of changes) counts.set(change, (counts.get(change) ?? 0) + 1);
  }
}
