import type { Clock } from "../../base/clock";
import { isAborted } from "../../base/clock";
import type { Logger } from "../../base/log";
import { resolverWorkers } from "../../contract/resolver";
import type { WorkerControl, WorkerState } from "./worker-control";

/** What {@link Workers} works with. */
export interface WorkersOptions {
  readonly control: Pick<WorkerControl, "state" | "restart">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Milliseconds that a process has to come up. @default 10000 */
  readonly patienceMs?: number;
  /** After which a silent process is ended. @default 20000 */
  readonly hangMs?: number;
}

const pollMs = 50;

/**
 * The processes of Knot Resolver. Each says itself which configuration it runs, so that nothing depends on what an earlier
 * agent did or did not come to.
 */
export class Workers {
  /** Since when a process has been silent. */
  readonly #silentSince = new Map<number, number>();
  /** Those that do not come up, as it was logged. */
  readonly #down = new Set<number>();
  #version = "";

  constructor(private readonly options: WorkersOptions) {}

  /**
   * Restarts those that run another configuration than the written one, one after the other, and one that has hung for long. One that
   * answers is left alone as long as another one does not: what that one chokes on, it would too.
   *
   * @returns whether all run that version.
   */
  async bring(version: string, signal: AbortSignal): Promise<boolean> {
    if (version !== this.#version) this.#down.clear();
    this.#version = version;
    // One that answers nobody is the first to be put right.
    const states = await Promise.all(resolverWorkers.map((worker) => this.#state(worker)));
    const order = [...resolverWorkers].sort((a, b) => rank(states[a]) - rank(states[b]));
    for (const worker of order) {
      if (isAborted(signal) || !(await this.#bringOne(worker, version, signal))) return false;
    }
    return true;
  }

  async #bringOne(worker: number, version: string, signal: AbortSignal): Promise<boolean> {
    const { control, log, clock, hangMs = 20_000 } = this.options;
    const state = await this.#state(worker);
    if (isRunning(state, version)) return true;
    if (state.kind === "silent") {
      if (clock.now() - (this.#silentSince.get(worker) ?? clock.now()) < hangMs) return false;
      log.error("a process of Knot Resolver hangs, and is ended", { worker });
      this.#silentSince.delete(worker);
    }
    if (state.kind === "answers" && !(await this.#othersAnswer(worker))) return false;
    // Whoever is away is started by the shell, with what is written.
    if (state.kind === "away" && this.#down.has(worker)) return false;
    if (state.kind !== "away") await control.restart(worker);
    if (await this.#isBack(worker, version, signal)) return true;
    this.#down.add(worker);
    if (!isAborted(signal)) log.error("a process of Knot Resolver does not come up; its log says why", { worker });
    return false;
  }

  async #othersAnswer(worker: number): Promise<boolean> {
    const others = resolverWorkers.filter((other) => other !== worker);
    return (await Promise.all(others.map((other) => this.#state(other)))).every(({ kind }) => kind === "answers");
  }

  async #isBack(worker: number, version: string, signal: AbortSignal): Promise<boolean> {
    const { clock, patienceMs = 10_000 } = this.options;
    const until = clock.now() + patienceMs;
    for (;;) {
      if (isRunning(await this.#state(worker), version)) return true;
      if (clock.now() >= until || isAborted(signal)) return false;
      await clock.pause(pollMs, signal);
    }
  }

  /** Logs once that a process is silent, and that it, or one that did not come up, answers again. */
  async #state(worker: number): Promise<WorkerState> {
    const { control, clock, log } = this.options;
    const state = await control.state(worker);
    const wasSilent = this.#silentSince.has(worker);
    if (state.kind !== "silent") this.#silentSince.delete(worker);
    else if (!wasSilent) {
      this.#silentSince.set(worker, clock.now());
      log.warn("a process of Knot Resolver does not answer", { worker });
    }
    if (state.kind === "answers" && (this.#down.delete(worker) || wasSilent))
      log.info("a process of Knot Resolver answers again", { worker });
    return state;
  }
}

function isRunning(state: WorkerState, version: string): boolean {
  return state.kind === "answers" && state.version === version;
}

function rank(state: WorkerState | undefined): number {
  return ["silent", "away", "answers"].indexOf(state?.kind ?? "away");
}
