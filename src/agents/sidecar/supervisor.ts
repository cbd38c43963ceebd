import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import { isAborted } from "../../base/clock";
import type { Logger } from "../../base/log";

/** What {@link supervise} runs. */
export interface SupervisorOptions {
  /** The program, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** Options of Node's own. @default those of this process */
  readonly nodeFlags?: readonly string[];
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Has the program end (SIGTERM), which may take its time, and then ends the supervisor. */
  readonly signal: AbortSignal;
  /** First wait before a restart; doubled up to 30 seconds, and the first again after a minute without a crash. @default 200 */
  readonly firstWaitMs?: number;
}

const longestWaitMs = 30_000;
const calmMs = 60_000;

/**
 * Keeps a program running: starts it again whenever it ends. As the container's first process it lives on when the
 * program crashes, so that neither the container nor the pod restarts.
 */
export async function supervise(options: SupervisorOptions): Promise<void> {
  const first = options.firstWaitMs ?? 200;
  let wait = first;
  while (!isAborted(options.signal)) {
    const started = options.now();
    const end = await runOnce(options);
    if (isAborted(options.signal)) return;
    if (options.now() - started > calmMs) wait = first;
    options.log.error("the agent exited and is restarted", { ...end, afterMs: wait });
    await delay(wait, undefined, { signal: options.signal }).catch(() => undefined);
    wait = Math.min(wait * 2, longestWaitMs);
  }
}

function runOnce(options: SupervisorOptions): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  const child: ChildProcess = fork(options.script, options.args, {
    ...(options.nodeFlags && { execArgv: [...options.nodeFlags] }),
  });
  const stop = (): void => {
    child.kill("SIGTERM");
  };
  options.signal.addEventListener("abort", stop);
  return new Promise((resolve) => {
    const ended = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      options.signal.removeEventListener("abort", stop);
      resolve({ code, killedBy });
    };
    child.once("exit", ended);
    child.once("error", () => {
      ended(null, null);
    });
  });
}
