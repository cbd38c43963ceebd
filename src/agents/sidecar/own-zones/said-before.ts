import { isNewerSerial } from "../../../dns/serial";
import { nameOf } from "../silence";
import type { ZoneSource } from "./zone-source";

/** What a server says of a zone. */
export type Say =
  | { readonly kind: "has"; readonly serial: number }
  /** It has the directory, and so knows the mesh's zones, and not this one. */
  | { readonly kind: "denies" }
  | Unclear;

/** A server that says neither yes nor no. */
export interface Unclear {
  readonly kind: "unknown";
  readonly reason: string;
  /** It does not answer, or knows neither mesh nor zone. */
  readonly isAway: boolean;
  /** It has the zone in its configuration, and no content of it. */
  readonly isEmpty?: true;
}

/** What a server said of a zone, over looks. */
export interface Memory {
  readonly say: Say;
  /** When it was said last, and since when nothing else. Milliseconds since 1970. */
  readonly at: number;
  readonly since: number;
  /** What it had before it did not say any more, and until when it is waited for. */
  readonly had?: { readonly serial: number; readonly until: number };
}

/**
 * So long a denial must stand, since a server that has just come up denies a zone as well that it is still transferring; and so long
 * who says nothing must have been asked, since a holder may be back in a moment.
 */
const denialMs = 6000;
/** For so long a server that had a newer version is waited for when it is silent: some looks. */
const silenceMs = 20_000;

/**
 * What servers said of zones, over looks that ask some of them at a time. A server that has just come up, and is still
 * transferring a zone, denies it as well: where not all sites answer, a denial must stand for some time.
 */
export class SaidBefore {
  readonly #said = new Map<string, Map<string, Memory>>();

  /** @param now - Milliseconds since 1970. */
  constructor(private readonly now: () => number) {}

  /** Takes note of what a server says. */
  note(zone: string, source: ZoneSource, say: Say): void {
    const of = this.#said.get(zone) ?? new Map<string, Memory>();
    this.#said.set(zone, of);
    const before = of.get(nameOf(source.server));
    const at = this.now();
    const had = before?.say.kind === "has" ? { serial: before.say.serial, until: at + silenceMs } : before?.had;
    const since = before?.say.kind === say.kind ? before.since : at;
    of.set(nameOf(source.server), { say, at, since, ...(say.kind === "unknown" && had !== undefined && { had }) });
  }

  /** What a server said last. */
  of(zone: string, source: ZoneSource): Memory | undefined {
    return this.#said.get(zone)?.get(nameOf(source.server));
  }

  /** A newer version than this, which a server had that has been silent for a moment only. */
  hasMissed(zone: string, serial: number): boolean {
    const now = this.now();
    const memories = [...(this.#said.get(zone)?.values() ?? [])];
    return memories.some(({ had }) => had !== undefined && now < had.until && isNewerSerial(had.serial, serial));
  }

  /** A server that was seen to have the zone and has said neither yes nor no since, by address and port: a zone of which there is a copy does not begin anew. */
  holderThatIsSilent(zone: string): string | undefined {
    return [...(this.#said.get(zone) ?? [])].find(([, { had }]) => had !== undefined)?.[0];
  }

  clear(): void {
    this.#said.clear();
  }
}

/** Whether a server has said the same for as long as a denial must stand. */
export function lasts({ at, since }: Memory): boolean {
  return at - since >= denialMs;
}
