import { type FSWatcher, watch } from "node:fs";

import { Bell, type Clock, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import { ensureFolder, fingerprint, writeAtomically } from "../../../base/files";
import type { Logger } from "../../../base/log";
import type { ResourceRecord } from "../../../dns/record";
import { GuardFiles } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import type { Limits } from "../../../mesh/limits";
import type { HeldChange, Problems } from "../http/status";
import { type Allowance, readAllowance } from "./allowance";
import { type ChangeVerdict, doomedNames, isHarmless, judgeChange, publish } from "./judge";
import { contentOf, readDifference, readWhole } from "./waiting-change";

/** What a {@link ZoneGuard} works with. */
export interface ZoneGuardParts {
  readonly control: Pick<KnotControl, "changesWaiting" | "changeWaiting" | "zoneWaiting" | "judge">;
  readonly rundir: string;
  /** The pod's annotation, as a file. */
  readonly letThroughFile: string;
  /** Own zones that Knot has. */
  readonly zones: () => readonly string[];
  /** How much may go at once, false for all; undefined as long as that is not known. */
  readonly limits: () => Limits | false | undefined;
  /** A zone as our Knot serves it; nothing when it has no content yet. */
  readonly served: (zone: string) => Promise<readonly ResourceRecord[]>;
  readonly problems: Pick<Problems, "set">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a zone from one change to the next. */
interface ZoneMemory {
  /** Names that were taken away, with the time. */
  readonly recent: Map<string, number>;
  /** Names that it has at least, as counted at a time: not all changes come by here. */
  known: number;
  knownAt: number;
  held: { message: string; since: number; last: number; tries: number } | undefined;
}

/** Names that were taken away within this time count with those that a change takes away. */
const windowMs = 60_000;
/** After a change was held, and as long as it is tried again, names that were taken away are remembered for so long. */
const triedMs = 300_000;
/** A change that was held and not tried again for so long is no problem any more. */
const forgottenMs = 3_600_000;
const beatMs = 1000;
/** A change waits a moment after its files were written: it is looked for with doubled pauses, half a second in all. */
const [firstAgainMs, mostLooks] = [1, 10];
/** Knot drops a change for which it has no answer after five seconds. */
const answerMs = 4000;
/** Knot's words for a zone of which no change waits (KNOT_TXN_ENOTEXISTS). */
const notWaiting = "no active transaction";
/** The change is published unseen: what the zone has afterwards is not known. */
const passing: ChangeVerdict = { kind: "publish", names: [], added: new Set() };
/** Knot has dropped the change by itself. */
const late: ChangeVerdict = { kind: "hold", names: [], of: 0, reason: "it could not be judged in time" };
/** Names that a message shows. */
const mostShown = 5;

/**
 * Judges changes of the site's own zones before Knot publishes them (`external-validation`, ADR 0028). Knot writes a
 * file for each change, and then waits; each change is answered at once, either way, since a change that
 * waits holds up one of Knot's workers. One that is held is dropped: whoever sent it is refused, and sends it again once it is let through.
 */
export class ZoneGuard {
  readonly #files: GuardFiles;
  readonly #memories = new Map<string, ZoneMemory>();
  readonly #trusted = new Map<string, number>();
  readonly #bell: Bell;
  /** Zones whose change is being looked at. */
  readonly #busy = new Map<string, Promise<void>>();
  /** How often it is still looked whether something waits, and after which pause. */
  #looksLeft = mostLooks;
  #againMs = firstAgainMs;
  #beatAt = 0;
  #written = "";
  #trouble: string | undefined;
  /** Why the annotation cannot be used. */
  #unusable: string | undefined;

  constructor(private readonly parts: ZoneGuardParts) {
    this.#files = new GuardFiles(parts.rundir);
    this.#bell = new Bell(parts.clock);
  }

  /** Changes that are held. */
  get held(): readonly HeldChange[] {
    return [...this.#memories].flatMap(([zone, { held }]) => {
      if (held === undefined) return [];
      const { message, since, last, tries } = held;
      const lastMsAgo = this.parts.clock.now() - last;
      return [{ zone, message, since: new Date(since).toISOString(), lastMsAgo, tries }];
    });
  }

  /** Lets changes of a zone through as long as we make them ourselves. */
  async unguarded<T>(zone: string, work: () => Promise<T>): Promise<T> {
    this.#trusted.set(zone, (this.#trusted.get(zone) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#trusted.get(zone) ?? 1) - 1;
      if (left === 0) this.#trusted.delete(zone);
      else this.#trusted.set(zone, left);
    }
  }

  /** Runs until the signal is given. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    let watcher: FSWatcher | undefined;
    while (!isAborted(signal)) {
      watcher ??= await this.#watch(signal);
      if (this.parts.clock.now() >= this.#beatAt) await this.#beat();
      if (this.#looksLeft > 0) await this.#look();
      await this.#bell.wait(this.#looksLeft > 0 ? this.#againMs : beatMs, signal);
    }
    watcher?.close();
  }

  /** Shows that we are there and judge. */
  async #beat(): Promise<void> {
    const now = this.parts.clock.now();
    this.#beatAt = now + beatMs;
    try {
      // Without limits nothing is judged: then we are as good as away.
      if (this.parts.limits() !== undefined) {
        await writeAtomically(this.#files.alive, `${Math.floor(now / 1000)}\n`);
        await this.#lookForWritten();
      }
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = messageOf(error);
    }
    this.#forget(now);
    this.#show();
  }

  /** Files whose writing was not noticed. */
  async #lookForWritten(): Promise<void> {
    const written = await fingerprint(this.parts.zones().map((zone) => this.#files.removals(zone)));
    if (written !== this.#written) this.#expect();
    this.#written = written;
  }

  /** A change waits, or will in a moment. */
  #expect(): void {
    [this.#looksLeft, this.#againMs] = [mostLooks, firstAgainMs];
    this.#bell.ring();
  }

  async #watch(signal: AbortSignal): Promise<FSWatcher | undefined> {
    try {
      await ensureFolder(this.#files.folder);
      const watcher = watch(this.#files.folder, { signal });
      watcher.on("change", (_, file) => {
        if (String(file).endsWith(".removals")) this.#expect();
      });
      watcher.on("error", () => undefined);
      return watcher;
    } catch (error) {
      this.parts.log.info("changes are not noticed at once", { reason: messageOf(error) });
      return undefined;
    }
  }

  /**
   * Answers all that waits, before Knot is to read its configuration: with that it waits for these answers itself, and hears none
   * meanwhile. What comes a moment later is dropped after some seconds, and the reload waits as long. Never throws.
   */
  async answerAll(): Promise<void> {
    await this.#look();
    await Promise.all(this.#busy.values());
  }

  /** Begins to judge all that waits: a zone whose change takes time delays no other. */
  async #look(): Promise<void> {
    this.#looksLeft -= 1;
    this.#againMs *= 2;
    const { control, zones, log } = this.parts;
    try {
      for (const zone of await control.changesWaiting(zones())) {
        if (this.#busy.has(zone)) continue;
        const answer = this.#answer(zone).finally(() => {
          this.#busy.delete(zone);
          this.#expect();
        });
        this.#busy.set(zone, answer);
      }
    } catch (error) {
      // A Knot that is away has nothing that waits.
      log.info("waiting changes are not known", { reason: messageOf(error) });
    }
  }

  async #answer(zone: string): Promise<void> {
    const { control, clock, log } = this.parts;
    const began = clock.now();
    const memory = this.#memoryOf(zone);
    const judged = await this.#judge(zone, memory);
    // By now another change may wait in its place: the answer is not for that one.
    const isLate = clock.now() - began >= answerMs;
    const verdict = isLate ? late : judged;
    if (verdict === undefined) return;
    if (verdict.kind === "hold") this.#hold(zone, verdict);
    else if (verdict === passing) memory.known = 0;
    else this.#remember(memory, verdict);
    try {
      if (!isLate) await control.judge(zone, verdict.kind === "publish" ? "publish" : "drop");
    } catch (error) {
      log.warn("a change was not answered in time", { zone, verdict: verdict.kind, reason: messageOf(error) });
    }
    this.#show();
  }

  #remember(memory: ZoneMemory, { names, added }: Extract<ChangeVerdict, { kind: "publish" }>): void {
    for (const name of added) memory.recent.delete(name);
    for (const name of names) memory.recent.set(name, this.parts.clock.now());
    memory.known = Math.max(0, memory.known - names.length);
  }

  /** A change of which it is not known what it does is held. Nothing for one that does not wait any more. */
  async #judge(zone: string, memory: ZoneMemory): Promise<ChangeVerdict | undefined> {
    const { limits, served, control } = this.parts;
    const most = limits() ?? false;
    if (most === false || this.#trusted.has(zone)) return passing;
    // Before anything is read, which of a large zone may take too long.
    if (await this.#isLetThrough(zone)) {
      this.parts.log.warn("a change is let through", { zone });
      memory.held = undefined;
      memory.recent.clear();
      return passing;
    }
    try {
      const difference = await readDifference(control, zone);
      const change = { difference, recent: new Set(memory.recent.keys()), limits: most };
      if (isHarmless(change, memory.known)) return publish(difference, doomedNames(difference));
      const content = contentOf(zone, await served(zone));
      [memory.known, memory.knownAt] = [content.records.size, this.parts.clock.now()];
      if (content.records.size === 0) return passing;
      // Unanswered, it is looked at again; one that waits for ever is dropped by Knot.
      const whole = difference.isWhole ? await readWhole(control, zone) : difference;
      return whole && judgeChange({ ...change, difference: whole }, content);
    } catch (error) {
      if (error instanceof KnotControlError && error.message.includes(notWaiting)) return undefined;
      return { kind: "hold", names: [], of: 0, reason: `what it does cannot be read: ${messageOf(error)}` };
    }
  }

  async #isLetThrough(zone: string): Promise<boolean> {
    const now = this.parts.clock.now();
    let allowance: Allowance;
    try {
      allowance = await readAllowance(this.parts.letThroughFile, now);
      this.#unusable = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#unusable)
        this.parts.log.warn("the annotation that lets changes through cannot be used", { reason });
      this.#unusable = reason;
      return false;
    }
    return (allowance.get(zone) ?? 0) > now;
  }

  #hold(zone: string, { names, reason }: Extract<ChangeVerdict, { kind: "hold" }>): void {
    const memory = this.#memoryOf(zone);
    const now = this.parts.clock.now();
    const shown = names.slice(0, mostShown).join(", ");
    const which = names.length === 0 ? "" : ` (${shown}${names.length > mostShown ? ", …" : ""})`;
    const message = `a change of zone ${zone} is held: ${reason}${which}; if that is wanted, let it through: docs/runbooks/change-held.md`;
    const { since = now, tries = 0 } = memory.held ?? {};
    memory.held = { message, since, last: now, tries: tries + 1 };
  }

  /** As long as a change that is held is tried again, all that was taken away since shortly before counts with the next attempt. */
  #forget(now: number): void {
    if (this.parts.limits() === false) this.#memories.clear();
    for (const memory of this.#memories.values()) {
      if (now - memory.knownAt >= windowMs) memory.known = 0;
      if (memory.held !== undefined && now - memory.held.last >= forgottenMs) memory.held = undefined;
      if (memory.held !== undefined && now - memory.held.last < triedMs) continue;
      for (const [name, at] of memory.recent) if (now - at >= windowMs) memory.recent.delete(name);
    }
  }

  #show(): void {
    const trouble = this.#trouble === undefined ? [] : [`changes of own zones cannot be judged: ${this.#trouble}`];
    this.parts.problems.set("guard", [...trouble, ...this.held.map(({ message }) => message)]);
  }

  #memoryOf(zone: string): ZoneMemory {
    const found = this.#memories.get(zone) ?? {
      recent: new Map<string, number>(),
      known: 0,
      knownAt: 0,
      held: undefined,
    };
    this.#memories.set(zone, found);
    return found;
  }
}
