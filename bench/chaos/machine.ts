import { readdirSync, readFileSync } from "node:fs";

import { median, round } from "../support/statistics";

/** Between two looks. */
const everyMs = 250;
/** For how long looks are kept. */
const keptMs = 120_000;

/** A process whose waits are watched: nothing while it does not run. */
type Pid = number | undefined;

/** What was withheld from some processes between two looks. */
interface Look {
  readonly at: number;
  /** Milliseconds, by pod. */
  readonly ms: ReadonlyMap<string, number>;
  /** From the suite's own process. */
  readonly ownMs: number;
}

/** What {@link MachineWatch} works with. */
export interface MachineOptions {
  /** The processes of each pod. */
  readonly pods: () => ReadonlyMap<string, readonly Pid[]>;
  /** Nanoseconds for which each thread of a process was ready to run and had no CPU, by thread. */
  readonly waits?: (pid: number) => ReadonlyMap<string, number>;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * Measures for how long the machine kept the mesh's processes from running: what a busy machine withholds is no fault of
 * theirs. The kernel counts it for each thread (`/proc/PID/task/TID/schedstat`). The suite's own process stands in for
 * load balancers and for those who ask, so that what it stood still counts too.
 */
export class MachineWatch implements Disposable {
  readonly #looks: Look[] = [];
  readonly #before = new Map<number, ReadonlyMap<string, number>>();
  #timer: NodeJS.Timeout | undefined;
  #lastLook: number | undefined;
  readonly #shares: number[] = [];
  #longestMs = 0;

  constructor(private readonly options: MachineOptions) {}

  start(): void {
    this.look();
    this.#timer = setInterval(() => {
      this.look();
    }, everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Takes what was withheld since the last look. */
  look(): void {
    const now = this.#now();
    const elapsed = now - (this.#lastLook ?? now);
    const own = this.#waitOf(process.pid, elapsed);
    this.#longestMs = Math.max(this.#longestMs, elapsed - everyMs);
    // A look that came late: the suite itself stood still, for want of a CPU or in work of its own.
    const ownMs = Math.max(own, elapsed - 2 * everyMs, 0);
    const ms = new Map(
      [...this.options.pods()].map(([pod, pids]) => {
        const waits = pids.map((pid) => (pid === undefined ? 0 : this.#waitOf(pid, elapsed)));
        return [pod, waits.reduce((sum, each) => sum + each, 0)];
      }),
    );
    this.#lastLook = now;
    this.#looks.push({ at: now, ms, ownMs });
    if (elapsed > 0) this.#shares.push(Math.min(100, (100 * Math.max(ownMs, ...ms.values())) / elapsed));
    while ((this.#looks[0]?.at ?? now) < now - keptMs) this.#looks.shift();
  }

  /** Milliseconds since a time for which processes of these pods, or the suite, were ready and had no CPU. */
  withheld(pods: readonly string[], since: number): number {
    let sum = 0;
    for (const { at, ms, ownMs } of this.#looks) {
      if (at <= since) continue;
      sum += ownMs;
      for (const pod of new Set(pods)) sum += ms.get(pod) ?? 0;
    }
    return sum;
  }

  /**
   * The share of time for which the pod that had it worst had to wait, in percent: in the middle, and at most in one look;
   * and the longest that the suite itself stood still, in milliseconds.
   */
  get share(): { readonly p50: number; readonly max: number; readonly suiteMs: number } {
    const shares = this.#shares;
    const suiteMs = round(this.#longestMs, 0);
    if (shares.length === 0) return { p50: 0, max: 0, suiteMs };
    return { p50: round(median(shares)), max: round(Math.max(...shares)), suiteMs };
  }

  /** Of the thread that waited longest, since the last look. */
  #waitOf(pid: number, elapsed: number): number {
    const waits = (this.options.waits ?? waitsOf)(pid);
    const before = this.#before.get(pid);
    this.#before.set(pid, waits);
    if (before === undefined) return 0;
    const grown = [...waits].map(([thread, total]) => (total - (before.get(thread) ?? total)) / 1e6);
    return Math.min(elapsed, Math.max(0, ...grown));
  }

  #now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}

/** As the kernel counts it; nothing for a process that is gone. */
function waitsOf(pid: number): ReadonlyMap<string, number> {
  const waits = new Map<string, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [, waited = "0"] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      waits.set(thread, Number(waited));
    }
  } catch {
    // It ended while it was looked at.
  }
  return waits;
}
