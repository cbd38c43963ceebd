import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { AppliedSet } from "../../records/model";
import type { Logger } from "../../base/log";
import type { MeshSites, Spread } from "./mesh-sites";
import type { Entry } from "./record-store";
import type { Reporter } from "./reporter";

/** An object that the writer has, in a version of its zone, and that every site is to answer. */
export interface Travelling {
  readonly entry: Entry;
  readonly generation: number;
  readonly serial: number;
  readonly applied: AppliedSet;
  readonly note?: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Statuses written at a time. */
export const writeWidth = 16;
const firstPauseMs = 10;
const longestPauseMs = 1000;
/** How long an object waits before its status tells for whom. */
const patienceMs = 1000;

/** Follows objects on their way to every site, and says so when they are there. */
export class Spreading {
  readonly #zones = new Map<string, Map<string, Travelling>>();
  /** Objects that all but sites that were away had: looked at again from time to time. */
  readonly #short = new Map<string, Map<string, Travelling>>();
  #wake = new AbortController();
  #pauseMs = firstPauseMs;

  constructor(
    private readonly o: {
      readonly sites: Pick<MeshSites, "ask">;
      readonly reporter: Pick<Reporter, "report">;
      readonly log: Logger;
      /** Milliseconds since 1970. */
      readonly now: () => number;
    },
  ) {}

  get waiting(): number {
    return [...this.#zones.values()].reduce((sum, zone) => sum + zone.size, 0);
  }

  expect(zone: string, travelling: Travelling): void {
    const { uid } = travelling.entry;
    this.#zones.set(zone, (this.#zones.get(zone) ?? new Map<string, Travelling>()).set(uid, travelling));
    this.#short.get(zone)?.delete(uid);
    this.#pauseMs = firstPauseMs;
    this.#wake.abort();
  }

  forget(zone: string, uid: string): void {
    this.#zones.get(zone)?.delete(uid);
    this.#short.get(zone)?.delete(uid);
  }

  /** Looks again at what sites that were away did not have. */
  retryShort(): void {
    for (const [zone, all] of this.#short) for (const travelling of [...all.values()]) this.expect(zone, travelling);
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const open = [...this.#zones].filter(([, all]) => all.size > 0);
      await inParallel(8, open, ([zone, all]) => this.#look(zone, all));
      const pauseMs = this.waiting > 0 ? this.#pauseMs : longestPauseMs * 60;
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
      await pause(firstPauseMs, signal);
      await pause(pauseMs - firstPauseMs, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #look(zone: string, all: Map<string, Travelling>): Promise<void> {
    const asked = [...all.values()];
    const spread = await this.o.sites.ask(zone);
    await inParallel(writeWidth, asked, async (travelling) => {
      const { uid } = travelling.entry;
      if (all.get(uid) !== travelling) return;
      try {
        if (await this.#tell(zone, travelling, spread(travelling.serial))) all.delete(uid);
      } catch (error) {
        this.o.log.warn("a status waits", { zone, reason: messageOf(error) });
      }
    });
  }

  /** Returns whether there is nothing more to wait for. */
  async #tell(zone: string, travelling: Travelling, { waiting, away }: Spread): Promise<boolean> {
    const { entry, generation, applied, note, since } = travelling;
    if (waiting.length > 0) {
      if (this.o.now() - since < patienceMs) return false;
      await this.o.reporter.report(entry, { generation, progress: { kind: "waiting", sites: waiting }, applied });
      return false;
    }
    const progress = { kind: "programmed" as const, away, ...(note !== undefined && { note }) };
    await this.o.reporter.report(entry, { generation, progress, applied });
    if (away.length > 0) {
      const short = this.#short.get(zone) ?? new Map<string, Travelling>();
      this.#short.set(zone, short.set(entry.uid, travelling));
    }
    return true;
  }
}

/** Waits, and no longer than until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
