import { systemClock } from "../../base/clock";
import { watchFolder } from "../../base/folder-watch";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";

/** What a {@link CentralWatch} works with. */
export interface CentralWatchParts {
  /** Asks the site's own Knot. */
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly knot: DnsServer;
  /** Folder of Knot's journal. */
  readonly journal: string;
  /** Names of the central zones; none before they are known. */
  readonly zones: () => readonly string[];
  /** Sites of the mesh, as far as they are known. */
  readonly sites: () => number;
  /** The central zones are others than before. */
  readonly changed: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** @default the machine's */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Least time between two looks' beginnings, and from the end of one to the next where it was long. */
const [restMs, mostRestMs] = [20, 2000];
/** Between looks for a journal that is not there. */
const lookAgainMs = 1000;
/** From a write to the first look, in milliseconds: Knot shows a new serial a few after the write. */
const [leastMs, mostMs] = [5, 100];
/** How many times as late the second look is. */
const secondLook = 4;

/**
 * Notices at once when new central zones have arrived: Knot writes each version of a zone to its journal before it answers it. A
 * write may be of any zone, and each costs two questions; so the more sites a mesh has, the longer a look waits for further
 * writes. A change that no look found is found by the clock.
 */
export class CentralWatch {
  #seen: readonly (number | undefined)[] = [];

  constructor(private readonly parts: CentralWatchParts) {}

  /** Watches until the signal is given. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const onChange = (): Promise<number> => this.look(signal);
    await watchFolder({ path: this.parts.journal, onChange, restMs, mostRestMs, lookAgainMs, signal });
  }

  /** Looks after a write, at most twice. Returns for how many milliseconds it asked. Never throws. */
  async look(signal: AbortSignal): Promise<number> {
    const { sites, now, changed, pause = systemClock.pause } = this.parts;
    const first = Math.min(Math.max(leastMs, sites()), mostMs);
    const before = this.#seen;
    let workedMs = 0;
    for (const wait of [first, (secondLook - 1) * first]) {
      await pause(wait, signal);
      if (signal.aborted) return workedMs;
      const began = now();
      this.#seen = await this.#serials();
      workedMs += now() - began;
      // What concerns both zones comes in two pieces: a plan with one of them would find the other wanting.
      if (this.#seen.every((serial, i) => serial !== before[i])) break;
    }
    if (this.#seen.some((serial, i) => serial !== before[i])) changed();
    return workedMs;
  }

  /** In the order of the zones. One that is not answered has none. */
  async #serials(): Promise<readonly (number | undefined)[]> {
    const { dns, knot, zones } = this.parts;
    const serials = zones().map((zone) =>
      dns.querySoa(knot, zone).then(
        ({ serial }) => serial,
        () => undefined,
      ),
    );
    return Promise.all(serials);
  }
}
