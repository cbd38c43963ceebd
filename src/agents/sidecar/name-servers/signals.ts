import { inParallel } from "../../../base/in-parallel";
import type { MeshView } from "../../../mesh/view";
import type { Change } from "./keeper";
import { isSignal, type Scope, type Signalled } from "./scope";
import { isSigned, noKeys, planSignal, readKeys, type SignalParts } from "./signal";

/** Until a zone is looked at again that said nothing, and one that did, in milliseconds. */
const [lateAgainMs, calmMs] = [30_000, 300_000];

/** What {@link Signals} works with. */
export interface SignalsParts extends SignalParts {
  /** Resolves to whether nothing is left to do. */
  readonly make: (change: Change) => Promise<boolean>;
  /** Names that the mesh put into an own zone, and another list of them. */
  readonly noted: (zone: string) => readonly string[];
  readonly note: (zone: string, names: readonly string[]) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Keeps, in own zones with names of servers, what they say of keys of zones elsewhere (RFC 9615). */
export class Signals {
  readonly #looks = new Map<string, { readonly seen: string; readonly dueAt: number }>();

  constructor(private readonly parts: SignalsParts) {}

  async keep(scope: Scope, serials: ReadonlyMap<string, number>, view: MeshView): Promise<void> {
    const keys = new Set(scope.signals.map(signalKey));
    for (const key of this.#looks.keys()) if (!keys.has(key)) this.#looks.delete(key);
    await inParallel(1, scope.signals, (signalled) => this.#see(signalled, serials.get(signalled.child.name), view));
    await this.#drop(scope, view);
  }

  /** Where it cannot be known which keys a zone has, what was said of it stays. */
  async #see(signalled: Signalled, serial: number | undefined, view: MeshView): Promise<void> {
    const { now, make, noted, note } = this.parts;
    const { host, child, owners } = signalled;
    if (serial === undefined) return;
    const key = signalKey(signalled);
    const seen = `${serial} ${owners.join(" ")}`;
    const before = this.#looks.get(key);
    if (before?.seen === seen && now() < before.dueAt) return;
    this.#looks.set(key, { seen, dueAt: now() + lateAgainMs });
    const keys = (await isSigned(this.parts, host)) ? await readKeys(this.parts, child.name) : noKeys;
    if (keys === undefined) return;
    const edits = await planSignal(this.parts, signalled, keys);
    // Noted before they are there, so that what is left over is found.
    if (!edits.areNone) await note(host, [...new Set([...noted(host), ...owners])].sort());
    const isMade = await make({ zone: host, edits, view, key });
    this.#looks.set(key, { seen, dueAt: now() + (isMade ? calmMs : lateAgainMs) });
  }

  /** Takes away what own zones say of zones that their servers serve no more. */
  async #drop({ kept, signals }: Scope, view: MeshView): Promise<void> {
    const wanted = new Set(signals.flatMap(({ owners }) => owners));
    for (const { name: host } of kept) {
      const noted = this.parts.noted(host);
      const former = noted.filter((name) => isSignal(name) && !wanted.has(name));
      if (former.length === 0) continue;
      const edits = await planSignal(this.parts, { host, owners: former });
      const isMade = await this.parts.make({ zone: host, edits, view, key: formerKey(host) });
      const left = this.parts.noted(host).filter((name) => !former.includes(name));
      if (isMade) await this.parts.note(host, left);
    }
  }
}

/** By which it is known what a host no longer says. */
export function formerKey(host: string): string {
  return `${host} says of others`;
}

/** By which what a host says of a zone is known. */
export function signalKey({ host, child }: Pick<Signalled, "host" | "child">): string {
  return `${host} says of ${child.name}`;
}
